// A dump of Java or V8 as a heap.bin: the same objects, references, strengths, sizes, roots and names, by the policy under
// which it was loaded, so that every report on the new file says what it said on the old one.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "analyzer/snapshot.h"
#include "format/result.h"

namespace openclaw {

struct ConvertOptions {
  bool overwrite = false;
  bool texts = true;   // what tells one object from another: beginnings of strings, names of functions and threads
};

// Writes `output`, under a temporary name until it is whole. `progress` gets 0..1. What loading lost stands among the new file's
// losses. Errors: kInvalidArgument (a heap.bin already), kAlreadyExists, kNotFinished (disk full, …), kCancelled.
// Cost: a walk over all slots and their names; with texts of a Java dump also a read of each string's record.
Result<void> convert(const Snapshot& snapshot, const std::string& output, const ConvertOptions& options,
                     const std::function<void(double)>& progress, std::stop_token stop);

}  // namespace openclaw
