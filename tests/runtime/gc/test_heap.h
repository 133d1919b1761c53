// A heap for tests: small reservation, no control socket, and helpers that keep stale pointers off the test's stack.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/gc/heap_impl.h"
#include "runtime/heap.h"
#include "runtime/make.h"
#include "runtime/member.h"
#include "runtime/root.h"
#include "runtime/type_table.h"

namespace openclaw::testing {

using Settings = std::vector<std::pair<SettingId, std::uint64_t>>;

// Background sweeping is off unless a test asks for it, so that it decides when blocks are swept.
inline std::unique_ptr<Heap> makeHeap(Settings settings = {}, std::uint64_t reservation = 1ull << 30) {
  HeapOptions options;
  options.reservationBytes = reservation;
  options.control = false;
  options.settings = {{SettingId::backgroundSweep, 0}, {SettingId::sampleInterval, 0}};
  for (const auto& setting : settings) options.settings.push_back(setting);
  auto heap = Heap::create(std::move(options));
  if (!heap) ADD_FAILURE() << toText(heap.error());
  return std::move(*heap);
}

struct Node {
  Member<Node> next, other;
  WeakMember<Node> weak;
  std::uint64_t value = 0;
  explicit Node(std::uint64_t v = 0) : value(v) {}
  OPENCLAW_TYPE(Node, next, other, weak)
};

// Room for `bytes` of data behind it.
struct Blob {
  std::uint64_t bytes = 0;
  unsigned char* data() { return reinterpret_cast<unsigned char*>(this + 1); }
  OPENCLAW_TYPE(Blob)
};

inline Blob* makeBlob(At at, std::size_t bytes) {
  Blob* blob = makeSized<Blob>(at, bytes);
  blob->bytes = bytes;
  return blob;
}

// Runs `work` in a frame of its own and overwrites the stack below, so that no pointer of it is left to be found.
template <class F>
[[gnu::noinline]] auto inOwnFrame(F&& work) {
  return std::forward<F>(work)();
}
[[gnu::noinline]] inline void wipeStack() {
  volatile unsigned char rubbish[16384];
  for (volatile unsigned char& byte : rubbish) byte = 0;
}

inline void sweepAll(Heap& heap) {
  while (heap.impl().sweeper.step()) {
  }
}

#define EXPECT_SOUND(heap)                          \
  do {                                              \
    for (const std::string& line : (heap).verify()) \
      ADD_FAILURE() << line;                        \
  } while (false)

}  // namespace openclaw::testing
