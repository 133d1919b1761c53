#include "analyzer/load/v8/json_reader.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

#include "analyzer/load/v8/digits.h"

namespace openclaw {
namespace {

bool isSpace(int c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool isDigit(int c) { return c >= '0' && c <= '9'; }

void appendUtf8(std::string& into, unsigned code) {
  const auto byte = [&](unsigned b) { into.push_back(static_cast<char>(b)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | code >> 6), byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | code >> 12), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | code >> 18), byte(0x80 | (code >> 12 & 0x3f)), byte(0x80 | (code >> 6 & 0x3f)), byte(0x80 | (code & 0x3f));
  }
}
constexpr unsigned kReplacement = 0xfffd;

// Length of the valid UTF-8 sequence that begins at `at`, 0 if there is none. `available` bytes may be looked at.
std::size_t sequenceLength(const char* at, std::size_t available) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || length > available) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Not the shortest form, a surrogate, or past U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf0 && byte(1) < 0x90) ||
      (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

}  // namespace

JsonReader::JsonReader(const SourceBytes& bytes, std::function<void(std::uint64_t)> refilled)
    : bytes_(bytes), size_(bytes.size()), refilled_(std::move(refilled)), buffer_(new char[kBlock + kPadding]()),
      p_(buffer_.get()), end_(p_) {}

void JsonReader::seek(std::uint64_t position) {
  filePosition_ = position;
  p_ = end_ = buffer_.get();
}

bool JsonReader::refill() {
  if (filePosition_ >= size_) return false;
  if (refilled_) refilled_(filePosition_);
  const auto kept = static_cast<std::size_t>(end_ - p_);
  std::memmove(buffer_.get(), p_, kept);
  const std::size_t got =
      bytes_.read(filePosition_, std::as_writable_bytes(std::span(buffer_.get() + kept, kBlock - kept)));
  filePosition_ += got;
  p_ = buffer_.get();
  end_ = p_ + kept + got;
  std::memset(buffer_.get() + kept + got, 0, kPadding);
  return got != 0;
}

int JsonReader::peekToken() {
  for (;;) {
    const int c = peek();
    if (!isSpace(c)) return c;
    skip();
  }
}

bool JsonReader::accept(char c) {
  if (peekToken() != static_cast<unsigned char>(c)) return false;
  skip();
  return true;
}

unsigned JsonReader::hexEscape(std::size_t ahead) {
  unsigned value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int c = peekAhead(ahead + i);
    const int digit = isDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return kNoEscape;
    value = value << 4 | static_cast<unsigned>(digit);
  }
  return value;
}

JsonReader::Text JsonReader::readString(std::string& into, bool breakAtLine) {
  into.clear();
  Text text;
  if (!accept('"')) return text;
  const auto repair = [&] {
    appendUtf8(into, kReplacement);
    ++text.repaired;
  };
  for (;;) {
    if (peek() == kEnd) return text;
    if (into.size() > kLongestText) {
      std::size_t keep = kLongestText;
      while (keep > 0 && (static_cast<unsigned char>(into[keep]) & 0xc0) == 0x80) --keep;
      into.resize(keep);
      text.cut = true;
      skipString();
      text.ended = peek() != kEnd;
      if (text.ended) skip();
      return text;
    }
    // A run of plain characters.
    const char* const start = p_;
    while (p_ != end_ && static_cast<unsigned char>(*p_) < 0x80 && *p_ != '"' && *p_ != '\\' && *p_ != '\n') ++p_;
    into.append(start, p_);
    if (p_ == end_) continue;
    const auto c = static_cast<unsigned char>(*p_);
    if (c == '"') {
      skip();
      text.ended = true;
      return text;
    }
    if (c == '\n') {
      if (breakAtLine) return text;
      into.push_back('\n');
      skip();
      continue;
    }
    if (c >= 0x80) {
      (void)peekAhead(3);
      if (const std::size_t length = sequenceLength(p_, static_cast<std::size_t>(end_ - p_)); length != 0) {
        into.append(p_, length);
        p_ += length;
      } else if (c == 0xed && end_ - p_ >= 3 && (p_[1] & 0xc0) == 0x80 && (p_[2] & 0xc0) == 0x80) {
        p_ += 3;   // a surrogate written as if it were a character
        repair();
      } else {
        skip();
        repair();
      }
      continue;
    }
    skip();   // the backslash
    const int escape = peek();
    if (escape == kEnd) return text;
    if (escape == '\n' && breakAtLine) {
      repair();
      return text;
    }
    skip();
    switch (escape) {
      case '"': case '\\': case '/': into.push_back(static_cast<char>(escape)); break;
      case 'b': into.push_back('\b'); break;
      case 'f': into.push_back('\f'); break;
      case 'n': into.push_back('\n'); break;
      case 'r': into.push_back('\r'); break;
      case 't': into.push_back('\t'); break;
      case 'u': {
        const unsigned unit = hexEscape(0);
        if (unit == kNoEscape) {
          repair();
          break;
        }
        p_ += 4;
        const bool high = unit >= 0xd800 && unit < 0xdc00;
        const unsigned low = high && peekAhead(0) == '\\' && peekAhead(1) == 'u' ? hexEscape(2) : kNoEscape;
        if (low != kNoEscape && low >= 0xdc00 && low < 0xe000) {
          p_ += 6;
          appendUtf8(into, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
        } else if (unit >= 0xd800 && unit < 0xe000) {
          repair();   // alone; what follows may begin a pair of its own
        } else {
          appendUtf8(into, unit);
        }
        break;
      }
      default: repair();
    }
  }
}

// Up to the closing quote, which stays.
void JsonReader::skipString() {
  for (;;) {
    const int c = peek();
    if (c == kEnd || c == '"') return;
    skip();
    if (c == '\\' && peek() != kEnd) skip();
  }
}

bool JsonReader::skipValue() {
  std::uint64_t depth = 0;
  do {
    const int c = peekToken();
    if (c == kEnd) return false;
    if (c == '"') {
      skip();
      skipString();
      if (peek() == kEnd) return false;
      skip();
    } else if (c == '[' || c == '{') {
      skip();
      ++depth;
    } else if (c == ']' || c == '}') {
      if (depth == 0) return true;   // of the caller's
      skip();
      --depth;
    } else if (c == ',' || c == ':') {
      if (depth == 0) return true;
      skip();
    } else {
      do skip();
      while (p_ != end_ && *p_ != 0 && !isSpace(static_cast<unsigned char>(*p_)) && std::strchr(",:[]{}\"", *p_) == nullptr);
    }
  } while (depth != 0);
  return true;
}

// The bracket that comes next: does the array end there? In a damaged file it may stand in place of another byte; then
// numbers go on behind it.
bool JsonReader::bracketIsTheEnd() {
  std::size_t at = 1;
  const auto skipSpaces = [&] {
    while (at < 64 && isSpace(peekAhead(at))) ++at;
  };
  skipSpaces();
  int c = peekAhead(at);
  if (c == ',') {
    ++at;
    skipSpaces();
    c = peekAhead(at);
  }
  return !isDigit(c);
}

bool JsonReader::skipNumbers() {
  while (peek() != kEnd) {
    const auto find = [&](char c, const char* end) { return static_cast<const char*>(std::memchr(p_, c, static_cast<std::size_t>(end - p_))); };
    const char* const bracket = find(']', end_);
    const char* const quote = find('"', bracket != nullptr ? bracket : end_);
    if (quote != nullptr || bracket == nullptr) {
      p_ = quote != nullptr ? quote : end_;
      if (quote != nullptr) return false;
      continue;
    }
    p_ = bracket;
    const bool over = bracketIsTheEnd();   // may move what is read
    skip();
    if (over) return true;
  }
  return false;
}

bool NumberRows::next() {
  if (lines_ == Lines::kUnknown) lines_ = lookForLines();
  if (damagedAhead_ != 0) return nextSlowly();
  if (static_cast<std::size_t>(json_.end_ - json_.p_) < JsonReader::kLookahead) (void)json_.refill();
  const char* p = json_.p_;
  for (unsigned field = 0; field < stride_; ++field) {
    // Zeros behind the end stop every number.
    if (!v8::takeDigits(p, values_[field])) return nextSlowly();
    if (field + 1 < stride_) {
      if (*p != ',') return nextSlowly();
      ++p;
    }
  }
  if (lines_ == Lines::kYes) {
    if (p[0] != '\n' || p[1] != ',') return nextSlowly();
    p += 2;
  } else {
    if (*p != ',') return nextSlowly();
    ++p;
    while (isSpace(static_cast<unsigned char>(*p))) ++p;
  }
  json_.p_ = p;
  bad_ = 0;
  return true;
}

// Written a row a line? A line then has about as many commas as a row; where every number has a line of its own, one.
NumberRows::Lines NumberRows::lookForLines() {
  std::size_t commas = 0, lines = 0, commasFirst = 0;
  for (std::size_t at = 0; at < JsonReader::kLookahead - 2; ++at) {
    const int c = json_.peekAhead(at), next = json_.peekAhead(at + 1);
    if (c == JsonReader::kEnd || c == '"' || (c == ']' && !isDigit(next) && !(next == ',' && isDigit(json_.peekAhead(at + 2))))) break;
    commas += c == ',';
    lines += c == '\n';
    commasFirst += c == '\n' && next == ',';
  }
  commaFirst_ = 2 * commasFirst >= lines;
  return lines != 0 && 2 * commas >= lines * (stride_ + 1) ? Lines::kYes : Lines::kNo;
}

// Any number of JSON; false: none, and what stood there was skipped.
bool NumberRows::takeNumber(std::uint64_t& value) {
  char token[64];
  std::size_t length = 0;
  bool plain = true;
  for (;;) {
    const int c = json_.peek();
    if (c == JsonReader::kEnd || isSpace(c) || c == ',' || c == ']' || c == '"') break;
    json_.skip();
    plain = plain && isDigit(c);
    if (length + 1 < sizeof(token)) token[length++] = static_cast<char>(c);
    else plain = false;
  }
  token[length] = 0;
  if (length == 0) return false;
  if (plain && length <= 20) {
    errno = 0;
    value = std::strtoull(token, nullptr, 10);
    return errno == 0;
  }
  if (token[0] != '-' && !isDigit(static_cast<unsigned char>(token[0]))) return false;
  if (std::strspn(token, "0123456789+-.eE") != length) return false;
  char* end = nullptr;
  const double number = std::strtod(token, &end);
  if (end != token + length || !(std::fabs(number) < 0x1p63) || number != std::trunc(number)) return false;
  value = static_cast<std::uint64_t>(static_cast<std::int64_t>(number));
  return true;
}

bool NumberRows::nextSlowly() {
  bad_ = 0;
  if (damagedAhead_ != 0) {
    --damagedAhead_;
    bad_ = kAllBad;
    return true;
  }
  std::uint64_t count = 0;             // numbers of this row so far
  bool needComma = false, broken = false;
  const auto rowOver = [&] {
    if (count == stride_ && !broken) return true;
    bad_ = kAllBad;
    // Rows that ran into each other are as many lost rows as their numbers make.
    if (count > stride_) damagedAhead_ = static_cast<unsigned>((count + stride_ / 2) / stride_ - 1);
    return true;
  };
  for (;;) {
    const int c = json_.peek();
    if (c == JsonReader::kEnd) return count != 0 && rowOver();
    if (c == '\n' && count != 0) {
      json_.skip();
      if (lines_ == Lines::kNo) continue;
      // A row ends where a line and a comma (before it or behind it) or a bracket meet.
      const int next = json_.peekToken();
      if (needComma && next == ',') {
        json_.skip();
      } else if ((needComma || commaFirst_) && next != ',' && next != ']' && next != JsonReader::kEnd && next != '"') {
        broken = true;
        needComma = false;
        continue;
      } else if (!needComma && next == ',') {   // in place of a number
        broken = true;
        continue;
      }
      return rowOver();
    }
    if (isSpace(c)) {
      json_.skip();
      continue;
    }
    if (c == ',') {
      if (!needComma && count != 0) {   // a second comma: a number is missing between
        if (count < stride_) bad_ |= 1u << count, values_[count] = 0;
        ++count;
      }
      needComma = false;
      json_.skip();
      continue;
    }
    if (c == '"' || (c == ']' && json_.bracketIsTheEnd())) {   // a quote: the bracket was lost, the next key begins
      if (count != 0) return rowOver();                  // the next call ends it
      ended_ = c == ']';
      if (ended_) json_.skip();
      return false;
    }
    std::uint64_t value = 0;
    bool good = false;
    if (c == ']') json_.skip();                          // in place of another byte
    else good = takeNumber(value);
    if (needComma) broken = true;                        // two numbers without a comma
    needComma = true;
    if (count < stride_) {
      values_[count] = value;
      if (!good) bad_ |= 1u << count;
    }
    ++count;
    if (count < stride_ || lines_ == Lines::kYes) continue;
    for (int after = json_.peek(); isSpace(after) || (after == ',' && needComma); after = json_.peek()) {
      if (after == ',') needComma = false;
      json_.skip();
    }
    if (broken) bad_ = kAllBad;
    return true;
  }
}

}  // namespace openclaw
