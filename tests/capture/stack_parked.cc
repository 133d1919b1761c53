// A library whose constructor waits: the thread that loads it stands inside dlopen, with the loader's lock.
// OPENCLAW_TEST_PARKED = "WRITE READ", two descriptors: a byte is written to the first, then one is read from the other.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

[[gnu::constructor]] void park() {
  int out = -1, in = -1;
  const char* text = std::getenv("OPENCLAW_TEST_PARKED");
  if (text == nullptr || std::sscanf(text, "%d %d", &out, &in) != 2) return;
  char byte = 1;
  if (::write(out, &byte, 1) != 1) return;
  while (::read(in, &byte, 1) < 0) {}
}

}  // namespace
