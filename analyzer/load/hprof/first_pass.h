// The first pass over a Java dump: which objects there are, under which ids, and what must be known before types, sizes and
// references can be filled in: classes, names, stacks, roots, and places from which threads can read on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/address_set.h"
#include "analyzer/graph/work.h"
#include "analyzer/load/hprof/hprof_parser.h"
#include "analyzer/load/hprof/object_key.h"
#include "analyzer/load/hprof/texts.h"

namespace openclaw::hprof {

// Bytes of an array's elements past which its size has no room in one byte, and in two.
inline constexpr std::uint64_t kLargePayload = 2000, kHugePayload = 500'000;

struct RootRow {
  std::uint64_t object = 0;
  std::uint32_t thread = 0, frame = 0;  // serial; of a thread object, `frame` is its stack trace
  std::uint8_t tag = 0;
};
struct FrameRow {
  std::uint64_t method = 0, file = 0;
  std::uint32_t classSerial = 0;
  std::int32_t line = 0;
};

struct ArrayRow {
  std::uint64_t id = 0;
  Key key;
  std::uint32_t count = 0;
};
// Every array, or every second, fourth… of them where there are many: enough to find out how large they were.
class ArraySample {
 public:
  void add(std::uint64_t id, Key key, std::uint32_t count) {
    if (seen_++ % stride_ != 0) return;
    rows_.push_back({id, key, count});
    if (rows_.size() < kMost) return;
    for (std::size_t i = 0; 2 * i < rows_.size(); ++i) rows_[i] = rows_[2 * i];
    rows_.resize(kMost / 2);
    stride_ *= 2;
  }
  const std::vector<ArrayRow>& rows() const { return rows_; }

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 17;
  std::vector<ArrayRow> rows_;
  std::uint64_t seen_ = 0, stride_ = 1;
};

// Takes records as HprofParser gives them; `taken` is the dump that was wanted. Threads: one.
struct FirstPass : NoRecords {
  FirstPass(Details& d, const Work& w, unsigned wantedDump) : details(d), work(w), wanted(wantedDump) {}
  Details& details;
  const Work& work;
  const unsigned wanted;  // 1-based; 0: the last
  unsigned dump = 0;
  bool taking = false;

  // Of the dump that is taken.
  struct Dump {
    AddressSetBuilder ids;
    std::uint64_t records = 0;            // of objects
    std::vector<std::uint64_t> repeated;  // numbers of records whose id came before, ascending
    std::uint64_t firstId = 0, idBits = 0;  // idBits: in which ids differ
    struct PlaceRow {
      Place place;
      std::uint64_t record;  // number of the first one behind it
    };
    std::vector<PlaceRow> places;
    std::vector<Key> keys;  // each once, as they turn up
    struct Seen {
      std::uint64_t objects = 0;
      std::uint32_t observedBytes = 0;  // of the first instance
    };
    std::vector<Seen> seen;  // by the key's word
    std::vector<std::pair<std::uint32_t, std::uint64_t>> firstInstances;  // (class number, id), a few of each class
    ArraySample arrays;
    std::uint64_t largeArrays = 0, hugeArrays = 0;  // by kLargePayload, kHugePayload
    std::vector<RootRow> roots;
    std::uint32_t oneTrace = 0;
    bool differentTraces = false;
  } taken;
  std::unordered_map<std::uint64_t, FrameRow> frames;
  std::map<std::uint32_t, std::vector<std::uint64_t>> traces;    // frames by serial, innermost first
  std::unordered_map<std::uint32_t, std::uint64_t> threadNames;  // by serial: of START_THREAD
  bool wholeDump = true;

  void utf8(std::uint64_t id, std::span<const std::byte> text) { details.names.add(id, text); }
  void loadClass(std::uint32_t serial, std::uint64_t id, std::uint64_t name) { details.classes.load(serial, id, name); }
  void frame(std::uint64_t id, std::uint64_t method, std::uint64_t file, std::uint32_t serial, std::int32_t line) {
    frames[id] = {method, file, serial, line};
  }
  void trace(std::uint32_t serial, std::uint32_t, std::span<const std::uint64_t> ids) { traces[serial].assign(ids.begin(), ids.end()); }
  void startThread(std::uint32_t serial, std::uint64_t, std::uint64_t name) { threadNames[serial] = name; }
  void beginDump() {
    ++dump;
    taking = wanted == 0 || dump == wanted;
    if (!taking) return;
    taken = {};
    details.classes.forgetRecords();
  }
  void endDump(bool whole) {
    if (taking) wholeDump = whole;
  }
  void place(const Place& place) {
    if (taking) taken.places.push_back({place, taken.records});
  }
  void root(std::uint8_t tag, std::uint64_t object, std::uint32_t thread, std::uint32_t frameNumber) {
    if (taking) taken.roots.push_back({object, thread, frameNumber, tag});
  }
  void classDump(const ClassRecord& record, std::uint64_t) {
    if (!taking) return;
    details.classes.record(record);
    object(record.id, Key::of(Shape::kClass, details.classes.numberOf(record.id)));
  }
  void instance(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::span<const std::byte> values, std::uint64_t) {
    if (!taking) return;
    constexpr unsigned kFew = 4;
    const std::uint32_t number = details.classes.numberOf(cls);
    Dump::Seen& seen = object(id, Key::of(Shape::kInstance, number));
    if (seen.objects <= kFew) {
      if (seen.observedBytes == 0) seen.observedBytes = static_cast<std::uint32_t>(values.size());
      taken.firstInstances.emplace_back(number, id);
    }
    allocatedAt(serial);
  }
  void endObjectArray(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::uint32_t count, std::uint64_t) {
    if (taking) array(id, serial, Key::of(Shape::kObjectArray, details.classes.numberOf(cls)), count, details.classes.idSize());
  }
  void primitiveArray(std::uint64_t id, std::uint32_t serial, std::uint8_t type, std::uint32_t count, std::uint64_t) {
    if (taking) array(id, serial, Key::of(Shape::kPrimitiveArray, type), count, sizeOfType(type, details.classes.idSize()));
  }
  void progress(const HprofStream& stream) {
    work.throwIfStopped();
    const auto size = static_cast<double>(std::max<std::uint64_t>(1, stream.fileBytes()));
    work.report(std::min(1.0, static_cast<double>(stream.fileBytesTaken()) / size));
  }

 private:
  Dump::Seen& object(std::uint64_t id, Key key) {
    if (!taken.ids.add(id)) taken.repeated.push_back(taken.records);
    if (taken.records++ == 0) taken.firstId = id;
    taken.idBits |= id ^ taken.firstId;
    if (key.word >= taken.seen.size()) taken.seen.resize(std::max<std::size_t>(std::size_t{key.word} + 1, taken.seen.size() * 2));
    Dump::Seen& seen = taken.seen[key.word];
    if (seen.objects++ == 0) taken.keys.push_back(key);
    return seen;
  }
  void array(std::uint64_t id, std::uint32_t serial, Key key, std::uint32_t count, unsigned each) {
    object(id, key);
    taken.arrays.add(id, key, count);
    const std::uint64_t payload = std::uint64_t{count} * each;
    taken.largeArrays += payload > kLargePayload;
    taken.hugeArrays += payload > kHugePayload;
    allocatedAt(serial);
  }
  void allocatedAt(std::uint32_t serial) {
    if (serial == 0) return;
    if (taken.oneTrace == 0) taken.oneTrace = serial;
    taken.differentTraces |= serial != taken.oneTrace;
  }
};

}  // namespace openclaw::hprof
