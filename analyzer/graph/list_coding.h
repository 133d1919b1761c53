// How one reference list is written in bytes: most references lead to neighbours, so that most slots take one byte.
//
//   list   = slot*
//   slot   = varint: 0 = null, else 1 + zigzag(entry - entry before); null slots leave "before" as it is
//   entry  = index + 1; before the first slot stands the list's own row + 1
//
// In lists where slots have strengths of their own (EdgeTable::ownRows), a bit is added: varint * 2 = as declared,
// (varint * 8 + Strength) * 2 + 1 = its own.
//
// Every byte but a slot's last has its upper bit set, so slots can be counted without being read.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace openclaw {

inline constexpr unsigned kMostVarintBytes = 6;  // differences of 32-bit entries need 34 bits, own strengths 4
inline constexpr std::uint8_t kStrengthAsDeclared = 0xff;

inline std::uint8_t* putVarint(std::uint8_t* at, std::uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<std::uint8_t>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<std::uint8_t>(value);
  return at;
}
inline std::uint64_t takeVarint(const std::uint8_t*& at) {
  std::uint64_t value = *at++;
  if (value < 0x80) return value;
  value &= 0x7f;
  for (unsigned shift = 7;; shift += 7) {
    const std::uint64_t byte = *at++;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}
inline unsigned varintBytes(std::uint64_t value) {
  return (static_cast<unsigned>(std::bit_width(value | 1)) + 6) / 7;
}

// `entry` is not null.
inline std::uint64_t slotCode(std::uint32_t entry, std::uint32_t before) {
  const std::int64_t delta = std::int64_t{entry} - before;
  return ((static_cast<std::uint64_t>(delta) << 1) ^ static_cast<std::uint64_t>(delta >> 63)) + 1;
}
// `code` is not 0.
inline std::uint32_t entryOf(std::uint64_t code, std::uint32_t before) {
  const std::uint64_t zigzag = code - 1;
  return before + static_cast<std::uint32_t>((zigzag >> 1) ^ (0 - (zigzag & 1)));
}

inline std::uint64_t withOwnStrength(std::uint64_t code, std::uint8_t strength) {
  return strength == kStrengthAsDeclared ? code << 1 : (code << 3 | strength) << 1 | 1;
}

// Slots in [begin, end).
inline std::uint64_t countSlots(const std::uint8_t* begin, const std::uint8_t* end) {
  std::uint64_t continued = 0;
  const std::uint8_t* at = begin;
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    continued += static_cast<unsigned>(std::popcount(word & 0x8080'8080'8080'8080u));
  }
  for (; at != end; ++at) continued += *at >> 7;
  return static_cast<std::uint64_t>(end - begin) - continued;
}

// Reads a list from front to back: entries, null ones as 0. Cheap to copy.
//
//   for (SlotReader slots = table.slots(source); slots.next();) use(slots.entry());
class SlotReader {
 public:
  SlotReader() = default;
  // `before`: the entry before `begin`, `read`: slots before it.
  SlotReader(const std::uint8_t* begin, const std::uint8_t* end, std::uint32_t before, bool ownStrengths, std::uint32_t read = 0)
      : at_(begin), end_(end), before_(before), read_(read), own_(ownStrengths) {}
  // False at the end, again and again.
  bool next() {
    if (at_ == end_) return false;
    std::uint64_t code = takeVarint(at_);
    ++read_;
    if (own_) [[unlikely]] {
      const bool has = (code & 1) != 0;
      strength_ = has ? static_cast<std::uint8_t>(code >> 1 & 7) : kStrengthAsDeclared;
      code >>= has ? 4 : 1;
    }
    null_ = code == 0;
    if (!null_) before_ = entryOf(code, before_);
    return true;
  }
  std::uint32_t entry() const { return null_ ? 0 : before_; }
  std::uint32_t slot() const { return read_ - 1; }        // of the entry read last
  std::uint8_t strength() const { return strength_; }     // a Strength, or kStrengthAsDeclared
  const std::uint8_t* position() const { return at_; }

 private:
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  std::uint32_t before_ = 0, read_ = 0;
  std::uint8_t strength_ = kStrengthAsDeclared;
  bool own_ = false, null_ = true;
};

}  // namespace openclaw
