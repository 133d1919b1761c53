#include "analyzer/load/v8/row_blocks.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace openclaw::v8 {
namespace {

constexpr std::size_t kPadding = 64;   // more than a row's last number is looked behind

std::uint64_t countCommas(const char* at, const char* end) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ull, kLow = 0x7f7f'7f7f'7f7f'7f7full;
  std::uint64_t count = 0;
  while (end - at >= 8) {
    std::uint64_t lanes = 0;   // a counter a byte
    const char* const stop = at + std::min<std::ptrdiff_t>((end - at) / 8, 255) * 8;
    for (; at != stop; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      word ^= kOnes * ',';
      lanes += ~(((word & kLow) + kLow) | word) >> 7 & kOnes;
    }
    constexpr std::uint64_t kEven = 0x00ff'00ff'00ff'00ffull;
    count += ((lanes & kEven) + (lanes >> 8 & kEven)) * 0x0001'0001'0001'0001ull >> 48;
  }
  for (; at != end; ++at) count += *at == ',';
  return count;
}

}  // namespace

bool skipCommas(const char*& at, const char* end, std::uint64_t count) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101ull, kLow = 0x7f7f'7f7f'7f7f'7f7full;
  const char* from = at;
  while (count > 8 && end - from >= 8) {   // a word has at most eight
    std::uint64_t word;
    std::memcpy(&word, from, sizeof(word));
    word ^= kOnes * ',';
    count -= static_cast<unsigned>(std::popcount(~(((word & kLow) + kLow) | word) & ~kLow));
    from += 8;
  }
  for (; count != 0; --count) {
    const void* const comma = std::memchr(from, ',', static_cast<std::size_t>(end - from));
    if (comma == nullptr) return false;
    from = static_cast<const char*>(comma) + 1;
  }
  at = from;
  return true;
}

bool RowBlocks::take(Block& block) {
  if (block.text == nullptr) block.text = std::make_unique_for_overwrite<char[]>(kBytes + kPadding);
  char* const text = block.text.get();
  const std::lock_guard lock(mutex_);
  if (over_) return false;
  over_ = true;   // unless this block says where the next one begins
  const std::size_t got = bytes_.read(position_, std::as_writable_bytes(std::span(text, kBytes)));
  if (got < 2) return false;
  const void* const bracket = std::memchr(text, ']', got);
  std::size_t length = bracket != nullptr ? static_cast<std::size_t>(static_cast<const char*>(bracket) - text) : got;
  std::uint64_t commas = countCommas(text, text + length);
  if (bracket != nullptr) {
    ended_ = true;
    position_ += length + 1;
    commas += length != 0;   // there is none behind the last number
  } else {
    // Up to the comma behind the last whole row.
    for (std::uint64_t back = commas % stride_ + 1; back != 0; --back) {
      const void* const comma = ::memrchr(text, ',', length);
      if (comma == nullptr) return false;
      length = static_cast<std::size_t>(static_cast<const char*>(comma) - text);
    }
    if (length + kLongestRow < kBytes) return false;
    commas -= commas % stride_;
    position_ += length + 1;
    over_ = false;
  }
  if (rows_ == 0) lines_ = std::memchr(text, '\n', std::min(length, kLongestRow)) != nullptr;
  bool whole = commas % stride_ == 0;
  if (lines_ && length != 0) {
    --length;
    whole = whole && text[length] == '\n';
  }
  std::memset(text + length, 0, kPadding);
  block.end = text + length;
  block.lines = lines_;
  block.firstRow = rows_;
  block.rows = commas / stride_;
  rows_ += block.rows;
  if (whole) return true;
  over_ = true, ended_ = false;
  return false;
}

}  // namespace openclaw::v8
