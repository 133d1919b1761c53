// Where a person was in a dump, said in names: types, sites, arenas and addresses outlive a load, indexes do not. So the same
// file, read again or with another policy, comes up as it was left, and what is no longer in it is named.
//
//   const Whereabouts left = nameOf(*snapshot, scope, object);             // before the dump goes
//   const FoundAgain found = findAgain(*again, left);                      // in the one that came
//   found.scope;  found.object;  found.gone;                               // "type Session", …
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

namespace openclaw::gui {

// An object by its address (or the number that the dumped program gave it) and its type: another object at the same place is
// another one.
struct ObjectName {
  Address address;
  std::string type;
};

struct PartName {
  ScopePart part;               // the kind; of ages all there is to say
  std::string name, file;       // the type's, the site's function, the arena's
  std::uint32_t line = 0;
  std::uint32_t ordinal = 0;    // among those of the same name: classes of several loaders share names
  std::optional<ObjectName> owner;
  std::string label;            // as it was shown
};

struct Whereabouts {
  std::vector<PartName> parts;
  std::optional<ObjectName> object;
  std::string objectLabel;
};
Whereabouts nameOf(const Snapshot& snapshot, const Scope& scope, ObjectIndex object);

struct FoundAgain {
  Scope scope;  // of the parts that are still there
  ObjectIndex object = ObjectIndex::none();
  std::vector<std::string> gone;  // labels of parts, in their order
  bool objectGone = false;
};
// Cost: O(types + sites) a part.
FoundAgain findAgain(const Snapshot& snapshot, const Whereabouts& left);

}  // namespace openclaw::gui
