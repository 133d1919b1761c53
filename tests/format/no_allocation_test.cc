// The encoder in a dump child may neither allocate nor lock nor throw. This program replaces malloc's family,
// pthread_mutex_lock and the allocation of exceptions, and counts what happens while an encode runs.
#include <dlfcn.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <cstring>
#include <vector>

#include "format/frame_encoder.h"
#include "tests/support/dump_model.h"

namespace {
thread_local bool watching = false;
thread_local long allocations = 0, locks = 0, exceptions = 0;
void countAllocation() { allocations += watching; }
}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) { countAllocation(); return __libc_malloc(size); }
void* calloc(std::size_t n, std::size_t size) { countAllocation(); return __libc_calloc(n, size); }
void* realloc(void* p, std::size_t size) { countAllocation(); return __libc_realloc(p, size); }
void* memalign(std::size_t a, std::size_t size) { countAllocation(); return __libc_memalign(a, size); }
void* aligned_alloc(std::size_t a, std::size_t size) { countAllocation(); return __libc_memalign(a, size); }
int posix_memalign(void** out, std::size_t a, std::size_t size) {
  countAllocation();
  *out = __libc_memalign(a, size);
  return *out ? 0 : ENOMEM;
}
void free(void* p) {
  if (p) countAllocation();
  __libc_free(p);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static Lock real = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  locks += watching;
  return real(mutex);
}
void* __cxa_allocate_exception(std::size_t size) noexcept {
  using Allocate = void* (*)(std::size_t);
  static Allocate real = reinterpret_cast<Allocate>(dlsym(RTLD_NEXT, "__cxa_allocate_exception"));
  exceptions += watching;
  return real(size);
}
}

namespace openclaw {
namespace {

using namespace test;

class CountingSink final : public ByteSink {
 public:
  int write(const std::byte*, std::size_t size) noexcept override {
    if (bytes + size > limit) return ENOSPC;
    bytes += size;
    return 0;
  }
  std::size_t bytes = 0, limit = SIZE_MAX;
};

// Everything that encodes; nothing here allocates itself.
void encodeAll(FrameEncoder& encoder, const DumpModel& model, std::span<const RootRecord> roots,
               std::span<const RegionRecord> regions, std::span<const SymbolRecord> symbols) noexcept {
  encoder.begin({});
  encodeMetadata(model, encoder);
  std::string_view labels[] = {"slot", "element"};
  encoder.labels(labels);
  for (const ModelObject& object : model.objects) {
    encoder.object({object.address, object.size, object.type, object.site, static_cast<std::uint32_t>(object.slots.size()),
                    object.age, object.flags, object.external, object.bound});
    for (const ModelSlot& slot : object.slots) encoder.reference(slot.target, 1, slot.strength);
  }
  std::uint64_t next = model.objects.back().address + model.objects.back().size;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    encoder.object({next + i * 64, 64, static_cast<std::uint32_t>(i % 100), static_cast<std::uint32_t>(i % 777), 3, 1, 0, 0});
    encoder.reference(i / 3);
    encoder.reference(kNullReference);
    encoder.reference(i * 7919 % 200'000);
  }
  encoder.object({next + (1ull << 40), 8'000'000, 0, 0, 600'000, 0, 0, 0});  // many frames of one object's slots
  for (std::uint64_t i = 0; i < 600'000; ++i) encoder.reference(i % 5 == 0 ? 1ull << 33 : i);
  encoder.regions(regions);
  encoder.roots(roots);
  encoder.symbols(symbols, "none");
  encoder.end({});
}

struct Counts { long allocations, locks, exceptions; };
template <class F>
Counts watch(F run) {
  allocations = locks = exceptions = 0;
  watching = true;
  run();
  watching = false;
  return {allocations, locks, exceptions};
}

TEST(NoAllocation, TheProbesSeeWhatTheyShouldSee) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  Counts counts = watch([&] {
    void* volatile p = malloc(1);
    free(p);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    try {
      throw 1;
    } catch (int) {
    }
  });
  EXPECT_GE(counts.allocations, 2);
  EXPECT_EQ(counts.locks, 1);
  EXPECT_EQ(counts.exceptions, 1);
}

TEST(NoAllocation, AWholeEncodeNeitherAllocatesNorLocksNorThrows) {
  DumpModel model = randomModel(3, 5000);
  std::vector<std::string> names(9000);
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = "global variable number " + std::to_string(i);
  std::vector<RootRecord> roots(100'000);
  for (std::size_t i = 0; i < roots.size(); ++i) roots[i].label = names[i % names.size()];
  std::vector<RegionRecord> regions(40'000);
  CodeFrameRecord frame{"main", "main.cc", 1, false};
  std::vector<SymbolRecord> symbols(100'000, SymbolRecord{1, {&frame, 1}, 0});
  std::vector<std::byte> workspace(FrameEncoder::workspaceBytes());

  CountingSink sink;
  EncodeStatus status{};
  Counts counts = watch([&] {
    FrameEncoder encoder(workspace, sink);
    encodeAll(encoder, model, roots, regions, symbols);
    status = encoder.status();
  });
  EXPECT_EQ(status, EncodeStatus::kOk) << toText(status);
  EXPECT_GT(sink.bytes, 1'000'000u);
  EXPECT_EQ(counts.allocations, 0);
  EXPECT_EQ(counts.locks, 0);
  EXPECT_EQ(counts.exceptions, 0);
}

TEST(NoAllocation, FailuresAllocateNothingEither) {
  DumpModel model = randomModel(3, 100);
  std::string huge(6u << 20, 'x');
  std::vector<std::byte> workspace(FrameEncoder::workspaceBytes());
  Counts counts = watch([&] {
    CountingSink full;
    full.limit = 100;
    FrameEncoder a(workspace, full);
    encodeAll(a, model, {}, {}, {});
    CountingSink sink;
    FrameEncoder b(workspace, sink);
    SiteRecord site{huge, 1, 1, huge, 0, 0, Certainty::kExact};
    b.sites({&site, 1});
    FrameEncoder c(workspace, sink);
    c.reference(1);
    c.end({});
  });
  EXPECT_EQ(counts.allocations, 0);
  EXPECT_EQ(counts.locks, 0);
  EXPECT_EQ(counts.exceptions, 0);
}

}  // namespace
}  // namespace openclaw
