// Reads any bytes as a request and as a reply; what can be read is written again and must read back.
#include <cstdint>

#include "format/check.h"
#include "format/control_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace openclaw::control;
  std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  if (auto request = decodeRequest(bytes)) OPENCLAW_CHECK(decodeRequest(encode(*request)).has_value());
  if (auto reply = decodeReply(bytes)) OPENCLAW_CHECK(decodeReply(encode(*reply)).has_value());
  return 0;
}
