// Writes a whole heap.bin from ordinary code: a FrameEncoder over a file that gets its final name only when it is
// complete, and the parts a dumped process does not write itself (symbols, index, trailer).
//
//   OPENCLAW_TRY(auto writer, DumpWriter::create("heap.bin", options));
//   writer.encoder().types(...); ...
//   OPENCLAW_TRY_VOID(writer.commit());               // index, trailer, fsync, rename
#pragma once

#include <memory>
#include <span>
#include <string>

#include "format/frame_encoder.h"
#include "format/result.h"

namespace openclaw {

// A file under a temporary name beside its target: PATH.PID-RANDOM.tmp, mode 0600, removed unless committed.
// Signal handlers may call unlinkFromSignal(). Threads: one.
class PendingFile {
 public:
  // kAlreadyExists when `path` exists and !overwrite; kNotFinished when the folder refuses.
  static Result<PendingFile> create(std::string path, bool overwrite);
  PendingFile(PendingFile&&) noexcept;
  PendingFile& operator=(PendingFile&&) noexcept;
  ~PendingFile();

  int descriptor() const;
  const std::string& finalPath() const;
  const std::string& temporaryPath() const;
  // Removes the temporary file; async-signal-safe, for a handler that ends the program next.
  void unlinkFromSignal() const noexcept;
  // fsync, rename over the final name (without overwrite: a file that appeared meanwhile stays, kAlreadyExists), fsync of the folder.
  Result<void> commit();

 private:
  PendingFile();
  struct State;
  std::unique_ptr<State> state_;
};

class DumpWriter {
 public:
  struct Options { bool overwrite = false; bool index = true; };
  static Result<DumpWriter> create(std::string path, Options options);
  DumpWriter(DumpWriter&&) noexcept;
  ~DumpWriter();
  FrameEncoder& encoder();
  // Everything encoded since create() becomes the file. Errors: kNotFinished with the reason (disk full, …).
  Result<void> commit();

 private:
  DumpWriter();
  struct State;
  std::unique_ptr<State> state_;
};

// Reads the frames of the dump open on `descriptor` (read-write) and appends `symbols` (skipped when empty), an index
// frame and the trailer. An index that stands at the end already is replaced; symbols that are there stay, later ones
// win. A frame cut at the end of the file is removed, and stays counted as missing. On failure (kNotFinished: disk full) the file is a dump without index, as a dumped process leaves it.
// Cost: one pass over the frame headers and the first bytes of objects frames.
Result<void> appendSymbolsAndIndex(int descriptor, const std::string& name, std::span<const SymbolRecord> symbols,
                                   std::string_view symbolizer);

}  // namespace openclaw
