// What every JSON report is made of: the envelope, and the shapes of an object, a site, a stack and a root (JSON.md).
// For the .cc files of this folder only.
//
//   Json json = envelope(snapshot, "fragmentation");
//   json["pins"] = ...;
//   return dump(json);
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "analyzer/findings/finding.h"
#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw::json_parts {

using Json = nlohmann::ordered_json;

// Invalid UTF-8 of a hostile or odd name becomes U+FFFD; the shape stays valid.
std::string dump(const Json& json);
Json address(Address a);
Json siteOf(const Snapshot& s, SiteIndex site);
Json objectOf(const Snapshot& s, ObjectIndex object);
Json stackOf(const Snapshot& s, StackIndex index);
Json rootOf(const Snapshot& s, const RootInfo& root);
Json findingOf(const Snapshot& s, const Finding& finding);
// What every report begins with; `scope` is there when the report is of one.
Json envelope(const Snapshot& s, const char* report, const ScopeSelection* scope = nullptr);

}  // namespace openclaw::json_parts
