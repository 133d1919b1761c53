#include "samples/service/target.h"

#include <cstdint>

namespace openclaw::service {
namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus { kPlus, kSpace };

Result<std::string> decode(std::string_view text, Plus plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::kSpace) {
      decoded.push_back(' ');
    } else if (text[i] == '%') {
      int high = i + 2 < text.size() ? hexDigit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(ErrorCode::kInvalidArgument, "the URL has a bad percent escape");
      decoded.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  if (!isUtf8(decoded)) return fail(ErrorCode::kInvalidArgument, "the URL is not UTF-8 after decoding");
  return decoded;
}

// Calls `use` with the pieces of `text` between `separator`.
template <class Use>
Result<void> forEachPiece(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) OPENCLAW_TRY_VOID(use(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

}  // namespace

bool isUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3fu);
    }
    constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};  // below: an overlong form
    if (point < kSmallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
    i += length;
  }
  return true;
}

std::optional<std::string_view> Target::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

Result<Target> parseTarget(std::string_view text) {
  Target target;
  text = text.substr(0, text.find('#'));
  std::size_t question = std::min(text.find('?'), text.size());
  OPENCLAW_TRY_VOID(forEachPiece(text.substr(0, question), '/', [&](std::string_view piece) -> Result<void> {
    OPENCLAW_TRY(std::string segment, decode(piece, Plus::kPlus));
    target.path.push_back(std::move(segment));
    return {};
  }));
  OPENCLAW_TRY_VOID(forEachPiece(text.substr(std::min(question + 1, text.size())), '&', [&](std::string_view piece) -> Result<void> {
    std::size_t equals = std::min(piece.find('='), piece.size());
    OPENCLAW_TRY(std::string key, decode(piece.substr(0, equals), Plus::kSpace));
    OPENCLAW_TRY(std::string value, decode(piece.substr(std::min(equals + 1, piece.size())), Plus::kSpace));
    target.query.emplace_back(std::move(key), std::move(value));
    return {};
  }));
  return target;
}

}  // namespace openclaw::service
