// X.idx beside a dump X: everything that loading worked out, so that the next open maps it instead of working again.
//
//   header (a page) | columns, each at a page | tables (archive.h) | directory of the columns, with sums of their pieces
//
// An index is used when all of it is sound, it was written by this version of the program, for this policy, by this user
// (seal.h), and the dump is still the one it was made of: its size, time of change and samples of its bytes. Otherwise the
// dump is read, and the index replaced. All sums are checked before anything is believed.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "analyzer/index/seal.h"
#include "analyzer/load/stages.h"
#include "analyzer/snapshot.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {

// "X.idx"; for policies other than strict "X.POLICY.idx".
std::string indexPathOf(const std::string& dump, Policy policy);

// What the dump was like when it was looked at. Take it before reading the dump, so that a change on the way is seen later.
struct DumpIdentity {
  std::uint64_t bytes = 0;
  std::int64_t changedSeconds = 0, changedNanoseconds = 0;
  std::uint64_t samples = 0;   // sum of 64 pieces of its bytes
  friend bool operator==(const DumpIdentity&, const DumpIdentity&) = default;
};
Result<DumpIdentity> identityOf(const std::string& dump, const Seal& seal);

// Did the index serve? Otherwise why not; "" = there is none.
struct IndexAnswer {
  bool used = false;
  std::string why;
};
// Into an empty state whose path is set; `policy`: as loading was or would be asked for; unless it served, the state is not fit for use any more. Throws Cancelled,
// std::bad_alloc. Cost: a read of the index on all threads; its columns stay in the file.
IndexAnswer readIndex(const std::string& path, const DumpIdentity& dump, Policy policy, const Seal& seal, const LoadStages& stages,
                      SnapshotState& state);

// Replaces the index, in one step. Answers how many bytes it has. Errors: kNotFinished (no space, folder not writable; nothing is
// left behind). Throws Cancelled, std::bad_alloc.
Result<Bytes> writeIndex(const std::string& path, const DumpIdentity& dump, Policy policy, const Seal& seal, const LoadStages& stages,
                         const SnapshotState& state);

}  // namespace openclaw
