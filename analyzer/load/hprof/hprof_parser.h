// HPROF records in the order of the file, and where one can go on after damage: the one place that knows the bytes.
//
//   struct Visitor : NoRecords { void instance(...) {...} };
//   HprofParser<Visitor> parser(stream, *readHead(stream), visitor);
//   parser.run();   parser.counts().lostBytes
//
// A run tells its visitor of places (Visitor::place) at which later runs over the same bytes may begin, several side by side.
//
// Sub-records of a heap dump carry no length, so an unknown one, or one that does not fit, ends its segment: the bytes up to
// the segment's end are counted as lost and reading goes on behind it. Both passes over a file take the same decisions.
//
// A dump is a HEAP_DUMP record, or all HEAP_DUMP_SEGMENT records up to HEAP_DUMP_END. Lengths are 32 bits and do overflow:
// a HEAP_DUMP whose last sub-record crosses the announced end goes on 2^32 bytes further, a length of 0 (the writer died
// before it wrote it) means all that follows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzer/load/hprof/hprof_stream.h"

namespace openclaw::hprof {

enum Tag : std::uint8_t {
  kUtf8 = 0x01, kLoadClass = 0x02, kUnloadClass = 0x03, kFrame = 0x04, kTrace = 0x05, kAllocSites = 0x06, kHeapSummary = 0x07,
  kStartThread = 0x0a, kEndThread = 0x0b, kHeapDump = 0x0c, kCpuSamples = 0x0d, kControlSettings = 0x0e,
  kHeapDumpSegment = 0x1c, kHeapDumpEnd = 0x2c,
};
enum SubTag : std::uint8_t {
  kRootJniGlobal = 0x01, kRootJniLocal = 0x02, kRootJavaFrame = 0x03, kRootNativeStack = 0x04, kRootStickyClass = 0x05,
  kRootThreadBlock = 0x06, kRootMonitorUsed = 0x07, kRootThreadObject = 0x08, kClassDump = 0x20, kInstance = 0x21,
  kObjectArray = 0x22, kPrimitiveArray = 0x23,
  // Android
  kRootInternedString = 0x89, kRootFinalizing = 0x8a, kRootDebugger = 0x8b, kRootReferenceCleanup = 0x8c,
  kRootVmInternal = 0x8d, kRootJniMonitor = 0x8e, kUnreachableRoot = 0x90, kPrimitiveArrayNoData = 0xc3, kHeapDumpInfo = 0xfe,
  kRootUnknown = 0xff,
};
enum FieldType : std::uint8_t { kObjectField = 2, kBoolean = 4, kChar, kFloat, kDouble, kByte, kShort, kInt, kLong };

// 0: no such type.
constexpr unsigned sizeOfType(std::uint8_t type, unsigned idSize) {
  switch (type) {
    case kObjectField: return idSize;
    case kBoolean: case kByte: return 1;
    case kChar: case kShort: return 2;
    case kFloat: case kInt: return 4;
    case kDouble: case kLong: return 8;
    default: return 0;
  }
}

struct Head {
  std::string version;  // "JAVA PROFILE 1.0.2"
  unsigned idSize = 0;
  std::uint64_t unixMilliseconds = 0;
};

// nullopt: no HPROF, or cut before its first record. Consumes it.
inline std::optional<Head> readHead(HprofStream& stream) {
  constexpr std::size_t kMostVersion = 32;
  stream.need(kMostVersion + 12);
  const auto* text = reinterpret_cast<const char*>(stream.data());
  const std::size_t length =
      static_cast<std::size_t>(std::find(text, text + std::min(stream.available(), kMostVersion), '\0') - text);
  Head head;
  head.version.assign(text, length);
  if (!head.version.starts_with("JAVA PROFILE 1.0.") || !stream.need(length + 13)) return std::nullopt;
  head.idSize = load32(stream.data() + length + 1);
  head.unixMilliseconds = load64(stream.data() + length + 5);
  if (head.idSize != 4 && head.idSize != 8) return std::nullopt;
  stream.consume(length + 13);
  return head;
}

struct StaticField {
  std::uint64_t name = 0, value = 0;  // value: of a reference an id, else the bits
  std::uint8_t type = 0;
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.name, self.value, self.type);
  }
};
struct InstanceField {
  std::uint64_t name = 0;
  std::uint8_t type = 0;
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.name, self.type);
  }
};
struct ClassRecord {
  std::uint64_t id = 0, super = 0, loader = 0, signers = 0, domain = 0;
  std::uint32_t trace = 0, instanceBytes = 0;
  std::vector<std::uint64_t> constants;  // references of the constant pool
  std::vector<StaticField> statics;
  std::vector<InstanceField> fields;
};

// Where a sub-record of a heap dump begins, and what the parser knows there of its surroundings.
struct Place {
  std::uint64_t position = 0;
  std::uint64_t limit = 0;  // where the segment ends
  std::uint8_t tag = 0;     // of the record that the segment is
};

// Every record a visitor may want, ignored. `at`: the position of the record.
struct NoRecords {
  void utf8(std::uint64_t /*id*/, std::span<const std::byte> /*text*/) {}
  void loadClass(std::uint32_t /*serial*/, std::uint64_t /*id*/, std::uint64_t /*name*/) {}
  void frame(std::uint64_t /*id*/, std::uint64_t /*method*/, std::uint64_t /*file*/, std::uint32_t /*classSerial*/,
             std::int32_t /*line*/) {}
  void trace(std::uint32_t /*serial*/, std::uint32_t /*thread*/, std::span<const std::uint64_t> /*frames*/) {}
  void startThread(std::uint32_t /*serial*/, std::uint64_t /*object*/, std::uint64_t /*name*/) {}
  void beginDump() {}
  void endDump(bool /*whole*/) {}
  void beginSegment() {}  // of the dump that has begun; its sub-records follow without a gap
  // At the first sub-record of a dump, and then about every kBytesBetweenPlaces.
  void place(const Place& /*place*/) {}
  void root(std::uint8_t /*tag*/, std::uint64_t /*object*/, std::uint32_t /*thread*/, std::uint32_t /*frame or trace*/) {}
  void classDump(const ClassRecord& /*record*/, std::uint64_t /*at*/) {}
  void instance(std::uint64_t /*id*/, std::uint32_t /*trace*/, std::uint64_t /*cls*/, std::span<const std::byte> /*values*/,
                std::uint64_t /*at*/) {}
  // All elements of an array stand between begin and end; when the file is cut inside them, end is not called.
  static constexpr bool kWantsElements = false;
  void beginObjectArray(std::uint64_t /*id*/, std::uint32_t /*trace*/, std::uint64_t /*cls*/, std::uint32_t /*count*/,
                        std::uint64_t /*at*/) {}
  void elements(std::uint32_t /*first*/, const std::byte* /*ids*/, std::uint32_t /*count*/) {}
  void endObjectArray(std::uint64_t /*id*/, std::uint32_t /*trace*/, std::uint64_t /*cls*/, std::uint32_t /*count*/,
                      std::uint64_t /*at*/) {}
  void primitiveArray(std::uint64_t /*id*/, std::uint32_t /*trace*/, std::uint8_t /*type*/, std::uint32_t /*count*/,
                      std::uint64_t /*at*/) {}
  // Called about once a megabyte.
  void progress(const HprofStream&) {}
};

struct ParseCounts {
  std::uint64_t lostBytes = 0;        // inside the file, belonging to no record that could be read
  std::uint64_t damagedSegments = 0;  // left before their end
  std::uint64_t lengthsRepaired = 0;  // overflowed, or never written
  std::uint64_t dumps = 0;
  bool truncated = false;             // the file ends inside a record
  bool endSeen = false;               // the last dump came to its end
};

template <class Visitor>
class HprofParser {
 public:
  HprofParser(HprofStream& stream, const Head& head, Visitor& visitor) : s_(stream), v_(visitor), id_(head.idSize) {}

  static constexpr std::uint64_t kBytesBetweenPlaces = std::uint64_t{4} << 20;

  void run() {
    while (s_.need(kRecordHead)) {
      if (s_.position() >= stopAt_) return;
      tick();
      const auto tag = static_cast<std::uint8_t>(s_.data()[0]);
      const std::uint32_t length = load32(s_.data() + 5);
      if (tag == kHeapDump || tag == kHeapDumpSegment) {
        s_.consume(kRecordHead);
        heapDump(tag, length);
      } else if (tag == kHeapDumpEnd && length == 0) {
        s_.consume(kRecordHead);
        if (inSegments_) endDump(true);
      } else if (!record(tag, length)) {
        break;
      }
    }
    if (inSegments_) endDump(false);
    const std::uint64_t rest = s_.skip(UINT64_MAX);
    counts_.lostBytes += rest;
    counts_.truncated |= rest != 0;
  }
  // Goes on at a place that an earlier run named, where the stream stands, up to the first record that begins at or behind
  // `end`. The counts are of no use then.
  void runFrom(const Place& place, std::uint64_t end) {
    stopAt_ = end;
    lastTick_ = s_.position();
    inSegments_ = place.tag == kHeapDumpSegment;
    limit_ = place.limit;
    subRecords(place.tag);
    if (s_.position() < stopAt_) run();
  }
  const ParseCounts& counts() const { return counts_; }

  // One sub-record where the stream stands (random access). False: none.
  bool runOne() {
    limit_ = UINT64_MAX;
    return subRecord() == Outcome::kRead;
  }

 private:
  static constexpr std::size_t kRecordHead = 9;
  static constexpr std::uint64_t kUnbounded = UINT64_MAX;
  static constexpr std::uint32_t kElementsAtOnce = 1u << 16;
  enum class Outcome { kRead, kCrosses, kDamaged, kEnd };

  std::uint64_t id(std::size_t offset) const { return loadId(s_.data() + offset, id_); }
  void tick() {
    if (s_.position() - lastTick_ < (1u << 20)) return;
    lastTick_ = s_.position();
    v_.progress(s_);
  }
  void lose(std::uint64_t bytes) { counts_.lostBytes += bytes; }
  void endDump(bool whole) {
    inSegments_ = false;
    counts_.endSeen = whole;
    v_.endDump(whole);
  }

  // ---- records outside of heap dumps -----------------------------------------------------------------------
  // False: nothing more can be read.
  bool record(std::uint8_t tag, std::uint32_t length) {
    const bool wanted = tag == kUtf8 || tag == kLoadClass || tag == kFrame || tag == kTrace || tag == kStartThread;
    if (!wanted) {
      // Other records are none of ours, or of a later version: passed over by their length, if they have one that can be.
      const auto size = s_.size();
      if (size && *size - s_.position() < kRecordHead + std::uint64_t{length}) return false;
      const bool named = (tag <= kControlSettings && tag != 0) || tag == kHeapDumpEnd;
      s_.consume(kRecordHead);
      const std::uint64_t there = s_.skip(length);
      counts_.truncated |= there < length;
      if (!named || there < length) lose(kRecordHead + there);
      return true;
    }
    if (!s_.need(kRecordHead + std::size_t{length})) {
      if (kRecordHead + std::size_t{length} <= HprofStream::kMostNeed) return false;  // the file ends here
      s_.consume(kRecordHead);
      lose(kRecordHead + s_.skip(length));
      return true;
    }
    s_.consume(kRecordHead);
    if (!readRecord(tag, length)) lose(kRecordHead + std::uint64_t{length});
    s_.consume(length);
    return true;
  }
  bool readRecord(std::uint8_t tag, std::size_t length) {
    const std::byte* p = s_.data();
    switch (tag) {
      case kUtf8:
        if (length < id_) return false;
        v_.utf8(id(0), {p + id_, length - id_});
        return true;
      case kLoadClass:
        if (length < 8 + 2 * id_) return false;
        v_.loadClass(load32(p), id(4), id(8 + id_));
        return true;
      case kFrame:
        if (length < 4 * id_ + 8) return false;
        v_.frame(id(0), id(id_), id(3 * id_), load32(p + 4 * id_), static_cast<std::int32_t>(load32(p + 4 * id_ + 4)));
        return true;
      case kTrace: {
        if (length < 12) return false;
        const std::size_t frames = std::min<std::size_t>(load32(p + 8), (length - 12) / id_);
        frames_.clear();
        for (std::size_t i = 0; i < frames; ++i) frames_.push_back(id(12 + i * id_));
        v_.trace(load32(p), load32(p + 4), frames_);
        return true;
      }
      default:  // kStartThread
        if (length < 8 + 2 * id_) return false;
        v_.startThread(load32(p), id(4), id(8 + id_));
        return true;
    }
  }

  // ---- heap dumps ------------------------------------------------------------------------------------------
  void heapDump(std::uint8_t tag, std::uint32_t length) {
    if (tag == kHeapDump || !inSegments_) {
      if (inSegments_) endDump(false);
      ++counts_.dumps;
      counts_.endSeen = false;
      v_.beginDump();
      inSegments_ = tag == kHeapDumpSegment;
      placeDue_ = 0;
    }
    const std::uint64_t begin = s_.position();
    limit_ = begin + length;
    const auto size = s_.size();
    if (length == 0 && s_.need(1) && !standsAtRecord()) {
      limit_ = kUnbounded;
      ++counts_.lengthsRepaired;
    } else if (tag == kHeapDump && size && *size - begin > length && ((*size - begin - length) & 0xffff'ffffu) == 0) {
      limit_ = *size;
      ++counts_.lengthsRepaired;
    }
    v_.beginSegment();
    subRecords(tag);
  }
  void subRecords(std::uint8_t tag) {
    bool whole = true;
    while (s_.position() < limit_) {
      if (s_.position() >= stopAt_) return;
      tick();
      if (s_.position() >= placeDue_) {
        v_.place({s_.position(), limit_, tag});
        placeDue_ = s_.position() + kBytesBetweenPlaces;
      }
      Outcome outcome = s_.need(1) ? subRecord() : Outcome::kEnd;
      while (outcome == Outcome::kCrosses && tag == kHeapDump && (!s_.size() || limit_ + (std::uint64_t{1} << 32) <= *s_.size())) {
        limit_ += std::uint64_t{1} << 32;
        ++counts_.lengthsRepaired;
        outcome = subRecord();
      }
      if (outcome == Outcome::kRead) continue;
      if (outcome == Outcome::kEnd && s_.available() == 0 && limit_ == kUnbounded) break;
      // What cannot be read to its end is lost up to where the segment ends.
      whole = false;
      if (outcome == Outcome::kEnd) counts_.truncated = true;
      else ++counts_.damagedSegments;
      lose(s_.skip(limit_ - s_.position()));
      break;
    }
    if (tag == kHeapDump) endDump(whole);
  }
  // Behind a length of 0: does a record follow (the segment is empty), or do sub-records?
  bool standsAtRecord() {
    if (!s_.need(kRecordHead)) return false;
    const auto tag = static_cast<std::uint8_t>(s_.data()[0]);
    if (tag == kHeapDumpEnd || tag == kHeapDumpSegment || tag == kHeapDump) return true;
    const auto size = s_.size();
    return tag >= kUtf8 && tag <= kTrace && load32(s_.data() + 1) == 0 &&
           (!size || load32(s_.data() + 5) <= *size - s_.position() - kRecordHead);
  }

  // Are there `bytes` before the limit and in the stream?
  Outcome room(std::uint64_t bytes) {
    if (limit_ - s_.position() < bytes) return Outcome::kCrosses;
    const auto size = s_.size();
    if (size && *size - s_.position() < bytes) return Outcome::kEnd;
    return Outcome::kRead;
  }
  // The same, and readable at once.
  Outcome get(std::size_t bytes) {
    if (s_.available() >= bytes && limit_ - s_.position() >= bytes) [[likely]] return Outcome::kRead;
    const Outcome there = room(bytes);
    if (there != Outcome::kRead) return there;
    if (s_.need(bytes)) return Outcome::kRead;
    return bytes > HprofStream::kMostNeed ? Outcome::kDamaged : Outcome::kEnd;
  }

  Outcome subRecord() {
    const std::uint64_t at = s_.position();
    if (!s_.need(1)) return Outcome::kEnd;
    switch (const auto tag = static_cast<std::uint8_t>(s_.data()[0])) {
      case kInstance: return instance(at);
      case kObjectArray: return objectArray(at);
      case kPrimitiveArray:
      case kPrimitiveArrayNoData: return primitiveArray(tag, at);
      case kClassDump: return classDump(at);
      case kHeapDumpInfo: return pass(1 + 4 + id_);
      case kRootUnknown: case kRootStickyClass: case kRootMonitorUsed: case kRootInternedString: case kRootFinalizing:
      case kRootDebugger: case kRootReferenceCleanup: case kRootVmInternal: case kUnreachableRoot: return root(tag, 0, 0);
      case kRootJniGlobal: return root(tag, id_, 0);
      case kRootNativeStack: case kRootThreadBlock: return root(tag, 4, 1);
      case kRootJniLocal: case kRootJavaFrame: case kRootThreadObject: case kRootJniMonitor: return root(tag, 8, 2);
      default: return Outcome::kDamaged;
    }
  }
  Outcome pass(std::size_t bytes) {
    const Outcome outcome = get(bytes);
    if (outcome == Outcome::kRead) s_.consume(bytes);
    return outcome;
  }
  Outcome root(std::uint8_t tag, std::size_t more, int numbers) {
    const Outcome outcome = get(1 + id_ + more);
    if (outcome != Outcome::kRead) return outcome;
    const std::byte* p = s_.data() + 1 + id_;
    v_.root(tag, id(1), numbers >= 1 ? load32(p) : 0, numbers >= 2 ? load32(p + 4) : 0);
    s_.consume(1 + id_ + more);
    return outcome;
  }
  Outcome instance(std::uint64_t at) {
    const std::size_t head = 1 + 4 + 4 + 2 * id_;
    Outcome outcome = get(head);
    if (outcome != Outcome::kRead) return outcome;
    const std::size_t bytes = load32(s_.data() + head - 4);
    outcome = get(head + bytes);
    if (outcome != Outcome::kRead) return outcome;
    const std::byte* p = s_.data();
    v_.instance(id(1), load32(p + 1 + id_), id(5 + id_), {p + head, bytes}, at);
    s_.consume(head + bytes);
    return Outcome::kRead;
  }
  Outcome primitiveArray(std::uint8_t tag, std::uint64_t at) {
    const std::size_t head = 1 + id_ + 4 + 4 + 1;
    Outcome outcome = get(head);
    if (outcome != Outcome::kRead) return outcome;
    const std::byte* p = s_.data();
    const std::uint64_t object = id(1);
    const std::uint32_t trace = load32(p + 1 + id_), count = load32(p + 5 + id_);
    const auto type = static_cast<std::uint8_t>(p[9 + id_]);
    const unsigned each = sizeOfType(type, id_);
    if (each == 0 || type == kObjectField) return Outcome::kDamaged;
    const std::uint64_t bytes = tag == kPrimitiveArray ? std::uint64_t{count} * each : 0;
    outcome = room(head + bytes);
    if (outcome != Outcome::kRead) return outcome;
    s_.consume(head);
    if (s_.skip(bytes) < bytes) return Outcome::kEnd;
    v_.primitiveArray(object, trace, type, count, at);
    return Outcome::kRead;
  }
  Outcome objectArray(std::uint64_t at) {
    const std::size_t head = 1 + id_ + 4 + 4 + id_;
    Outcome outcome = get(head);
    if (outcome != Outcome::kRead) return outcome;
    const std::byte* p = s_.data();
    const std::uint64_t object = id(1), cls = id(9 + id_);
    const std::uint32_t trace = load32(p + 1 + id_), count = load32(p + 5 + id_);
    outcome = room(head + std::uint64_t{count} * id_);
    if (outcome != Outcome::kRead) return outcome;
    s_.consume(head);
    v_.beginObjectArray(object, trace, cls, count, at);
    if constexpr (Visitor::kWantsElements) {
      for (std::uint32_t done = 0; done < count;) {
        const std::uint32_t part = std::min<std::uint32_t>(count - done, kElementsAtOnce);
        if (!s_.need(std::size_t{part} * id_)) return Outcome::kEnd;
        v_.elements(done, s_.data(), part);
        s_.consume(std::size_t{part} * id_);
        done += part;
        tick();
      }
    } else if (s_.skip(std::uint64_t{count} * id_) < std::uint64_t{count} * id_) {
      return Outcome::kEnd;
    }
    v_.endObjectArray(object, trace, cls, count, at);
    return Outcome::kRead;
  }
  Outcome classDump(std::uint64_t at) {
    std::size_t bytes = 1 + 7 * id_ + 8 + 2;  // up to and with the number of constants
    Outcome outcome = get(bytes);
    if (outcome != Outcome::kRead) return outcome;
    class_.id = id(1);
    class_.trace = load32(s_.data() + 1 + id_);
    class_.super = id(5 + id_);
    class_.loader = id(5 + 2 * id_);
    class_.signers = id(5 + 3 * id_);
    class_.domain = id(5 + 4 * id_);
    class_.instanceBytes = load32(s_.data() + 5 + 7 * id_);
    class_.constants.clear();
    class_.statics.clear();
    class_.fields.clear();
    std::size_t count = load16(s_.data() + bytes - 2);
    for (std::size_t i = 0; i < count; ++i) {
      if ((outcome = get(bytes + 3)) != Outcome::kRead) return outcome;
      const auto type = static_cast<std::uint8_t>(s_.data()[bytes + 2]);
      const unsigned size = sizeOfType(type, id_);
      if (size == 0) return Outcome::kDamaged;
      bytes += 3;
      if ((outcome = get(bytes + size)) != Outcome::kRead) return outcome;
      if (type == kObjectField) class_.constants.push_back(id(bytes));
      bytes += size;
    }
    if ((outcome = get(bytes + 2)) != Outcome::kRead) return outcome;
    count = load16(s_.data() + bytes);
    bytes += 2;
    for (std::size_t i = 0; i < count; ++i) {
      if ((outcome = get(bytes + id_ + 1)) != Outcome::kRead) return outcome;
      StaticField field{.name = id(bytes), .type = static_cast<std::uint8_t>(s_.data()[bytes + id_])};
      const unsigned size = sizeOfType(field.type, id_);
      if (size == 0) return Outcome::kDamaged;
      bytes += id_ + 1;
      if ((outcome = get(bytes + size)) != Outcome::kRead) return outcome;
      const std::byte* p = s_.data() + bytes;
      field.value = size == 8 ? load64(p) : size == 4 ? load32(p) : size == 2 ? load16(p) : static_cast<std::uint64_t>(p[0]);
      class_.statics.push_back(field);
      bytes += size;
    }
    if ((outcome = get(bytes + 2)) != Outcome::kRead) return outcome;
    count = load16(s_.data() + bytes);
    bytes += 2;
    if ((outcome = get(bytes + count * (id_ + 1))) != Outcome::kRead) return outcome;
    for (std::size_t i = 0; i < count; ++i, bytes += id_ + 1) {
      const InstanceField field{id(bytes), static_cast<std::uint8_t>(s_.data()[bytes + id_])};
      if (sizeOfType(field.type, id_) == 0) return Outcome::kDamaged;
      class_.fields.push_back(field);
    }
    v_.classDump(class_, at);
    s_.consume(bytes);
    return Outcome::kRead;
  }

  HprofStream& s_;
  Visitor& v_;
  const unsigned id_;
  std::uint64_t limit_ = 0, stopAt_ = UINT64_MAX, lastTick_ = 0, placeDue_ = 0;
  bool inSegments_ = false;
  ParseCounts counts_;
  ClassRecord class_;  // kept for its memory
  std::vector<std::uint64_t> frames_;
};

}  // namespace openclaw::hprof
