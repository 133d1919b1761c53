// What all loaders share: the stages of a load with their shares of the progress bar, and the last one, which turns
// references and roots into what every snapshot answers.
#pragma once

#include <stop_token>
#include <string_view>

#include "analyzer/graph/work.h"
#include "analyzer/snapshot.h"

namespace openclaw {

// Lives as long as the load. Threads: the loading one.
class LoadStages {
 public:
  // `threads` = 0: as the machine has.
  LoadStages(unsigned threads, const LoadProgressSink& progress, std::stop_token stop);
  unsigned threads() const { return threads_; }
  const std::stop_token& stop() const { return stop_; }
  // The work of one stage, whose progress 0..1 becomes from..to of the whole bar. Throws Cancelled. `name` lives as long as the
  // work: a literal.
  Work stage(std::string_view name, double from, double to) const;

 private:
  unsigned threads_;
  const LoadProgressSink& progress_;
  std::stop_token stop_;
  mutable double shown_ = 0;   // parts that run side by side end in any order; the bar does not go back
};

// Takes objects, types, sizes, edges and roots (ascending objects) of `state`; fills dominators and retained sizes (or only
// reachability, without options.dominators) and, unless they are not wanted, the backward edges. Throws Cancelled, std::bad_alloc, std::length_error.
void computeGraph(SnapshotState& state, const LoadOptions& options, const LoadStages& stages, double from, double to);

// A loader's error that is no loss: the file is none of its kind, or cannot be read at all. loadSnapshot turns it into an Error.
struct LoadFailure {
  ErrorCode code;
  std::string message;
};

}  // namespace openclaw
