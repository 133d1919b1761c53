// Every invariant of a snapshot, by name: run inside tests and by `heap-analyzer validate`.
//
//   for (const BrokenInvariant& broken : verify(snapshot)) print(broken.name, broken.detail);
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/snapshot.h"

namespace openclaw {

struct BrokenInvariant {
  std::string name;    // one of verifiedInvariants(), or of allInvariants() in validation.h
  std::string detail;  // the first place where it is broken, and how often in all
  std::uint64_t times = 0;
  // Of the first place, as far as it has them: the frame and its offset in the file, the object's index.
  std::optional<std::uint32_t> frame = {};
  std::optional<std::uint64_t> offset = {}, object = {};
};

struct InvariantText {
  std::string_view name, sentence;
};

// Empty: all hold. What follows from an invariant that is broken is not checked further: a wrong dominator is named once.
// A stop ends it early with what was found so far. Cost: a few passes over objects and edges, 16 bytes an object while it
// runs.
std::vector<BrokenInvariant> verify(const Snapshot& snapshot, std::stop_token stop = {});
// The names, in the order in which they are checked; and what each says.
std::vector<std::string_view> verifiedInvariants();
std::vector<InvariantText> verifiedInvariantTexts();

}  // namespace openclaw
