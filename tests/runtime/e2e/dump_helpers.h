// Takes a dump of a heap into memory and reads it back.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "runtime/control_host/heap_control.h"
#include "runtime/gc/heap_impl.h"
#include "runtime/openclaw.h"
#include "tests/runtime/dump_view.h"

namespace openclaw::test {

// ThreadSanitizer's runtime makes system calls of its own, which the filter would punish.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kConfine = false;
#else
inline constexpr bool kConfine = true;
#endif

struct TakenDump {
  DumpView view;
  control::DumpDoneReply reply;
  std::uint64_t bytes = 0;
};

// Dump children of these heaps may make no system call but the five allowed ones.
inline std::unique_ptr<Heap> makeHeap(std::vector<std::pair<SettingId, std::uint64_t>> settings = {}, HeapOptions options = {}) {
  options.settings = std::move(settings);
  if (options.controlDirectory.empty()) options.control = false;
  auto heap = Heap::create(std::move(options));
  if (!heap) {
    ADD_FAILURE() << toText(heap.error());
    std::abort();
  }
  (*heap)->impl().control->confineChildren(kConfine);
  return *std::move(heap);
}

inline TakenDump takeDump(Heap& heap, const std::string& consistency = "clone", bool collectFirst = false) {
  TakenDump taken;
  const int descriptor = ::memfd_create("dump", MFD_CLOEXEC);
  control::DumpRequest request{collectFirst, consistency};
  auto done = heap.dump(descriptor, request, "test", {}, {});
  if (!done) {
    ADD_FAILURE() << toText(done.error());
  } else {
    taken.reply = *std::move(done);
    EXPECT_EQ(taken.reply.consistency, consistency) << taken.reply.note;
    struct stat status {};
    ::fstat(descriptor, &status);
    taken.bytes = static_cast<std::uint64_t>(status.st_size);
    void* memory = ::mmap(nullptr, taken.bytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    taken.view = DumpView::fromBytes({static_cast<const std::byte*>(memory), taken.bytes});
    ::munmap(memory, taken.bytes);
    for (const auto& [name, count] : taken.view.losses) EXPECT_EQ(count, 0u) << name;
  }
  ::close(descriptor);
  return taken;
}

}  // namespace openclaw::test
