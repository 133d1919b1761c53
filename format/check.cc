#include "format/check.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace openclaw {
namespace {

// A line on the stack: neither stdio nor malloc may be in a usable state when a check fails.
class Line {
 public:
  void text(const char* s) noexcept {
    while (*s && used_ < sizeof(bytes_)) bytes_[used_++] = *s++;
  }
  void number(std::uint64_t value, unsigned base) noexcept {
    char digits[24];
    std::size_t n = 0;
    do digits[n++] = "0123456789abcdef"[value % base]; while ((value /= base) != 0);
    while (n > 0 && used_ < sizeof(bytes_)) bytes_[used_++] = digits[--n];
  }
  void write() noexcept {
    std::size_t done = 0;
    while (done < used_) {
      ssize_t n = ::write(STDERR_FILENO, bytes_ + done, used_ - done);
      if (n <= 0) return;  // nobody to tell
      done += static_cast<std::size_t>(n);
    }
  }

 private:
  char bytes_[1024];
  std::size_t used_ = 0;
};

}  // namespace

void checkFailed(const char* expression, const char* file, int line,
                 std::initializer_list<std::uint64_t> values) noexcept {
  Line out;
  out.text("openclaw: check failed: ");
  out.text(expression);
  out.text(" at ");
  out.text(file);
  out.text(":");
  out.number(static_cast<std::uint64_t>(line), 10);
  for (std::uint64_t value : values) {
    out.text("  ");
    out.number(value, 10);
    out.text(" (0x");
    out.number(value, 16);
    out.text(")");
  }
  out.text("\n");
  out.write();
  std::abort();
}

}  // namespace openclaw
