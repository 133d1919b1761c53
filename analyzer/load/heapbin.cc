#include "analyzer/load/heapbin.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <tuple>

#include "analyzer/graph/edge_builder.h"
#include "analyzer/load/stages.h"
#include "analyzer/load/tables.h"

namespace openclaw {
namespace {

// Where stages end on the way from 0 to 1; shares of the time as measured on 10 M objects.
constexpr double kObjectsEnd = 0.12, kReferencesEnd = 0.34, kBackwardEnd = 0.92;

// What the first pass keeps of one objects frame until all are known.
struct ObjectsFrame {
  const FrameInfo* info = nullptr;
  bool usable = false;
  std::uint64_t firstNumber = 0;
  std::uint32_t rows = 0;
  std::uint32_t firstIndex = 0;                          // dense, once accepted
  Buffer<std::uint32_t> types{}, slotCounts{}, sizes{};  // sizes: kBigSize = see bigSizes
  std::vector<std::pair<std::uint32_t, std::uint64_t>> bigSizes{};
  std::uint64_t sizeBits = 0;     // or of all sizes
  std::uint64_t addressBits = 0;  // or of all distances between neighbours
  struct Stretch {
    std::uint32_t row;
    std::uint64_t first, last;
  };  // of addresses, each under 4 GiB long
  std::vector<Stretch> stretches{};

  static constexpr std::uint32_t kBigSize = 0xffff'ffffu;
};

// The slots of one references frame, targets already dense.
struct ReferencesFrame {
  const FrameInfo* info = nullptr;
  bool usable = false;
  std::uint32_t source = 0;               // dense; of the first slot
  std::uint64_t skipped = 0;              // slots of it in earlier frames
  Buffer<std::uint32_t> slots{};          // target + 1, 0 = null
  std::uint64_t used = 0;                 // of slots: the rest has no source
  Buffer<std::uint32_t> labels{};         // label + 1, or empty
  std::vector<std::uint8_t> strengths{};  // or empty
};

// Visits the part of each object that a references frame covers: visit(object, from, to, offset), where the
// object's slots [from, to) stand at `offset` in the frame. `declared` = slots of each object as its row
// says.
template <class Visit>
void forEachCovered(const ReferencesFrame& frame, const Buffer<std::uint32_t>& declared, Visit visit) {
  std::uint64_t offset = 0;
  std::uint64_t from = frame.skipped;
  for (std::uint32_t object = frame.source; offset < frame.used; ++object, from = 0) {
    const std::uint64_t to = std::min<std::uint64_t>(declared[object], from + (frame.used - offset));
    if (from < to) visit(object, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to), offset);
    offset += to - from;
  }
}

class HeapbinLoader {
 public:
  HeapbinLoader(const DumpReader& reader, const LoadOptions& options, const LoadProgressSink& progress,
                std::stop_token stop, SnapshotState& state)
      : reader_(reader),
        options_(options),
        stages_(options.threads, progress, std::move(stop)),
        state_(state),
        tables_(state, losses_) {}

  void run() {
    readTables();
    readObjects();
    readReferences();
    declareStrengths();
    placeRoots();
    computeGraph(state_, options_, stages_, kReferencesEnd, kBackwardEnd);
    readRemainingColumns();
    if (tables_.names().any()) countLoss("names of missing objects", tables_.names().place(numbers_, state_));
    writeReport();
  }

 private:
  Work stage(std::string_view name, double from, double to) const { return stages_.stage(name, from, to); }

  // nullopt: damaged, counted.
  std::optional<DecodedFrame> decode(const FrameInfo& info) {
    Result<DecodedFrame> decoded = reader_.decode(info);
    if (decoded) return std::move(*decoded);
    countDamaged(info, decoded.error().what);
    return std::nullopt;
  }
  void countDamaged(const FrameInfo& info, std::string why) {
    const std::string_view invariant = reader_.invariantBrokenBy(info);
    refuse(info, invariant, std::move(why));
  }
  // A frame of which nothing can be used.
  void refuse(const FrameInfo& info, std::string_view invariant, std::string why) {
    const std::lock_guard lock(mutex_);
    ++damagedFrames_;
    state_.report.file.fault(invariant, info.offset, info.sequence, std::move(why));
  }
  // Something that contradicts the rest and is counted among the losses; where frames were lost, a consequence of that.
  void contradiction(std::string_view invariant, const FrameInfo* info, std::uint64_t times, std::uint64_t object, std::string what) {
    if (times == 0) return;
    const std::lock_guard lock(mutex_);
    for (FileFault& known : contradictions_)
      if (known.name == invariant) {
        known.times += times;
        if (known.object.value_or(0) <= object) return;
        times = known.times;
        std::erase_if(contradictions_, [&](const FileFault& f) { return f.name == invariant; });
        break;
      }
    FileFault fault{invariant, std::move(what), 0, std::nullopt, times, object};
    if (info != nullptr) fault.offset = info->offset, fault.sequence = info->sequence;
    contradictions_.push_back(std::move(fault));
  }
  void countLoss(std::string_view name, std::uint64_t count) {
    if (count == 0) return;
    const std::lock_guard lock(mutex_);
    state_.report.lossesWhileLoading += count;
    const auto at = losses_.find(name);
    if (at != losses_.end())
      at->second += count;
    else
      losses_.emplace(name, count);
  }

  void readTables() {
    const Work work = stage("reading", 0, 0);
    for (const FrameInfo& frame : reader_.frames()) {
      if (!frame.known) continue;
      if (frame.kind == FrameKind::kObjects) {
        objectsFrames_.emplace_back().info = &frame;
      } else if (frame.kind == FrameKind::kReferences) {
        referencesFrames_.emplace_back().info = &frame;
      } else if (frame.kind != FrameKind::kIndex) {
        work.throwIfStopped();
        if (const auto decoded = decode(frame)) tables_.read(*decoded);
      }
    }
    tables_.finish();
  }

  // ---- objects, first pass
  // ----------------------------------------------------------------------------------
  void readObjects() {
    const Work work = stage("reading", 0, kObjectsEnd);
    forEachItem(work, objectsFrames_.size(),
                [&](unsigned, std::size_t i) { readObjectsFrame(objectsFrames_[i]); });
    acceptObjectsFrames();
    fillFirstColumns(work);
  }

  void readObjectsFrame(ObjectsFrame& frame) {
    const auto decoded = decode(*frame.info);
    if (!decoded) return;
    const Result<ObjectColumns> read = decoded->objects();
    if (!read) return countDamaged(*frame.info, read.error().what);
    const ObjectColumns& columns = *read;
    frame.firstNumber = columns.firstIndex;
    frame.rows = static_cast<std::uint32_t>(columns.address.size());
    if (frame.rows == 0) return;
    if (columns.firstIndex > UINT64_MAX - frame.rows) return countDamaged(*frame.info, "its object numbers run past 64 bits");
    frame.types = Buffer<std::uint32_t>(frame.rows, PageSize::kHugeInOrder);
    frame.slotCounts = Buffer<std::uint32_t>(frame.rows, PageSize::kHugeInOrder);
    frame.sizes = Buffer<std::uint32_t>(frame.rows, PageSize::kHugeInOrder);
    for (std::uint32_t row = 0; row < frame.rows; ++row) {
      const std::uint64_t address = columns.address[row], size = columns.size[row];
      if (row == 0) {
        frame.stretches.push_back({0, address, address});
      } else {
        if (address <= columns.address[row - 1])
          return countDamaged(*frame.info, "its addresses do not ascend");  // nothing to search in
        frame.addressBits |= address - columns.address[row - 1];
        if (address - frame.stretches.back().first > UINT32_MAX)
          frame.stretches.push_back({row, address, address});
        else
          frame.stretches.back().last = address;
      }
      frame.types[row] = columns.type[row];
      frame.slotCounts[row] = columns.referenceCount[row];
      frame.sizeBits |= size;
      frame.sizes[row] = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, ObjectsFrame::kBigSize));
      if (size >= ObjectsFrame::kBigSize) frame.bigSizes.emplace_back(row, size);
    }
    frame.usable = true;
  }

  // Gives frames their dense indexes, in the order of their numbers wherever they stand in the file. A frame whose numbers
  // or addresses overlap those before is refused.
  void acceptObjectsFrames() {
    std::stable_sort(objectsFrames_.begin(), objectsFrames_.end(),
                     [](const ObjectsFrame& a, const ObjectsFrame& b) { return a.firstNumber < b.firstNumber; });
    std::uint64_t lastAddress = 0, total = 0;
    bool any = false;
    for (ObjectsFrame& frame : objectsFrames_) {
      if (!frame.usable) continue;
      if (any && (frame.firstNumber < numbers_.end() || frame.stretches.front().first <= lastAddress)) {
        refuse(*frame.info, "object-order",
               frame.firstNumber < numbers_.end() ? "objects frame: its numbers were given before" : "objects frame: its addresses go back");
        frame = ObjectsFrame{.info = frame.info};
        continue;
      }
      if (frame.firstNumber != (any ? numbers_.end() : 0))
        contradiction("object-numbers", frame.info, frame.firstNumber - (any ? numbers_.end() : 0), any ? numbers_.end() : 0,
                      "objects frame: numbers before its first object are missing");
      total += frame.rows;
      if (total > kMostObjects) throw std::length_error("more than 2^32 - 3 objects");
      frame.firstIndex = numbers_.size();
      gaps_ += frame.firstNumber - (any ? numbers_.end() : 0);
      numbers_.append(frame.firstNumber, frame.rows);
      if (any) addressBits_ |= frame.stretches.front().first - lastAddress;
      addressBits_ |= frame.addressBits;
      sizeBits_ |= frame.sizeBits;
      lastAddress = frame.stretches.back().last;
      any = true;
    }
    state_.objects = numbers_.size();
  }

  void fillFirstColumns(const Work& work) {
    const std::uint32_t objects = state_.objects;
    const auto narrowTypes = static_cast<std::uint32_t>(state_.types.size());
    state_.sizes.unitShift = sizeBits_ == 0 ? 0 : static_cast<unsigned>(std::countr_zero(sizeBits_));
    const unsigned shift = state_.sizes.unitShift;
    // The few sizes that do not fit stand in a side table.
    std::uint64_t pastByte = 0, pastTwo = 0;
    for (const ObjectsFrame& frame : objectsFrames_)
      if (frame.usable)
        for (const std::uint32_t size : frame.sizes.span()) {
          pastByte += (size >> shift) >= 0xff;
          pastTwo += (size >> shift) >= 0xffff;
        }
    const std::uint64_t few = 16 + objects / 64;
    state_.sizes.sideMark = pastByte <= few ? 0xffu : pastTwo <= few ? 0xffffu : 0xffff'ffffu;
    NarrowColumnFiller types(objects, narrowTypes), sizes(objects, state_.sizes.sideMark);  // room for one more type: the unknown one
    declaredSlots_ = Buffer<std::uint32_t>(objects, PageSize::kHugeInOrder);
    std::uint64_t unknownTypes = 0;
    for (ObjectsFrame& frame : objectsFrames_) {  // memory-bound and short: one thread
      if (!frame.usable) continue;
      work.throwIfStopped();
      auto big = frame.bigSizes.begin();
      for (std::uint32_t row = 0; row < frame.rows; ++row) {
        const std::uint32_t object = frame.firstIndex + row;
        std::uint32_t type = frame.types[row];
        if (type >= narrowTypes) {
          if (unknownTypes == 0)
            contradiction("object-type", frame.info, 1, object, fmt::format("type {} of {}", type, narrowTypes));
          type = narrowTypes;
          ++unknownTypes;
        }
        types.set(object, type);
        std::uint64_t size = frame.sizes[row];
        if (frame.sizes[row] == ObjectsFrame::kBigSize) size = (big++)->second;
        const std::uint64_t units = std::min<std::uint64_t>(size >> shift, state_.sizes.sideMark);
        if (units == state_.sizes.sideMark) state_.sizes.side.emplace_back(object, size);
        sizes.set(object, static_cast<std::uint32_t>(units));
        declaredSlots_[object] = frame.slotCounts[row];
      }
      frame.types.reset();
      frame.sizes.reset();
      frame.slotCounts.reset();
    }
    if (unknownTypes != 0) {
      countLoss("objects whose type was lost", unknownTypes);
      state_.types.emplace_back().name = "(type lost)";
    }
    state_.edges.types = types.finish();
    state_.sizes.units = sizes.finish();
  }

  // ---- references
  // -------------------------------------------------------------------------------------------
  void readReferences() {
    const Work work = stage("edges", kObjectsEnd, kReferencesEnd);
    Work decoding = work;
    decoding.progress = [&](double f) { work.report(f * 0.8); };
    forEachItem(decoding, referencesFrames_.size(),
                [&](unsigned, std::size_t i) { readReferencesFrame(referencesFrames_[i]); });
    const Buffer<std::uint32_t> covered = acceptReferencesFrames(work);
    placeSlots(covered, work);
    referencesFrames_.clear();
    declaredSlots_.reset();
  }

  void readReferencesFrame(ReferencesFrame& frame) {
    const auto decoded = decode(*frame.info);
    if (!decoded) return;
    const Result<ReferenceColumns> read = decoded->references();
    if (!read) return countDamaged(*frame.info, read.error().what);
    const ReferenceColumns& columns = *read;
    const std::size_t rows = columns.delta.size();
    frame.source = numbers_.indexOf(columns.firstObject);
    frame.skipped = columns.skippedSlots;
    if (rows == 0) return;
    if (frame.source == ObjectNumbers::kMissing)  // its objects were lost, and counted there
      return contradiction("reference-slots", frame.info, 1, columns.firstObject, "references frame: its first source is no object");
    if (frame.skipped > declaredSlots_[frame.source])
      return refuse(*frame.info, "reference-slots", "references frame: it begins behind the last slot of its first source");
    frame.slots = Buffer<std::uint32_t>(rows, PageSize::kHugeInOrder);
    std::uint64_t number = columns.firstObject;
    std::uint32_t object = frame.source;
    std::uint64_t left = declaredSlots_[object] - frame.skipped;
    std::uint64_t toMissing = 0, firstToMissing = 0;
    std::size_t row = 0;
    for (; row < rows; ++row) {
      while (left == 0) {
        ++number;
        ++object;
        if (object >= state_.objects || numbers_.indexOf(number) != object)
          break;  // the next source was lost
        left = declaredSlots_[object];
      }
      if (left == 0) break;
      --left;
      if (columns.delta[row] == ReferenceColumns::kNull) continue;
      const std::uint32_t target = numbers_.indexOf(number + static_cast<std::uint64_t>(columns.delta[row]));
      if (target == ObjectNumbers::kMissing) {
        if (toMissing++ == 0) firstToMissing = object;
      } else
        frame.slots[row] = target + 1;
    }
    frame.used = row;
    if (row != rows)
      contradiction("reference-slots", frame.info, rows - row, object, "references frame: slots without a source");
    if (!columns.label.empty()) {
      frame.labels = Buffer<std::uint32_t>(rows, PageSize::kHugeInOrder);
      for (std::size_t i = 0; i < rows; ++i)
        frame.labels[i] = columns.label[i] == kNoLabel ? 0 : columns.label[i] + 1;
    }
    frame.strengths = columns.strength;
    for (std::uint8_t& strength : frame.strengths)
      if (strength > static_cast<std::uint8_t>(Strength::kConservative)) strength = EdgeTable::kAsDeclared;
    frame.usable = true;
    countLoss("references to missing objects", toMissing);
    toMissing_.fetch_add(toMissing);
    contradiction("edge-target", frame.info, toMissing, firstToMissing, "a reference leads to no object");
  }

  // How many slots of each object the frames cover from its first on without a hole, in the order of their sources
  // wherever they stand in the file. A frame that gives slots again is refused.
  Buffer<std::uint32_t> acceptReferencesFrames(const Work& work) {
    std::stable_sort(referencesFrames_.begin(), referencesFrames_.end(), [](const ReferencesFrame& a, const ReferencesFrame& b) {
      return std::tie(a.source, a.skipped) < std::tie(b.source, b.skipped);
    });
    Buffer<std::uint32_t> covered(state_.objects, PageSize::kHugeInOrder);
    for (ReferencesFrame& frame : referencesFrames_) {
      if (!frame.usable) continue;
      work.throwIfStopped();
      bool overlaps = false;
      forEachCovered(frame, declaredSlots_,
                     [&](std::uint32_t object, std::uint32_t from, std::uint32_t to, std::uint64_t) {
                       overlaps |= from < covered[object];
                       if (from == covered[object]) covered[object] = to;
                     });
      if (overlaps) {
        refuse(*frame.info, "reference-order", "references frame: it gives slots that a frame before gave");
        frame = ReferencesFrame{.info = frame.info};
      }
    }
    for (std::uint32_t object = 0; object < state_.objects; ++object) {
      if (covered[object] >= declaredSlots_[object]) continue;
      if (state_.report.referencesMissing++ == 0)
        contradiction("reference-slots", nullptr, 1, object, fmt::format("{} of its {} slots are there", covered[object], declaredSlots_[object]));
    }
    return covered;
  }

  void placeSlots(const Buffer<std::uint32_t>& covered, const Work& work) {
    EdgeTableBuilder builder(state_.objects);
    if (std::none_of(referencesFrames_.begin(), referencesFrames_.end(), [](const ReferencesFrame& f) { return !f.labels.empty(); }))
      builder.leaveSlotsUnnumbered();
    std::vector<EdgeTableBuilder::Writer*> writers;
    for (unsigned worker = 0; worker < std::max(1u, work.threads); ++worker) writers.push_back(&builder.writer());
    Work placing = work;
    placing.progress = [&](double f) { work.report(0.8 + f * 0.15); };
    forEachItem(placing, referencesFrames_.size(), [&](unsigned worker, std::size_t i) {
      ReferencesFrame& frame = referencesFrames_[i];
      if (!frame.usable) return;
      EdgeTableBuilder::Writer& writer = *writers[worker];
      forEachCovered(frame, declaredSlots_,
                     [&](std::uint32_t object, std::uint32_t from, std::uint32_t to, std::uint64_t offset) {
                       const std::uint32_t end = std::min(to, covered[object]);
                       if (from >= end) return;
                       writer.begin(object, from);
                       for (std::uint32_t slot = from; slot < end; ++slot, ++offset) {
                         if (frame.slots[offset] == 0)
                           writer.null();
                         else
                           writer.slot(frame.slots[offset] - 1);
                         if (!frame.strengths.empty() && frame.strengths[offset] != EdgeTable::kAsDeclared)
                           writer.strength(frame.strengths[offset]);
                         if (!frame.labels.empty() && frame.labels[offset] != 0) writer.label(frame.labels[offset]);
                       }
                       writer.end();
                     });
      frame = ReferencesFrame{.info = frame.info};
    });
    placing.progress = [&](double f) { work.report(0.95 + f * 0.05); };
    state_.edgeCount = builder.finish(state_.edges, placing, &state_.labels).edges;
  }

  // ---- graph
  // ------------------------------------------------------------------------------------------------
  void declareStrengths() {
    std::vector<DeclaredStrengths> declared;
    for (const TypeInfo& type : state_.types) {
      DeclaredStrengths& strengths = declared.emplace_back();
      for (const FieldInfo& field : type.fields) strengths.fixed.push_back(field.strength);
      for (const FieldInfo& field : type.elementFields) strengths.element.push_back(field.strength);
    }
    state_.edges.declare(std::move(declared));
  }

  void placeRoots() {
    std::uint64_t lost = 0;
    for (const TableReader::FileRoot& root : tables_.roots()) {
      const std::uint32_t object = numbers_.indexOf(root.object);
      if (object == ObjectNumbers::kMissing) {
        if (lost++ == 0) contradiction("root-target", nullptr, 1, root.object, "a root leads to no object");
        continue;
      }
      RootInfo info = root.info;
      info.object = ObjectIndex(object);
      if (info.site.value >= state_.sitesTable.size()) {
        contradiction("root-site", nullptr, 1, root.object, fmt::format("site {} of {}", info.site.value, state_.sitesTable.size()));
        info.site = SiteIndex(0);
      }
      state_.roots.push_back(info);
    }
    rootsLost_ = lost;
    countLoss("roots of missing objects", lost);
    std::stable_sort(state_.roots.begin(), state_.roots.end(),
                     [](const RootInfo& a, const RootInfo& b) { return a.object < b.object; });
    for (RegionRecord& region : state_.regions)
      region.firstObject = numbers_.indexAtOrAfter(region.firstObject);
  }

  // ---- objects, second pass
  // ---------------------------------------------------------------------------------
  void readRemainingColumns() {
    const Work work = stage("addresses", kBackwardEnd, 1);
    layOutAddresses();
    const std::uint32_t objects = state_.objects;
    Buffer<std::uint32_t> addresses(objects, PageSize::kHugeInOrder);
    Buffer<std::uint8_t> ageAndFlags(objects, PageSize::kHugeInOrder);
    const bool narrow = state_.sitesTable.size() <= 0x8000 && state_.stacks.size() <= 0x8000;
    Buffer<std::uint16_t> sites16(narrow ? objects : 0, PageSize::kHugeInOrder);
    Buffer<std::uint32_t> sites32(narrow ? 0 : objects, PageSize::kHugeInOrder);
    forEachItem(work, objectsFrames_.size(), [&](unsigned, std::size_t i) {
      const ObjectsFrame& frame = objectsFrames_[i];
      if (!frame.usable) return;
      const auto decoded = decode(*frame.info);
      if (!decoded) throw FileChanged{};
      const Result<ObjectColumns> read = decoded->objects();
      if (!read || read->address.size() != frame.rows) throw FileChanged{};
      const ObjectColumns& columns = *read;
      std::uint64_t lostSites = 0;
      auto segment = std::prev(std::upper_bound(
          state_.addresses.segments.begin(), state_.addresses.segments.end(), frame.firstIndex,
          [](std::uint32_t row, const AddressColumn::Segment& s) { return row < s.firstRow; }));
      for (std::uint32_t row = 0; row < frame.rows; ++row) {
        const std::uint32_t object = frame.firstIndex + row;
        if (const auto next = std::next(segment);
            next != state_.addresses.segments.end() && next->firstRow == object)
          segment = next;
        addresses[object] =
            static_cast<std::uint32_t>((columns.address[row] - segment->base) >> state_.addresses.unitShift);
        ageAndFlags[object] = static_cast<std::uint8_t>(std::min<unsigned>(columns.age[row], 7) << 5 |
                                                        (columns.flags[row] & 31u));
        std::uint32_t site = columns.site[row];
        const std::uint32_t index = site & ~kSiteIsStack;
        if (index >= ((site & kSiteIsStack) != 0 ? state_.stacks.size() : state_.sitesTable.size())) {
          if (lostSites == 0)
            contradiction("object-site", frame.info, 1, object, fmt::format("{} {}", (site & kSiteIsStack) != 0 ? "stack" : "site", index));
          site = 0;
          ++lostSites;
        }
        if (narrow)
          sites16[object] = static_cast<std::uint16_t>((site & 0x7fffu) | (site >> 31) << 15);
        else
          sites32[object] = site;
      }
      countLoss("objects whose site was lost", lostSites);
      if (!columns.external.empty() || !columns.bounds.empty()) {
        const std::lock_guard lock(mutex_);
        for (const auto& [row, bytes] : columns.external)
          state_.external.emplace_back(frame.firstIndex + row, bytes);
        for (const auto& [row, word] : columns.bounds) state_.bounds.emplace_back(frame.firstIndex + row, word);
      }
    });
    std::sort(state_.external.begin(), state_.external.end());
    std::sort(state_.bounds.begin(), state_.bounds.end());
    state_.addresses.units = Column<std::uint32_t>::owning(std::move(addresses));
    state_.ageAndFlags = Column<std::uint8_t>::owning(std::move(ageAndFlags));
    state_.sites = narrow ? NarrowColumn(Column<std::uint16_t>::owning(std::move(sites16)))
                          : NarrowColumn(Column<std::uint32_t>::owning(std::move(sites32)));
  }

  // Joins stretches of addresses into as few segments as 32-bit distances allow.
  void layOutAddresses() {
    AddressColumn& addresses = state_.addresses;
    addresses.unitShift =
        addressBits_ == 0 ? 0 : std::min(31u, static_cast<unsigned>(std::countr_zero(addressBits_)));
    const std::uint64_t reach = std::uint64_t{UINT32_MAX} << addresses.unitShift;
    for (const ObjectsFrame& frame : objectsFrames_)
      if (frame.usable)
        for (const ObjectsFrame::Stretch& stretch : frame.stretches)
          if (addresses.segments.empty() || stretch.last - addresses.segments.back().base > reach)
            addresses.segments.push_back({frame.firstIndex + stretch.row, stretch.first});
  }

  void writeReport() {
    LoadReport& report = state_.report;
    const std::vector<FileFault> refused = std::move(report.file.faults);
    report.file = reader_.report();
    report.file.damagedFrames += damagedFrames_;
    for (const FileFault& fault : refused) {
      report.file.fault(fault.name, fault.offset, fault.sequence, fault.detail);
      for (FileFault& known : report.file.faults)
        if (known.name == fault.name) known.times += fault.times - 1;
    }
    const Announced& announced = tables_.announced();
    report.objectsMissing = gaps_;
    if (announced.seen) {
      report.objectsMissing = announced.objects > state_.objects ? announced.objects - state_.objects : 0;
      const auto missing = [&](std::string_view name, std::uint64_t written, std::uint64_t read) {
        if (written > read) countLoss(name, written - read);
      };
      missing("references not read", announced.references, state_.edgeCount);
      missing("roots not read", announced.roots, state_.roots.size());
      missing("regions not read", announced.regions, state_.regions.size());
    }
    writeContradictions();
    for (const auto& [name, count] : losses_)
      if (count != 0) report.losses.emplace_back(name, count);
  }
  void writeContradictions() {
    const auto lost = [&](std::string_view invariant, std::string_view loss, const char* what) {
      const auto at = losses_.find(loss);
      if (at != losses_.end()) contradiction(invariant, nullptr, at->second, 0, what);
    };
    lost("stack-site", "stacks without their site", "a stack names a site that is not there");
    lost("floating-type", "dead objects of lost types", "dead objects are of a type that is not there");
    lost("table-numbers", "table rows with a number out of range", "a row is numbered far past the rows that are there");
    const Announced& announced = tables_.announced();
    const auto differs = [&](const char* what, std::uint64_t written, std::uint64_t read) {
      if (written != read) contradiction("end-counts", nullptr, 1, 0, fmt::format("{}: the end frame says {}, the file has {}", what, written, read));
    };
    if (announced.seen) {
      differs("objects", announced.objects, state_.objects + gaps_);
      if (state_.report.referencesMissing == 0) differs("references", announced.references, state_.edgeCount + toMissing_);
      differs("roots", announced.roots, state_.roots.size() + rootsLost_);
      differs("regions", announced.regions, state_.regions.size());
    }
    // Where frames were lost, what they held is missed in many places: losses, which are counted as such.
    if (!state_.report.file.complete()) return;
    for (FileFault& fault : contradictions_)
      if (fault.name == "end-counts" || fault.name == "stack-site" || fault.name == "floating-type" || fault.name == "table-numbers")
        fault.object.reset();
    std::sort(contradictions_.begin(), contradictions_.end(), [](const FileFault& x, const FileFault& y) { return x.name < y.name; });
    state_.report.contradictions = std::move(contradictions_);
  }

  // Constant after construction.
  const DumpReader& reader_;
  const LoadOptions& options_;
  const LoadStages stages_;
  SnapshotState& state_;

  std::mutex mutex_;
  std::uint64_t damagedFrames_ = 0;  // guarded by mutex_
  Losses losses_;                    // guarded by mutex_
  std::vector<FileFault> contradictions_;  // guarded by mutex_; one row a name
  std::atomic<std::uint64_t> toMissing_{0};
  std::uint64_t rootsLost_ = 0;

  TableReader tables_;
  std::vector<ObjectsFrame> objectsFrames_;
  std::vector<ReferencesFrame> referencesFrames_;
  ObjectNumbers numbers_;
  Buffer<std::uint32_t> declaredSlots_;
  std::uint64_t gaps_ = 0, addressBits_ = 0, sizeBits_ = 0;
};

}  // namespace

void loadHeapbin(const DumpReader& reader, const LoadOptions& options, const LoadProgressSink& progress,
                 std::stop_token stop, SnapshotState& state) {
  HeapbinLoader(reader, options, progress, std::move(stop), state).run();
}

}  // namespace openclaw
