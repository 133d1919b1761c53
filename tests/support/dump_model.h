// Small dumps that a test can be read with: a heap as plain values, and a heap.bin made of it in memory.
//
//   auto bytes = dumpOf("root->a b; a:Session*128->c; b->c ~a -");
//   auto reader = *DumpReader::fromMemory(bytes, "test");
//
// The language: statements part at ';'. `root` is no object: its arrows are roots. An object is NAME[:TYPE][*SIZE][@SITE],
// said in full where it first appears; its index is the order of first appearance, addresses ascend with it.
// Targets: `b` strong, `~b` weak, `-` a null slot. Defaults: type Node, 32 bytes, site 0 (unknown).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/frame_encoder.h"
#include "format/records.h"

namespace openclaw::test {

// Keeps what it is given; refuses with `error` once `limit` bytes have come.
class MemorySink final : public ByteSink {
 public:
  int write(const std::byte* data, std::size_t size) noexcept override;
  std::vector<std::byte> bytes;
  std::size_t limit = SIZE_MAX;
  int error = 0;
};

// An encoder over memory of its own that writes into a MemorySink.
class MemoryEncoder {
 public:
  MemoryEncoder();
  FrameEncoder* operator->() { return &encoder_; }
  FrameEncoder& operator*() { return encoder_; }
  MemorySink sink;

 private:
  std::vector<std::byte> workspace_;
  FrameEncoder encoder_;
};

struct ModelSlot {
  std::uint64_t target = kNullReference;  // object index
  Strength strength = Strength::kStrong;
};
struct ModelObject {
  std::string name;
  std::uint64_t address = 0, size = 0;
  std::uint32_t type = 0, site = 0;
  std::uint8_t age = 0, flags = 0;
  std::uint64_t external = 0, bound = 0;
  std::vector<ModelSlot> slots;
};
struct ModelRoot {
  std::uint64_t object = 0;
  RootKind kind = RootKind::kHandle;
  bool conservative = false;
  std::uint32_t site = 0;
  std::string label;
};
struct ModelSite {
  std::string file;
  std::uint32_t line = 0;
  std::string function;
  std::uint64_t allocatedObjects = 0, allocatedBytes = 0;
};
// A heap as values. Invariant: addresses ascend.
struct DumpModel {
  std::array<std::uint8_t, 16> dumpId{};
  std::vector<std::string> types;
  std::vector<ModelSite> sites;
  std::vector<ModelObject> objects;
  std::vector<ModelRoot> roots;

  // Index of the object of this name. Aborts when there is none.
  std::uint64_t indexOf(std::string_view name) const;
  std::uint64_t totalBytes() const;
};

// Throws std::invalid_argument with the place when `graph` cannot be read.
DumpModel modelOf(std::string_view graph);
// `objects` objects with everything that objects can have: huge ones, external bytes, ages, flags, null, weak and long
// slot lists, gaps of all sizes. The same for the same seed on every machine.
DumpModel randomModel(std::uint64_t seed, std::size_t objects);

struct EncodeOptions {
  bool index = true;       // symbols, index and trailer behind the dumped process's own frames
  bool strengths = true;   // write labels and strengths where the model has weak slots
  bool metadata = true;    // one row or more of every further table: process, modules, arenas, pauses, settings, …
};
// The dump of a model: the same bytes for the same model.
std::vector<std::byte> encodeDump(const DumpModel& model, EncodeOptions options = {});
// Only the frames of a model, into an encoder that has begun.
void encodeObjects(const DumpModel& model, FrameEncoder& encoder, bool strengths = true);
void encodeMetadata(const DumpModel& model, FrameEncoder& encoder);

std::vector<std::byte> dumpOf(std::string_view graph, EncodeOptions options = {});

// The bytes as appendSymbolsAndIndex() leaves them; goes through a memory file.
std::vector<std::byte> withIndex(std::span<const std::byte> dump, std::span<const SymbolRecord> symbols = {});

// splitmix64: the same numbers everywhere, unlike std::uniform_int_distribution.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool oneIn(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace openclaw::test
