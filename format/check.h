// OPENCLAW_CHECK: a bug in this program, always on, prints the expression and values, then aborts.
// It allocates nothing and takes no lock (write(2) of static text and numbers), so it may stand in a stopped
// world. The dump child does not use it: a child reports an enum and exits.
//
//   OPENCLAW_CHECK(block.isSwept(), block.address, block.state);   // values: anything that converts to uint64_t
#pragma once

#include <cstdint>
#include <initializer_list>

namespace openclaw {
[[noreturn]] void checkFailed(const char* expression, const char* file, int line,
                              std::initializer_list<std::uint64_t> values) noexcept;

namespace internal {
template <class T>
constexpr std::uint64_t checkValue(T value) noexcept { return (std::uint64_t)value; }
}  // namespace internal
}  // namespace openclaw

#define OPENCLAW_CHECK_VALUE_1(a) ::openclaw::internal::checkValue(a)
#define OPENCLAW_CHECK_VALUE_2(a, b) OPENCLAW_CHECK_VALUE_1(a), OPENCLAW_CHECK_VALUE_1(b)
#define OPENCLAW_CHECK_VALUE_3(a, b, c) OPENCLAW_CHECK_VALUE_2(a, b), OPENCLAW_CHECK_VALUE_1(c)
#define OPENCLAW_CHECK_VALUE_4(a, b, c, d) OPENCLAW_CHECK_VALUE_3(a, b, c), OPENCLAW_CHECK_VALUE_1(d)
#define OPENCLAW_CHECK_PICK(_1, _2, _3, _4, NAME, ...) NAME
#define OPENCLAW_CHECK_VALUES(...)                                                                        \
  __VA_OPT__(OPENCLAW_CHECK_PICK(__VA_ARGS__, OPENCLAW_CHECK_VALUE_4, OPENCLAW_CHECK_VALUE_3,              \
                                 OPENCLAW_CHECK_VALUE_2, OPENCLAW_CHECK_VALUE_1, )(__VA_ARGS__))

#define OPENCLAW_CHECK(condition, ...)                                        \
  do {                                                                        \
    if (!(condition)) [[unlikely]]                                            \
      ::openclaw::checkFailed(#condition, __FILE__, __LINE__,                 \
                              {OPENCLAW_CHECK_VALUES(__VA_ARGS__)});          \
  } while (false)
