// How one reference list is written in bytes: most references lead to neighbours or to a few objects that everybody refers to
// (enum constants, empty tables, hidden classes), so that most slots take one byte.
//
//   list   = slot*
//   slot   = varint: 0 = null; 1 … common = one of the table's common targets; else 1 + common + zigzag(entry - entry before)
//   entry  = index + 1; before the first slot, and behind a common target, stands the list's own row + 1; null slots leave
//            "before" as it is
//
// In lists where slots have strengths of their own (EdgeTable::ownRows), a bit is added: varint * 2 = as declared,
// (varint * 8 + Strength) * 2 + 1 = its own.
//
// Every byte but a slot's last has its upper bit set, so slots can be counted without being read.
#pragma once

#include <array>
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

// The entries that most slots of a table have, for whose lists it is worth it.
struct CommonTargets {
  // A dump of Java: 9.2 B an object without, 7.0 with 48, 6.9 with 64, 7.0 with 96, where codes of neighbours get too long.
  static constexpr std::uint32_t kMost = 48;
  std::uint32_t count = 0;
  std::array<std::uint32_t, kMost> entries{};
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.count);
    for (auto& entry : self.entries) a(entry);
  }
};
inline constexpr CommonTargets kNoCommonTargets{};

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
  // `home`: the list's own row + 1. `common` outlives the reader.
  SlotReader(const std::uint8_t* begin, const std::uint8_t* end, std::uint32_t home, bool ownStrengths,
             const CommonTargets& common = kNoCommonTargets)
      : at_(begin), end_(end), common_(&common), home_(home), before_(home), own_(ownStrengths) {}
  // Goes on at `position`, behind a slot: the before() there and how many slots were read up to there.
  void resume(const std::uint8_t* position, std::uint32_t before, std::uint32_t read) {
    at_ = position;
    before_ = before;
    read_ = read;
  }
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
    const std::uint32_t common = common_->count;
    if (code > common) {
      entry_ = before_ = entryOf(code - common, before_);
    } else if (code == 0) {
      entry_ = 0;
    } else {
      entry_ = common_->entries[code - 1];
      before_ = home_;
    }
    return true;
  }
  std::uint32_t entry() const { return entry_; }
  std::uint32_t before() const { return before_; }        // that the next slot's difference counts from: entry(), or the home
  std::uint32_t slot() const { return read_ - 1; }        // of the entry read last
  std::uint8_t strength() const { return strength_; }     // a Strength, or kStrengthAsDeclared
  const std::uint8_t* position() const { return at_; }

 private:
  const std::uint8_t* at_ = nullptr;
  const std::uint8_t* end_ = nullptr;
  const CommonTargets* common_ = &kNoCommonTargets;
  std::uint32_t home_ = 0, before_ = 0, read_ = 0, entry_ = 0;
  std::uint8_t strength_ = kStrengthAsDeclared;
  bool own_ = false;
};

}  // namespace openclaw
