// Reads JSON as a stream, as far as it is JSON: tokens of a file of any size through one buffer of a mebibyte, and flat
// arrays of numbers at the speed of memory. It never gives up: what is no token is skipped and told, so that the caller can
// count it and go on. RFC 8259; strings come out as valid UTF-8.
//
//   JsonReader json(bytes, [&](std::uint64_t position) { work.report(position / size); });
//   if (json.accept('{')) { json.readString(key); json.accept(':'); json.skipValue(); }
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "analyzer/load/source_bytes.h"

namespace openclaw {

// Threads: one at a time.
class JsonReader {
 public:
  // `refilled` hears the position before each read of the file, and may throw.
  JsonReader(const SourceBytes& bytes, std::function<void(std::uint64_t)> refilled);

  std::uint64_t position() const { return filePosition_ - static_cast<std::uint64_t>(end_ - p_); }
  std::uint64_t size() const { return size_; }
  void seek(std::uint64_t position);

  static constexpr int kEnd = -1;
  int peek() {   // the next byte; kEnd behind the last one
    if (p_ == end_ && !refill()) return kEnd;
    return static_cast<unsigned char>(*p_);
  }
  void skip() { ++p_; }             // after a peek() that was not kEnd
  int peekToken();                  // skips white space first
  bool accept(char c);              // skips white space; takes `c` if it is next
  // The byte `ahead` behind the next one, kEnd if there is none. ahead < kLookahead.
  static constexpr std::size_t kLookahead = 4096;
  int peekAhead(std::size_t ahead) {
    if (static_cast<std::size_t>(end_ - p_) <= ahead && !refill()) return kEnd;
    return static_cast<std::size_t>(end_ - p_) > ahead ? static_cast<unsigned char>(p_[ahead]) : kEnd;
  }

  struct Text {
    bool ended = false;             // false: the file ends inside, or there is no string here (nothing was read then)
    bool cut = false;               // longer than kLongestText: the rest was left out
    std::uint32_t repaired = 0;     // lone surrogates, bytes that are no UTF-8, escapes that are none: each became U+FFFD
  };
  static constexpr std::size_t kLongestText = 1u << 20;
  // A string in quotes; with `breakAtLine` a raw end of line, which JSON forbids, ends it unfinished.
  Text readString(std::string& into, bool breakAtLine = false);
  // Whatever comes next, nested to any depth. False: the file ended inside.
  bool skipValue();
  // The rest of a flat array of numbers, its bracket too, at the speed of memory. As NumberRows sees it: a bracket in front of more
  // numbers is damage, a quote says that the bracket was lost. False: that, or the file ended inside.
  bool skipNumbers();

 private:
  friend class NumberRows;
  bool bracketIsTheEnd();           // of an array of numbers
  bool refill();                    // keeps what is unread; false: nothing more
  void skipString();
  unsigned hexEscape(std::size_t ahead);   // the four hexadecimal digits there, or kNoEscape
  static constexpr unsigned kNoEscape = 0xffff'ffffu;

  static constexpr std::size_t kBlock = 1u << 20, kPadding = 64;
  const SourceBytes& bytes_;
  const std::uint64_t size_;
  std::function<void(std::uint64_t)> refilled_;
  std::unique_ptr<char[]> buffer_;  // kBlock + kPadding; zeros behind end_
  const char* p_;
  const char* end_;
  std::uint64_t filePosition_ = 0;  // of end_
};

// The rows of a flat array of integers, `stride` each; the reader stands behind the bracket. V8 writes a row a line: in such
// files a damaged row is found by its line and costs no other row. Where numbers stand otherwise, a number that is none counts
// as a bad one, and a lost comma shifts what follows: the total of the rows tells.
class NumberRows {
 public:
  static constexpr unsigned kMostFields = 31;
  NumberRows(JsonReader& json, unsigned stride) : json_(json), stride_(stride) {}

  // False: the array is over. Otherwise value() of each field, or bad().
  bool next();
  // A negative number comes as its two's complement.
  std::uint64_t value(unsigned field) const { return values_[field]; }
  // Fields of this row that could not be read, a bit each. All set: the whole row.
  std::uint32_t bad() const { return bad_; }
  static constexpr std::uint32_t kAllBad = 0xffff'ffffu;

  bool ended() const { return ended_; }              // by its bracket

 private:
  bool nextSlowly();
  bool takeNumber(std::uint64_t& value);
  enum class Lines : std::uint8_t { kUnknown, kYes, kNo };
  Lines lookForLines();               // sets commaFirst_

  JsonReader& json_;
  const unsigned stride_;
  std::array<std::uint64_t, kMostFields> values_{};
  std::uint32_t bad_ = 0;
  Lines lines_ = Lines::kUnknown;
  unsigned damagedAhead_ = 0;        // rows still to be told as lost
  bool commaFirst_ = false;           // a line begins with the comma, as V8 writes it
  bool ended_ = false;
};

}  // namespace openclaw
