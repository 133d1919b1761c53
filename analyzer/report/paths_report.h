// What `heap-analyzer paths` says: the paths that keep one object alive, or those of a whole type or site merged.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "analyzer/graph/merged_paths.h"
#include "analyzer/graph/paths.h"
#include "analyzer/snapshot.h"

namespace openclaw {

struct ObjectPaths {
  ObjectIndex object;
  std::size_t asked = 3;
  DifferentPaths paths;
  // References to the object that do not keep it alive, by whoever holds them.
  std::uint64_t weakReferences = 0;
};
// kInvalidArgument when no object covers the address.
Result<ObjectPaths> computeObjectPaths(const Snapshot& snapshot, Address address, std::size_t count,
                                       std::stop_token stop = {});

// Which objects a merged report is about; both given: those of the type made at the site.
struct MemberChoice {
  std::string type;  // a type's name, exactly
  std::string site;  // "file:line", "dir/file:line" or a function, as reports print them
};
struct MembersPaths {
  MemberChoice choice;
  MergedPathsOptions options;
  MergedPaths merged;
};
// kInvalidArgument when nothing in the dump is called so; the message names what comes near.
Result<MembersPaths> computeMembersPaths(const Snapshot& snapshot, const MemberChoice& choice,
                                         const MergedPathsOptions& options, std::stop_token stop = {});

std::string textOf(const Snapshot& snapshot, const ObjectPaths& report);
std::string textOf(const Snapshot& snapshot, const MembersPaths& report);
std::string jsonOf(const Snapshot& snapshot, const ObjectPaths& report);
std::string jsonOf(const Snapshot& snapshot, const MembersPaths& report);

}  // namespace openclaw
