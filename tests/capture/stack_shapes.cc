#include "tests/capture/stack_shapes.h"

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <utility>

namespace openclaw::test::SHAPES {
namespace {

void touch(volatile char* memory) { *memory = static_cast<char>(*memory + 1); }

[[gnu::noinline]] void plain(Path& path) {
  goOn(path);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void largeFrame(Path& path) {
  volatile char buffer[5000];
  buffer[path.depth] = 1;
  goOn(path);
  touch(buffer + path.depth);
}
[[gnu::noinline]] void hugeFrame(Path& path) {
  volatile char buffer[70000];
  buffer[path.depth] = 1;
  goOn(path);
  touch(buffer + path.depth);
}
[[gnu::noinline]] void withAlloca(Path& path) {
  auto* memory = static_cast<volatile char*>(__builtin_alloca(16 + path.random() % 500));
  memory[0] = 1;
  goOn(path);
  touch(memory);
}
[[gnu::noinline]] void aligned(Path& path) {
  alignas(64) volatile char buffer[200];
  buffer[0] = 1;
  goOn(path);
  touch(buffer);
}
[[gnu::noinline]] void alignedWithAlloca(Path& path) {
  alignas(128) volatile char buffer[300];
  auto* memory = static_cast<volatile char*>(__builtin_alloca(16 + path.random() % 500));
  buffer[0] = 1;
  memory[0] = 1;
  goOn(path);
  touch(buffer);
  touch(memory);
}
[[gnu::noinline]] void manyRegisters(Path& path) {
  std::uint64_t a = path.random(), b = path.random(), c = path.random(), d = path.random(), e = path.random(), f = path.random();
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  goOn(path);
  asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
}
[[gnu::noinline]] void withDestructor(Path& path) {
  struct Guard {
    Path& path;
    ~Guard() { path.random.discard(1); }
  } guard{path};
  goOn(path);
}
[[gnu::noinline]] void insideACatch(Path& path) {
  try {
    throw std::runtime_error("caught");
  } catch (const std::exception&) {
    goOn(path);
  }
}
[[gnu::noinline]] void twelveArguments(int a, int b, int c, int d, int e, int f, Path& path, std::uint64_t g, std::uint64_t h, int i, int j, int k) {
  volatile std::uint64_t sum = static_cast<std::uint64_t>(a + b + c + d + e + f + i + j + k) + g + h;
  goOn(path);
  sum = sum + 1;
}
[[gnu::noinline]] void withArguments(Path& path) {
  twelveArguments(1, 2, 3, 4, 5, 6, path, path.random(), 8, 9, 10, 11);
  asm volatile("" ::: "memory");
}
[[gnu::always_inline]] inline void inlinedTwice(Path& path) {
  volatile char buffer[40];
  buffer[0] = 1;
  goOn(path);
  touch(buffer);
}
[[gnu::always_inline]] inline void inlinedOnce(Path& path) {
  if (path.depth % 2 == 0) inlinedTwice(path);
  else withAlloca(path);
}
[[gnu::noinline]] void withInlined(Path& path) {
  inlinedOnce(path);
  asm volatile("" ::: "memory");
}
[[gnu::noinline]] void throughFunction(Path& path) {
  const std::function<void(int)> call = [&path](int) { goOn(path); };
  call(1);
  asm volatile("" ::: "memory");
}
struct Once {
  Path& path;
  bool done = false;
  void go() {
    if (!std::exchange(done, true)) goOn(path);
  }
};
// Frames of libc in between.
[[gnu::noinline]] void throughQsort(Path& path) {
  Once once{path};
  int values[3] = {3, 2, 1};
  ::qsort_r(values, 3, sizeof(int), [](const void* a, const void* b, void* data) {
    static_cast<Once*>(data)->go();
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  }, &once);
}
[[gnu::noinline]] void throughBsearch(Path& path) {
  Once once{path};
  const int values[3] = {1, 2, 3};
  ::bsearch(&once, values, 3, sizeof(int), [](const void* key, const void* value) {
    static_cast<Once*>(const_cast<void*>(key))->go();
    return 2 - *static_cast<const int*>(value);
  });
}

}  // namespace

[[gnu::noinline]] void enter(Path& path) {
  constexpr void (*kShapes[])(Path&) = {plain,          largeFrame,   hugeFrame,     withAlloca,  aligned,         alignedWithAlloca, manyRegisters,
                                        withDestructor, insideACatch, withArguments, withInlined, throughFunction, throughQsort,      throughBsearch};
  kShapes[path.random() % std::size(kShapes)](path);
  asm volatile("" ::: "memory");
}

}  // namespace openclaw::test::SHAPES
