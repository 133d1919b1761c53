// Functions whose frames look as different as compilers make them, for tests that unwind: stack_shapes.cc is compiled
// several times with different options, and a random path goes through all of them before it reaches its bottom.
//
//   Path path{random, 30, [](void* data) { ... }, &data};
//   goOn(path);
#pragma once

#include <random>

namespace openclaw::test {

struct Path {
  std::mt19937& random;
  int depth;
  void (*bottom)(void*);
  void* data;
};

// One step further: into a random shape of a random variant, or to the bottom.
void goOn(Path& path);

// A variant's random shape. SHAPES names the variant.
#define OPENCLAW_SHAPES(variant) namespace variant { void enter(Path& path); }
OPENCLAW_SHAPES(unoptimized)
OPENCLAW_SHAPES(withFramePointer)
OPENCLAW_SHAPES(withoutFramePointer)
OPENCLAW_SHAPES(inlining)
OPENCLAW_SHAPES(forSize)
#undef OPENCLAW_SHAPES

}  // namespace openclaw::test
