// Takes a dump apart into frames and puts frames together again, with right checksums: what a file looks like when frames
// were doubled, moved, dropped, or written by a newer version.
//
//   auto parts = takeApart(dump);
//   std::swap(parts.frames[2], parts.frames[5]);
//   auto moved = putTogether(parts);
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "format/frame.h"
#include "tests/support/dump_model.h"

namespace openclaw::test {

struct LooseFrame {
  FrameHeader header;             // sizes and checksums are written anew
  std::vector<std::byte> stored;
};
struct LooseDump {
  FileHeader header;
  std::vector<LooseFrame> frames;       // in the order of the file, the index frame too
  std::vector<std::byte> trailer;       // empty: none

  // Position of the nth frame of a kind. Aborts when there is none.
  std::size_t find(FrameKind kind, std::size_t nth = 0) const;
  bool has(FrameKind kind) const;
  // Without index frame and trailer, which say where frames were.
  LooseDump withoutIndex() const;
  // Sequence numbers as the frames stand now.
  LooseDump& renumber();
};
LooseDump takeApart(std::span<const std::byte> dump);
std::vector<std::byte> putTogether(const LooseDump& dump);

// What one call of an encoder writes, as a frame. Aborts when it writes none.
LooseFrame frameOf(const std::function<void(FrameEncoder&)>& write);
// The message of a frame without compression, its flag set: for changes at known places.
LooseFrame raw(const LooseFrame& frame);
// The same message as a newer version would write it: a data word and a pointer more in its root struct.
LooseFrame withUnknownFields(const LooseFrame& frame);

}  // namespace openclaw::test
