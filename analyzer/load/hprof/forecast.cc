// What a Java dump will take, from a sample of its records: those at its beginning, where the classes stand, and segments spread
// over the rest. A gzip cannot be entered in its middle: there only the beginning is looked at.
#include "analyzer/load/forecast.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <vector>

#include "analyzer/load/hprof/hprof_parser.h"

namespace openclaw {
namespace hprof {
namespace {

constexpr std::uint64_t kHeadBytes = 12ull << 20, kSpreadBytes = 12ull << 20;
constexpr std::size_t kRecordHead = 9;

// Pieces of a dump in a row, as if they were all of it.
class Excerpt final : public SourceBytes {
 public:
  explicit Excerpt(const SourceBytes& of) : SourceBytes(of.name()), of_(of) {}
  void add(std::uint64_t from, std::uint64_t bytes) {
    if (bytes != 0) pieces_.push_back({size_, from, bytes});
    size_ += bytes;
  }
  std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    std::size_t done = 0;
    while (done < into.size() && offset < size_) {
      const auto piece = std::prev(std::upper_bound(pieces_.begin(), pieces_.end(), offset, [](std::uint64_t at, const Piece& p) { return at < p.at; }));
      const std::uint64_t in = offset - piece->at;
      const std::size_t got = of_.read(piece->from + in, into.subspan(done, std::min<std::uint64_t>(into.size() - done, piece->bytes - in)));
      if (got == 0) break;
      done += got;
      offset += got;
    }
    return done;
  }

 private:
  struct Piece {
    std::uint64_t at, from, bytes;
  };
  const SourceBytes& of_;
  std::vector<Piece> pieces_;
  std::uint64_t size_ = 0;
};

struct Enough {};

struct Counter : NoRecords {
  explicit Counter(unsigned id) : idSize(id) {}
  const unsigned idSize;
  std::uint64_t mostBytes = UINT64_MAX;
  double objects = 0, slots = 0, texts = 0, classes = 0, roots = 0;
  std::uint64_t dumpBytes = 0;    // of objects' records
  std::uint64_t fileBytesTaken = 0;
  struct Class {
    std::uint64_t super;
    std::uint32_t references;
  };
  std::unordered_map<std::uint64_t, Class> known;

  void utf8(std::uint64_t, std::span<const std::byte> text) { texts += static_cast<double>(text.size()) + 48; }
  void root(std::uint8_t, std::uint64_t, std::uint32_t, std::uint32_t) { ++roots; }
  void classDump(const ClassRecord& record, std::uint64_t) {
    ++objects;
    ++classes;
    slots += static_cast<double>(record.statics.size() + 4);
    texts += static_cast<double>(record.statics.size() * sizeof(StaticField) + record.fields.size() * (sizeof(InstanceField) + 64) + 400);
    std::uint32_t references = 0;
    for (const InstanceField& field : record.fields) references += field.type == kObjectField;
    known[record.id] = {record.super, references};
  }
  void instance(std::uint64_t, std::uint32_t, std::uint64_t cls, std::span<const std::byte> values, std::uint64_t) {
    ++objects;
    dumpBytes += 2 * idSize + 9 + values.size();
    std::uint32_t references = 0;
    bool unknown = false;
    for (unsigned depth = 0; cls != 0 && depth < 64; ++depth) {
      const auto at = known.find(cls);
      unknown |= at == known.end();
      if (at == known.end()) break;
      references += at->second.references;
      cls = at->second.super;
    }
    slots += unknown ? static_cast<double>(values.size() / idSize) : references;   // all of it references, then
  }
  void endObjectArray(std::uint64_t, std::uint32_t, std::uint64_t, std::uint32_t count, std::uint64_t) {
    ++objects;
    slots += count;
    dumpBytes += 2 * idSize + 9 + std::uint64_t{count} * idSize;
  }
  void primitiveArray(std::uint64_t, std::uint32_t, std::uint8_t type, std::uint32_t count, std::uint64_t) {
    ++objects;
    dumpBytes += idSize + 10 + std::uint64_t{count} * sizeOfType(type, idSize);
  }
  void progress(const HprofStream& stream) {
    fileBytesTaken = stream.fileBytesTaken();
    if (stream.position() >= mostBytes) throw Enough{};
  }
};

std::uint32_t big32(const std::byte* at) { return load32(at); }

}  // namespace
}  // namespace hprof

MemoryForecast forecastHprof(const SourceBytes& bytes, const LoadOptions& options) {
  using namespace hprof;
  HprofStream whole(bytes);
  const auto head = readHead(whole);
  MemoryForecast forecast{.peak = processBytes(options.threads), .least = processBytes(options.threads) + (80ull << 20)};
  if (!head) return forecast;   // the loader says so
  Counter counter(head->idSize);
  double scale = 1;
  const std::uint64_t begin = whole.position();
  if (!whole.size()) {
    counter.mostBytes = kHeadBytes + kSpreadBytes;
    HprofParser<Counter> parser(whole, *head, counter);
    try {
      parser.run();
    } catch (const Enough&) {
      scale = static_cast<double>(bytes.size()) / static_cast<double>(std::max<std::uint64_t>(1, counter.fileBytesTaken)) * 1.3;
    }
  } else {
    // Heads of records lead from segment to segment; a dump in one record is sampled at its beginning.
    struct Segment {
      std::uint64_t at, bytes;
    };
    std::vector<Segment> segments;
    std::uint64_t firstSegment = 0, segmentBytes = 0;
    std::array<std::byte, kRecordHead> record;
    std::uint64_t at = begin;
    for (; bytes.read(at, record) == kRecordHead;) {
      const auto tag = static_cast<std::uint8_t>(record[0]);
      std::uint64_t length = big32(record.data() + 5);
      const bool dump = tag == kHeapDump || tag == kHeapDumpSegment;
      if (dump && (length == 0 || tag == kHeapDump)) length = std::max<std::uint64_t>(length, bytes.size() > at + kRecordHead ? bytes.size() - at - kRecordHead : 0);
      length = std::min(length, bytes.size() - at - kRecordHead);
      if (dump) {
        if (segments.empty()) firstSegment = at;
        segments.push_back({at, kRecordHead + length});
        segmentBytes += kRecordHead + length;
      }
      at += kRecordHead + length;
    }
    Excerpt excerpt(bytes);
    std::uint64_t sampled = 0;
    excerpt.add(0, segments.empty() ? bytes.size() : firstSegment);
    std::size_t next = 0;
    for (; next < segments.size() && sampled < kHeadBytes; ++next) {
      const std::uint64_t some = std::min<std::uint64_t>(segments[next].bytes, kHeadBytes + kSpreadBytes);
      excerpt.add(segments[next].at, some);
      sampled += some;
    }
    if (next < segments.size()) {
      const double rest = static_cast<double>(segmentBytes) - static_cast<double>(sampled);
      const auto step = static_cast<std::size_t>(std::max(1.0, rest / static_cast<double>(kSpreadBytes)));
      for (std::size_t i = next; i < segments.size(); i += step) {
        const std::uint64_t some = std::min<std::uint64_t>(segments[i].bytes, 4ull << 20);
        excerpt.add(segments[i].at, some);
        sampled += some;
      }
    }
    HprofStream stream(excerpt);
    if (!readHead(stream)) return forecast;
    HprofParser<Counter> parser(stream, *head, counter);
    parser.run();
    if (sampled != 0) scale = std::max(1.0, static_cast<double>(segmentBytes) / static_cast<double>(sampled));
    if (scale > 1) scale *= 1.05;   // the head has more classes and fewer objects than the rest
  }
  // Classes stand at the beginning, all of them in the sample; so do their texts.
  const double n = std::max(1.0, (counter.objects - counter.classes) * scale + counter.classes), slots = counter.slots * scale;
  forecast.objects = static_cast<std::uint64_t>(n);
  forecast.slots = static_cast<std::uint64_t>(slots);
  constexpr double kColumns = 2 + 2 + 2;   // types, sizes, addresses as bits
  GraphForecast graph{.columns = kColumns, .slotsAnObject = slots / n, .bytesASlot = 1.7, .objects = forecast.objects};
  const double perObject = options.references ? std::max(kColumns + 2 * graph.lists(), graph.peak(0)) : kColumns;
  const double texts = counter.texts * 2.5 + counter.roots * 160;
  forecast.peak += static_cast<std::uint64_t>(n * perObject * 1.04 + texts) + (12ull << 20);
  forecast.least += static_cast<std::uint64_t>(texts + 0.4 * n);
  return forecast;
}

}  // namespace openclaw
