// Writes a made-up dump of the reference service: make_service_dump PATH [SESSIONS [MESSAGES [LOG [EXTRA_TYPES [WIDE]]]]].
#include <cstdio>
#include <cstdlib>

#include "tests/gui/service_dump.h"

int main(int argc, char** argv) {
  const auto number = [&](int i, std::uint32_t otherwise) {
    return argc > i ? static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)) : otherwise;
  };
  if (argc < 2) {
    std::fputs("make_service_dump PATH [SESSIONS [MESSAGES [LOG [EXTRA_TYPES [WIDE]]]]]\n", stderr);
    return 2;
  }
  const auto written = openclaw::test::writeServiceDump(
      argv[1], {.sessions = number(2, 2000), .messages = number(3, 12), .logDepth = number(4, 100), .extraTypes = number(5, 0), .wideChildren = number(6, 0)});
  if (!written) {
    std::fprintf(stderr, "%s\n", openclaw::toText(written.error()).c_str());
    return openclaw::exitCodeOf(written.error().code);
  }
  std::printf("%llu objects, %llu bytes\n", static_cast<unsigned long long>(written->objects), static_cast<unsigned long long>(written->bytes));
  return 0;
}
