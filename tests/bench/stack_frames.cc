// Frames for stack_bench: a library of functions that call each other through pointers, without frame pointers. Built
// three times, so that a stack crosses shared objects.
#include <cstdint>

namespace {

template <int kVariant>
[[gnu::noinline]] void frame(void (*function)(void*), void* data) {
  volatile std::uint64_t local[1 + kVariant * 3];
  local[0] = 1;
  function(data);
  local[0] = local[0] + 1;
}

}  // namespace

extern "C" void STACK_ENTRY(int variant, void (*function)(void*), void* data) {
  switch (variant & 3) {
    case 0: frame<1>(function, data); break;
    case 1: frame<2>(function, data); break;
    case 2: frame<5>(function, data); break;
    default: frame<9>(function, data); break;
  }
  asm volatile("" ::: "memory");
}
