// What `heap-analyzer paths` says: the paths that keep one object alive, or those of all objects of a scope merged.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "analyzer/graph/merged_paths.h"
#include "analyzer/graph/paths.h"
#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"

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

// The paths of all objects of a scope, merged. Borrows the selection.
struct MembersPaths {
  const ScopeSelection* scope = nullptr;
  MergedPathsOptions options;
  MergedPaths merged;
};
MembersPaths computeMembersPaths(const Snapshot& snapshot, const ScopeSelection& scope, const MergedPathsOptions& options,
                                 std::stop_token stop = {});

std::string textOf(const Snapshot& snapshot, const ObjectPaths& report);
std::string textOf(const Snapshot& snapshot, const MembersPaths& report);
std::string jsonOf(const Snapshot& snapshot, const ObjectPaths& report);
std::string jsonOf(const Snapshot& snapshot, const MembersPaths& report);

}  // namespace openclaw
