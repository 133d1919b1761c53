// What a dump costs a core: ns and stored bytes an object through FrameEncoder, and what reading it back costs.
//
//   encode_bench [OBJECTS] [near|far]
//
// Objects of 64 B with type (200, Zipf) and site (2 per type), 2.57 slots an object on average, a tenth of them null.
// near: half of the targets lie within 64 objects, the rest anywhere in the last million; far: anywhere at all.
#include <fmt/format.h>
#include <time.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "format/dump_reader.h"
#include "format/frame_encoder.h"

namespace {

using namespace openclaw;

class KeepingSink final : public ByteSink {
 public:
  int write(const std::byte* data, std::size_t size) noexcept override {
    bytes.insert(bytes.end(), data, data + size);
    return 0;
  }
  std::vector<std::byte> bytes;
};

double cpuSeconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::uint64_t state = 1;
std::uint64_t next() {
  std::uint64_t z = (state += 0x9e37'79b9'7f4a'7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebull;
  return z ^ (z >> 31);
}

struct Heap {
  std::vector<ObjectRecord> objects;
  std::vector<std::uint64_t> targets;
};

Heap makeHeap(std::size_t count, bool near) {
  Heap heap;
  double harmonic = 0;
  std::vector<double> cumulative;
  for (int i = 1; i <= 200; ++i) cumulative.push_back(harmonic += 1.0 / i);
  std::uint64_t address = 0x7f31'c200'0008;
  for (std::size_t i = 0; i < count; ++i) {
    double at = static_cast<double>(next() >> 11) * 0x1p-53 * harmonic;
    auto type = static_cast<std::uint32_t>(std::lower_bound(cumulative.begin(), cumulative.end(), at) - cumulative.begin());
    ObjectRecord record;
    record.address = address;
    record.size = 64;
    record.type = type;
    record.site = 1 + 2 * type + static_cast<std::uint32_t>(next() & 1);
    record.referenceCount = 1 + static_cast<std::uint32_t>(next() % 100 < 57) + static_cast<std::uint32_t>(next() % 2) * 2;
    record.age = static_cast<std::uint8_t>(std::min<std::uint64_t>(next() % 12, 7));
    heap.objects.push_back(record);
    address += 64;
    if (next() % 50 == 0) address += 64 * (1 + next() % 8);
    for (std::uint32_t s = 0; s < record.referenceCount; ++s) {
      std::uint64_t target = next() % count;
      if (near && next() % 2 == 0)
        target = std::min<std::uint64_t>(count - 1, i + next() % 64);
      else if (near)
        target = i - next() % (std::min<std::uint64_t>(i, 1'000'000) + 1);
      heap.targets.push_back(next() % 10 == 0 ? kNullReference : target);
    }
  }
  return heap;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2'000'000;
  bool near = argc < 3 || std::string_view(argv[2]) != "far";
  Heap heap = makeHeap(count, near);
  auto n = static_cast<double>(count);
  fmt::print("{} objects, {:.2f} slots an object, {} targets, workspace {:.1f} MiB\n", count,
             static_cast<double>(heap.targets.size()) / n, near ? "near" : "far",
             static_cast<double>(FrameEncoder::workspaceBytes()) / (1 << 20));

  auto workspace = std::make_unique<std::byte[]>(FrameEncoder::workspaceBytes());
  KeepingSink sink;
  for (int round = 0; round < 3; ++round) {
    sink.bytes.clear();
    sink.bytes.reserve(count * 16);
    double start = cpuSeconds();
    FrameEncoder encoder({workspace.get(), FrameEncoder::workspaceBytes()}, sink);
    encoder.begin({});
    encoder.expectObjects(count);
    const std::uint64_t* target = heap.targets.data();
    for (const ObjectRecord& record : heap.objects) {
      encoder.object(record);
      for (std::uint32_t s = 0; s < record.referenceCount; ++s) encoder.reference(*target++);
    }
    encoder.end({});
    double seconds = cpuSeconds() - start;
    if (encoder.status() != EncodeStatus::kOk) {
      fmt::print(stderr, "encode_bench: {}\n", toText(encoder.status()));
      return 1;
    }
    fmt::print("encode: {:6.1f} ns an object, {:.2f} B an object stored\n", seconds * 1e9 / n,
               static_cast<double>(sink.bytes.size()) / n);
  }
  double start = cpuSeconds();
  std::uint32_t check = 0;
  for (int i = 0; i < 10; ++i) check ^= crc32(sink.bytes.data(), sink.bytes.size());
  fmt::print("crc32:  {:6.3f} ns a byte{}\n", (cpuSeconds() - start) * 1e8 / static_cast<double>(sink.bytes.size()),
             check == 1 ? "!" : "");

  start = cpuSeconds();
  auto reader = DumpReader::fromMemory(sink.bytes, "bench");
  std::uint64_t objects = 0, slots = 0;
  for (const FrameInfo& frame : reader->frames()) {
    auto decoded = reader->decode(frame);
    if (!decoded) return 1;
    if (frame.kind == FrameKind::kObjects) objects += decoded->objects()->address.size();
    if (frame.kind == FrameKind::kReferences) slots += decoded->references()->delta.size();
  }
  fmt::print("decode: {:6.1f} ns an object ({} objects, {} slots)\n", (cpuSeconds() - start) * 1e9 / n, objects, slots);
  return objects == count && slots == heap.targets.size() ? 0 : 1;
}
