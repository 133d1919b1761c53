// Is the heap what it says it is? Every invariant has a name; each violation is a line "name: what, where".
// Runs in a stopped world over all objects, so it is for tests, stress modes and `Heap::verify`.
#pragma once

#include <string>
#include <vector>

namespace openclaw::gc {

class HeapImpl;

// World stopped. Lines are gathered in memory of its own and turned into strings after the restart: see verifyHeap.
class Verifier {
 public:
  static constexpr std::size_t kMaxLines = 64;
  explicit Verifier(HeapImpl& heap) : heap_(heap) {}
  // No allocation. The number of violations; the first kMaxLines are kept.
  std::size_t run() noexcept;
  std::vector<std::string> lines() const;
  void writeTo(int descriptor) const noexcept;     // the same as text, without allocation

 private:
  struct Pass;
  friend struct Pass;
  void report(const char* name, const char* what, std::uint64_t where, std::uint64_t value = 0, std::uint64_t expected = 0) noexcept;
  struct Line { const char* name; const char* what; std::uint64_t where, value, expected; };
  HeapImpl& heap_;
  Line lines_[kMaxLines];
  std::size_t count_ = 0;
};

// Stops the world, verifies, restarts.
std::vector<std::string> verifyHeap(HeapImpl& heap);

}  // namespace openclaw::gc
