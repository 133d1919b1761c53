// Two passes: the first finds classes, objects and roots, the second fills in references; between them objects get their
// indexes, types and sizes.
#include "analyzer/load/hprof/hprof.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzer/graph/edge_builder.h"
#include "analyzer/load/heapbin.h"
#include "analyzer/load/hprof/hprof_parser.h"
#include "analyzer/load/hprof/object_list.h"
#include "analyzer/load/hprof/object_sizes.h"
#include "analyzer/load/hprof/texts.h"
#include "analyzer/load/hprof/visualvm.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace hprof {
namespace {

// Where stages end on the way from 0 to 1.
constexpr double kFirstPassEnd = 0.12, kSecondPassEnd = 0.34;

constexpr std::uint32_t kNone = ClassInfo::kNone;

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

bool belongsToThread(std::uint8_t tag) {
  return tag == kRootJniLocal || tag == kRootJavaFrame || tag == kRootNativeStack || tag == kRootThreadBlock ||
         tag == kRootThreadObject || tag == kRootJniMonitor;
}
RootKind kindOf(std::uint8_t tag) {
  switch (tag) {
    case kRootJniLocal: case kRootJavaFrame: case kRootNativeStack: case kRootThreadBlock: return RootKind::kStack;
    case kRootJniGlobal: case kRootJniMonitor: return RootKind::kHandle;
    case kRootInternedString: return RootKind::kGlobal;
    case kRootFinalizing: case kRootReferenceCleanup: return RootKind::kFinalizer;
    case kRootStickyClass: case kRootMonitorUsed: case kRootThreadObject: case kRootVmInternal: return RootKind::kRuntime;
    default: return RootKind::kOther;
  }
}
std::string_view nameOf(std::uint8_t tag) {
  switch (tag) {
    case kRootJniLocal: return "JNI local";
    case kRootJavaFrame: return "Java local";
    case kRootNativeStack: return "native stack";
    case kRootThreadBlock: return "thread block";
    case kRootJniGlobal: return "JNI global";
    case kRootJniMonitor: return "JNI monitor";
    case kRootInternedString: return "interned string";
    case kRootFinalizing: return "being finalized";
    case kRootReferenceCleanup: return "reference cleanup";
    case kRootStickyClass: return "system class";
    case kRootMonitorUsed: return "monitor in use";
    case kRootThreadObject: return "thread";
    case kRootVmInternal: return "virtual machine";
    case kRootDebugger: return "debugger";
    default: return "root of unknown kind";
  }
}
// The order in which VisualVM's library looks at roots.
unsigned visualvmRank(std::uint8_t tag) { return tag == kRootUnknown ? 0 : tag; }

constexpr std::string_view kBuiltinLoaders[] = {
    "jdk.internal.loader.ClassLoaders$AppClassLoader", "jdk.internal.loader.ClassLoaders$PlatformClassLoader",
    "jdk.internal.loader.ClassLoaders$BootClassLoader", "sun.misc.Launcher$AppClassLoader",
    "sun.misc.Launcher$ExtClassLoader"};

void reportProgress(const Work& work, const HprofStream& stream) {
  work.throwIfStopped();
  const auto size = static_cast<double>(std::max<std::uint64_t>(1, stream.fileBytes()));
  work.report(std::min(1.0, static_cast<double>(stream.fileBytesTaken()) / size));
}

// ---- what the first pass keeps -------------------------------------------------------------------------------
struct FirstPass : NoRecords {
  FirstPass(Details& d, const Work& w, unsigned wantedDump) : details(d), work(w), wanted(wantedDump) {}
  Details& details;
  const Work& work;
  const unsigned wanted;  // 1-based; 0: the last
  unsigned dump = 0;
  bool taking = false;

  ObjectList objects;
  std::vector<RootRow> roots;
  std::unordered_map<std::uint64_t, FrameRow> frames;
  std::map<std::uint32_t, std::vector<std::uint64_t>> traces;    // frames by serial, innermost first
  std::unordered_map<std::uint32_t, std::uint64_t> threadNames;  // by serial: of START_THREAD
  std::uint32_t oneTrace = 0;
  bool differentTraces = false, wholeDump = true;

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
    objects.clear();
    roots.clear();
    details.classes.forgetRecords();
    differentTraces = false;
    oneTrace = 0;
  }
  void endDump(bool whole) {
    if (taking) wholeDump = whole;
  }
  void root(std::uint8_t tag, std::uint64_t object, std::uint32_t thread, std::uint32_t frameNumber) {
    if (taking) roots.push_back({object, thread, frameNumber, tag});
  }
  void classDump(const ClassRecord& record, std::uint64_t) {
    if (!taking) return;
    details.classes.record(record);
    objects.add(record.id, Key::of(Shape::kClass, details.classes.numberOf(record.id)), 0);
  }
  void instance(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::span<const std::byte> values, std::uint64_t) {
    if (!taking) return;
    const std::uint32_t number = details.classes.numberOf(cls);
    ClassInfo& info = details.classes.at(number);
    if (info.observedBytes == 0) info.observedBytes = static_cast<std::uint32_t>(values.size());
    objects.add(id, Key::of(Shape::kInstance, number), 0);
    allocatedAt(serial);
  }
  void endObjectArray(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::uint32_t count, std::uint64_t) {
    if (!taking) return;
    objects.add(id, Key::of(Shape::kObjectArray, details.classes.numberOf(cls)), count);
    allocatedAt(serial);
  }
  void primitiveArray(std::uint64_t id, std::uint32_t serial, std::uint8_t type, std::uint32_t count, std::uint64_t) {
    if (!taking) return;
    objects.add(id, Key::of(Shape::kPrimitiveArray, type), count);
    allocatedAt(serial);
  }
  void progress(const HprofStream& stream) { reportProgress(work, stream); }

  void allocatedAt(std::uint32_t serial) {
    if (serial == 0) return;
    if (oneTrace == 0) oneTrace = serial;
    differentTraces |= serial != oneTrace;
  }
};

// ---- what a type is made of ----------------------------------------------------------------------------------
struct TypePlan {
  Key key;
  Layout layout{};                // of instances
  std::uint64_t size = 0;         // of one instance
  std::uint32_t elementBytes = 0; // of arrays
  bool isFinal = false;           // derived from java.lang.ref.FinalReference
  bool classSlot = false;         // behind an instance's fields, before an array's elements
};

// Takes references of objects as ids and gives them on as objects, a few hundred at a time, so that the waits for memory
// overlap. `Sink`: sink(object, first slot, entries), an entry being 0 for null or a target's index + 1.
template <class Sink>
class ReferenceBatch {
 public:
  ReferenceBatch(const IdIndex& index, Sink& sink) : index_(index), sink_(sink) {}
  // The slots of `object` from number `firstSlot` on follow.
  void begin(std::uint32_t object, std::uint64_t firstSlot = 0) {
    if (ids_.size() >= kAtOnce) flush();
    pieces_.push_back({object, firstSlot, ids_.size()});
  }
  void add(std::uint64_t id) { ids_.push_back(id); }
  void flush() {
    for (const std::uint64_t id : ids_) index_.prefetchRows(id);
    for (const std::uint64_t id : ids_) index_.prefetchUnits(id);
    entries_.clear();
    for (const std::uint64_t id : ids_) {
      const std::uint32_t target = id == 0 ? IdIndex::kMissing : index_.indexOf(id);
      missing_ += target == IdIndex::kMissing && id != 0;
      entries_.push_back(target + 1);  // kMissing + 1 = 0
    }
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const std::size_t end = i + 1 < pieces_.size() ? pieces_[i + 1].at : ids_.size();
      sink_(pieces_[i].object, pieces_[i].firstSlot, std::span(entries_).subspan(pieces_[i].at, end - pieces_[i].at));
    }
    pieces_.clear();
    ids_.clear();
  }
  std::uint64_t missing() const { return missing_; }

 private:
  static constexpr std::size_t kAtOnce = 128;
  struct Piece {
    std::uint32_t object;
    std::uint64_t firstSlot;
    std::size_t at;
  };
  const IdIndex& index_;
  Sink& sink_;
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> ids_;
  std::vector<std::uint32_t> entries_;
  std::uint64_t missing_ = 0;
};

// Where references go: into the snapshot's table, or for policy visualvm, which changes them first, into a plain list.
struct IntoTable {
  EdgeTableBuilder::Writer& writer;
  void operator()(std::uint32_t object, std::uint64_t firstSlot, std::span<const std::uint32_t> entries) {
    writer.begin(object, static_cast<std::uint32_t>(firstSlot));
    for (const std::uint32_t entry : entries) {
      if (entry == 0) writer.null();
      else writer.slot(entry - 1);
    }
    writer.end();
  }
};
struct IntoList {
  PlainGraph& graph;
  void operator()(std::uint32_t object, std::uint64_t firstSlot, std::span<const std::uint32_t> entries) {
    std::copy(entries.begin(), entries.end(), graph.slots.data() + graph.first.begin(object) + firstSlot);
  }
};

class HprofLoader {
 public:
  HprofLoader(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state)
      : source_(bytes), options_(options), stages_(stages), state_(state), policy_(options.policy) {}

  void run() {
    readFirst();
    planTypes();
    layOutObjects();
    declareStrengths();
    if (policy_ == Policy::kVisualvm) {
      readReferences<IntoList>(plain_);
      placeThreads();
      placeRoots();
      const Work work = stages_.stage("edges", kSecondPassEnd, kSecondPassEnd);
      applyVisualvm(state_, plain_, visualvmRoots_, classObjectsOfTypes(), *details_, work);
      declareStrengths();
    } else {
      EdgeTableBuilder builder(state_.objects);
      readReferences<IntoTable>(builder.writer());
      const Work work = stages_.stage("edges", kSecondPassEnd, kSecondPassEnd);
      state_.edgeCount = builder.finish(state_.edges, work).edges;
      placeThreads();
      placeRoots();
    }
    describeProcess();
    reopenForTexts();
    const bool wholeDump = first_->wholeDump;
    first_.reset();
    computeGraph(state_, options_.dominators, stages_, kSecondPassEnd, 1);
    writeReport(wholeDump);
  }

 private:
  void countLoss(std::string_view name, std::uint64_t count) {
    if (count != 0) losses_[std::string(name)] += count;
  }
  ClassTable& classes() { return details_->classes; }
  std::string className(std::uint32_t number) { return classes().nameOf(number, details_->names); }

  // ---- first pass ------------------------------------------------------------------------------------------
  void readFirst() {
    const Work work = stages_.stage("reading", 0, kFirstPassEnd);
    HprofStream stream(source_);
    const auto head = readHead(stream);
    if (!head)
      throw LoadFailure{ErrorCode::kDamaged, "this Java heap dump ends inside its header, or names an id size other than 4 and 8"};
    head_ = *head;
    details_ = std::make_shared<Details>(head_.idSize);
    first_ = std::make_unique<FirstPass>(*details_, work, options_.dump);
    HprofParser<FirstPass> parser(stream, head_, *first_);
    parser.run();
    counts_ = parser.counts();
    streamBytes_ = stream.position();
    inflatingFailed_ = stream.inflatingFailed();
    fileBytesTaken_ = stream.fileBytesTaken();
    details_->members = stream.members();
    if (options_.dump > counts_.dumps)
      throw LoadFailure{ErrorCode::kInvalidArgument,
                        fmt::format("the file has {} dumps, and number {} was asked for", counts_.dumps, options_.dump)};
    first_->objects.finish();
    classes().resolve();
    if (first_->objects.size() > kMostObjects) throw std::length_error("more than 2^32 - 3 objects");
  }

  // ---- types and sizes -------------------------------------------------------------------------------------
  std::uint32_t typeOf(Key key) {
    // Class objects are instances of java.lang.Class.
    if (key.shape() == Shape::kClass)
      key = classOfClasses_ == kNone ? Key::of(Shape::kClass, 0) : Key::of(Shape::kInstance, classOfClasses_);
    const std::size_t row = std::size_t{key.number()} * 4 + static_cast<std::size_t>(key.shape());
    if (row >= typeByKey_.size()) typeByKey_.resize(row + 1, kNone);
    std::uint32_t& type = typeByKey_[row];
    if (type == kNone) {
      type = static_cast<std::uint32_t>(plans_.size());
      plans_.push_back({.key = key});
    }
    return type;
  }

  // Looks at all objects once in the order of their ids: which types there are, and how objects lie beside each other.
  void planTypes() {
    const ClassTable& table = classes();
    classOfClasses_ = table.named("java.lang.Class", details_->names).value_or(kNone);
    std::vector<std::uint64_t> loaders, builtin;
    for (std::uint32_t number = 0; number < table.size(); ++number)
      if (table[number].hasRecord && table[number].loader != 0) loaders.push_back(table[number].loader);
    std::sort(loaders.begin(), loaders.end());
    loaders.erase(std::unique(loaders.begin(), loaders.end()), loaders.end());
    auto loader = loaders.begin();

    typeByKey_.assign(std::size_t{table.size()} * 4, kNone);
    SizeDetector detector(head_.idSize);
    ListedObject last;
    std::uint64_t firstId = 0, rows = 0;
    first_->objects.forEachAscending([&](const ListedObject& object) {
      typeOf(object.key);
      if (rows++ == 0)
        firstId = object.id;
      else if (last.key.isArray())
        detector.see(last.key.shape(), sizeOfType(static_cast<std::uint8_t>(last.key.number()), head_.idSize), last.count,
                     object.id - last.id);
      idBits_ |= object.id - firstId;
      last = object;
      while (loader != loaders.end() && *loader < object.id) ++loader;
      if (loader != loaders.end() && *loader == object.id && object.key.shape() == Shape::kInstance) {
        const std::string name = className(object.key.number());
        if (std::find(std::begin(kBuiltinLoaders), std::end(kBuiltinLoaders), name) != std::end(kBuiltinLoaders))
          builtin.push_back(object.id);
      }
    });
    state_.objects = static_cast<std::uint32_t>(rows);
    rules_ = detector.rules(last.id, idBits_ | firstId, rows);
    if (policy_ == Policy::kVisualvm) {
      // The library knows one rule: a header of an id and a reference, 4 bytes more for arrays, units of 8.
      rules_.header = head_.idSize + rules_.reference;
      rules_.arrayHeader = rules_.header + 4;
      rules_.alignment = 8;
    }
    describeTypes(builtin);
  }

  void describeTypes(const std::vector<std::uint64_t>& builtinLoaders) {
    const ClassTable& table = classes();
    const NameTable& names = details_->names;
    const auto number = [&](std::string_view name) { return table.named(name, names).value_or(kNone); };
    const std::uint32_t reference = number("java.lang.ref.Reference"), soft = number("java.lang.ref.SoftReference"),
                        finalReference = number("java.lang.ref.FinalReference");
    std::uint64_t withoutRecord = 0;
    details_->typeClasses.assign(plans_.size(), kNone);
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      TypePlan& plan = plans_[i];
      TypeInfo& type = state_.types.emplace_back();
      const std::uint32_t cls = plan.key.number();
      if (plan.key.shape() == Shape::kPrimitiveArray) {
        const auto element = static_cast<std::uint8_t>(cls);
        type.name = std::string(primitiveName(element)) + "[]";
        type.elementSize = plan.elementBytes = sizeOfType(element, head_.idSize);
        type.pointerFree = true;
        type.isText = element == kChar;
        continue;
      }
      if (plan.key.shape() == Shape::kClass) {  // java.lang.Class itself is not in the dump
        type.name = "java.lang.Class";
        plan.size = rules_.instance(0, 0);
        type.size = static_cast<std::uint32_t>(plan.size);
        continue;
      }
      details_->typeClasses[i] = cls;
      const ClassInfo& info = table[cls];
      type.name = className(cls);
      withoutRecord += !info.hasRecord;
      // A class stays loaded as long as its loader lives, which knows all its classes; hidden classes are known to nobody.
      const bool hidden = type.name.find('+') != std::string::npos || type.name.find(".0x") != std::string::npos;
      const bool ownLoader =
          info.loader != 0 && !std::binary_search(builtinLoaders.begin(), builtinLoaders.end(), info.loader);
      plan.classSlot = policy_ == Policy::kMat || (policy_ == Policy::kStrict && info.hasRecord && (hidden || ownLoader));
      if (plan.key.shape() == Shape::kObjectArray) {
        type.elementSize = plan.elementBytes = rules_.reference;
        if (plan.classSlot) type.fields.push_back(classField());
        FieldInfo& element = type.elementFields.emplace_back();
        if (type.name.ends_with("[]")) element.targetType = type.name.substr(0, type.name.size() - 2);
        continue;
      }
      plan.layout = table.layoutOf(cls);
      plan.isFinal = policy_ == Policy::kStrict && finalReference != kNone && table.isA(cls, finalReference);
      const bool special = policy_ != Policy::kMat && reference != kNone && table.isA(cls, reference);
      const bool isSoft = soft != kNone && table.isA(cls, soft);
      for (const ReferenceField& field : plan.layout.references) {
        FieldInfo row;
        row.name = names.text(field.name);
        if (row.name.empty()) row.name = fmt::format("field #{}", type.fields.size());
        if (special && field.declaredBy == reference && row.name == "referent")
          row.strength = isSoft ? Strength::kCache : Strength::kWeak;
        type.fields.push_back(std::move(row));
      }
      if (plan.classSlot) type.fields.push_back(classField());
      plan.size = info.hasRecord ? rules_.instance(plan.layout.primitiveBytes, plan.layout.references.size())
                                 : rules_.instance(info.observedBytes, 0);
      type.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(plan.size, UINT32_MAX));
      type.pointerFree = type.fields.empty();
    }
    countLoss("classes without a record in the dump", withoutRecord);
  }
  static FieldInfo classField() {
    FieldInfo field;
    field.name = "<class>";
    field.targetType = "java.lang.Class";
    return field;
  }

  // Without the locals that policy mat gives to threads.
  std::uint64_t slotsOf(const ListedObject& object, const TypePlan& plan) const {
    switch (object.key.shape()) {
      case Shape::kClass: return countClassSlots(details_->classes[object.key.number()], policy_);
      case Shape::kInstance: return plan.layout.references.size() + plan.classSlot;
      case Shape::kObjectArray: return std::uint64_t{object.count} + plan.classSlot;
      case Shape::kPrimitiveArray: return 0;
    }
    return 0;
  }
  std::uint64_t sizeOf(const ListedObject& object, const TypePlan& plan) const {
    switch (object.key.shape()) {
      case Shape::kClass: {
        if (policy_ == Policy::kVisualvm) return 0;  // as instances the library does not count them
        std::uint64_t primitive = plan.layout.primitiveBytes, references = plan.layout.references.size();
        for (const StaticField& field : details_->classes[object.key.number()].statics) {
          if (field.type == kObjectField) ++references;
          else primitive += sizeOfType(field.type, head_.idSize);
        }
        return rules_.instance(primitive, references);
      }
      case Shape::kInstance: return plan.size;
      default: return rules_.array(object.count, plan.elementBytes);
    }
  }

  // ---- columns ---------------------------------------------------------------------------------------------
  // Writes types, sizes and addresses, and drops the list of the first pass.
  void layOutObjects() {
    const std::uint32_t rows = state_.objects;
    const auto sizeShift = static_cast<unsigned>(std::countr_zero(rules_.alignment));
    const bool narrowTypes = plans_.size() <= 0x10000;
    std::uint64_t large = 0;
    first_->objects.forEachAscending([&](const ListedObject& object) {
      large += (sizeOf(object, plans_[typeOf(object.key)]) >> sizeShift) >= 0xffff;
    });
    const bool narrowSizes = large <= 16 + rows / 64;
    Buffer<std::uint16_t> types16(narrowTypes ? rows : 0), sizes16(narrowSizes ? rows : 0);
    Buffer<std::uint32_t> types32(narrowTypes ? 0 : rows), sizes32(narrowSizes ? 0 : rows), units(rows);
    state_.sizes.unitShift = sizeShift;
    state_.sizes.sideMark = narrowSizes ? 0xffffu : 0xffff'ffffu;
    AddressColumn& addresses = state_.addresses;
    addresses.unitShift = idBits_ == 0 ? 0 : std::min(31u, static_cast<unsigned>(std::countr_zero(idBits_)));
    const std::uint64_t reach = std::uint64_t{UINT32_MAX} << addresses.unitShift;
    const bool plain = policy_ == Policy::kVisualvm;
    if (plain) plain_.first = PagedOffsets(rows);
    std::uint32_t index = 0;
    std::uint64_t last = 0, lastSize = 0, overlaps = 0;
    const Work work = stages_.stage("reading", kFirstPassEnd, kFirstPassEnd);
    first_->objects.forEachAscending([&](const ListedObject& object) {
      if (index % kStepsBetweenChecks == 0) work.throwIfStopped();
      const std::uint32_t type = typeOf(object.key);
      if (narrowTypes) types16[index] = static_cast<std::uint16_t>(type);
      else types32[index] = type;
      const std::uint64_t size = sizeOf(object, plans_[type]);
      const std::uint64_t sizeUnits = std::min<std::uint64_t>(size >> sizeShift, state_.sizes.sideMark);
      if (sizeUnits == state_.sizes.sideMark) state_.sizes.side.emplace_back(index, size);
      if (narrowSizes) sizes16[index] = static_cast<std::uint16_t>(sizeUnits);
      else sizes32[index] = static_cast<std::uint32_t>(sizeUnits);
      if (addresses.segments.empty() || object.id - addresses.segments.back().base > reach)
        addresses.segments.push_back({index, object.id});
      units[index] = static_cast<std::uint32_t>((object.id - addresses.segments.back().base) >> addresses.unitShift);
      if (plain) plain_.first.countWhileBuilding(index) = static_cast<std::uint32_t>(slotsOf(object, plans_[type]));
      if (object.key.shape() == Shape::kClass) details_->classObjects.emplace_back(index, object.key.number());
      overlaps += index != 0 && object.id - last < lastSize;
      last = object.id;
      lastSize = size;
      ++index;
    });
    // Ids that are no addresses, or a virtual machine whose objects are smaller than any rule known here says.
    state_.addressesAscend = overlaps == 0;
    if (plain) {
      if (!plain_.first.tryFinish()) throw std::length_error("more than 2^32 references in 65,536 neighbouring objects");
      plain_.slots = Buffer<std::uint32_t>(plain_.first.total());
    }
    objectsInFile_ = first_->objects.size();
    repeated_ = first_->objects.repeated();
    countLoss("records of objects that came before", repeated_.size());
    first_->objects.clear();
    addresses.units = Column<std::uint32_t>::owning(std::move(units));
    state_.edges.types = narrowTypes ? NarrowColumn(Column<std::uint16_t>::owning(std::move(types16)))
                                     : NarrowColumn(Column<std::uint32_t>::owning(std::move(types32)));
    state_.sizes.units = narrowSizes ? NarrowColumn(Column<std::uint16_t>::owning(std::move(sizes16)))
                                     : NarrowColumn(Column<std::uint32_t>::owning(std::move(sizes32)));
    details_->index = IdIndex(addresses, rows);
    planThreadLocals();
  }

  // Policy mat: locals are no roots but references of their thread.
  void planThreadLocals() {
    if (policy_ != Policy::kMat) return;
    for (const RootRow& root : first_->roots)
      if (root.tag == kRootThreadObject && details_->index.indexOf(root.object) != IdIndex::kMissing)
        threadWithLocals_.emplace(root.thread, root.object);
    for (const RootRow& root : first_->roots) {
      if (root.tag == kRootThreadObject || !belongsToThread(root.tag)) continue;
      const auto thread = threadWithLocals_.find(root.thread);
      if (thread != threadWithLocals_.end()) threadLocals_.emplace_back(thread->second, root.object);
    }
    std::sort(threadLocals_.begin(), threadLocals_.end());
    threadLocals_.erase(std::unique(threadLocals_.begin(), threadLocals_.end()), threadLocals_.end());
  }

  // ---- second pass -----------------------------------------------------------------------------------------
  template <class Sink>
  struct SecondPass : NoRecords {
    SecondPass(HprofLoader& l, const Work& w, Sink& sink)
        : loader(l), work(w), batch(l.details_->index, sink), repeated(l.repeated_.begin()) {}
    HprofLoader& loader;
    const Work& work;
    ReferenceBatch<Sink> batch;
    std::vector<std::uint64_t>::const_iterator repeated;
    unsigned dump = 0;
    bool taking = false, checkpointDue = true;
    std::uint64_t ordinal = 0, sinceCheckpoint = 0, withoutLayout = 0, cutShort = 0;
    std::uint32_t lastIndex = IdIndex::kMissing;
    // Of the array whose elements follow.
    std::uint32_t arrayIndex = IdIndex::kMissing;
    std::uint64_t elementsAt = 0;

    void beginDump() {
      ++dump;
      taking = loader.options_.dump == 0 ? dump == loader.counts_.dumps : dump == loader.options_.dump;
    }
    void beginSegment() { checkpointDue = true; }
    // The index of the object whose record this is; kMissing: it came before.
    std::uint32_t take(std::uint64_t id, std::uint64_t at) {
      if (ordinal >= loader.objectsInFile_) throw FileChanged{};
      const bool again = repeated != loader.repeated_.end() && *repeated == ordinal;
      ++ordinal;
      if (again) {
        ++repeated;
        checkpointDue = true;
        return IdIndex::kMissing;
      }
      const std::uint32_t index = loader.details_->index.indexOf(id);
      if (index == IdIndex::kMissing) throw FileChanged{};
      if (checkpointDue || index != lastIndex + 1 || sinceCheckpoint >= Details::kCheckpointRows) {
        loader.details_->checkpoints.push_back({index, at});
        checkpointDue = false;
        sinceCheckpoint = 0;
      }
      ++sinceCheckpoint;
      lastIndex = index;
      return index;
    }
    const TypePlan& planOf(std::uint32_t index) const { return loader.plans_[loader.state_.edges.types[index]]; }

    void classDump(const ClassRecord& record, std::uint64_t at) {
      if (!taking) return;
      const std::uint32_t index = take(record.id, at);
      if (index == IdIndex::kMissing) return;
      const auto number = loader.classes().find(record.id);
      if (!number) throw FileChanged{};
      const std::uint64_t classOfClasses =
          loader.classOfClasses_ == kNone ? 0 : loader.classes()[loader.classOfClasses_].id;
      batch.begin(index);
      for (const ClassSlot& row : classSlots(loader.classes()[*number], loader.policy_, classOfClasses)) batch.add(row.value);
    }
    void instance(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::span<const std::byte> values,
                  std::uint64_t at) {
      if (!taking) return;
      const std::uint32_t index = take(id, at);
      if (index == IdIndex::kMissing) return;
      const TypePlan& plan = planOf(index);
      const unsigned idSize = loader.head_.idSize;
      if (!plan.layout.references.empty() || plan.classSlot) {
        batch.begin(index);
        if (values.size() >= plan.layout.recordBytes) {
          for (const ReferenceField& field : plan.layout.references) batch.add(loadId(values.data() + field.offset, idSize));
        } else {
          for (const ReferenceField& field : plan.layout.references)
            batch.add(field.offset + idSize <= values.size() ? loadId(values.data() + field.offset, idSize) : 0);
        }
        if (plan.classSlot) batch.add(cls);
      }
      cutShort += values.size() < plan.layout.recordBytes;
      withoutLayout += !values.empty() && !loader.classes()[plan.key.number()].hasRecord;
      if (!loader.threadLocals_.empty()) addThreadLocals(index, id, plan.layout.references.size() + plan.classSlot);
      if (plan.isFinal) finalizer(index, plan, values);
      loader.allocatedAt(index, serial);
    }
    // Policy mat: behind the `own` slots of a thread with locals.
    void addThreadLocals(std::uint32_t index, std::uint64_t id, std::uint64_t own) {
      const auto& locals = loader.threadLocals_;
      auto from = std::lower_bound(locals.begin(), locals.end(), std::pair(id, std::uint64_t{0}));
      if (from == locals.end() || from->first != id) return;
      batch.begin(index, own);
      for (; from != locals.end() && from->first == id; ++from) {
        batch.add(from->second);
        loader.details_->extraSlots.push_back({index, "<Java local>"});
      }
    }
    // A FinalReference with a successor stands in the queue of those whose finalizer will run: the collector has found its
    // referent unreachable and keeps it, and all it reaches, until then.
    void finalizer(std::uint32_t index, const TypePlan& plan, std::span<const std::byte> values) {
      const TypeInfo& type = loader.state_.types[TypeIndex(loader.state_.edges.types[index])];
      std::uint64_t referent = 0, next = 0;
      for (std::size_t i = 0; i < plan.layout.references.size(); ++i) {
        const ReferenceField& field = plan.layout.references[i];
        if (field.offset + loader.head_.idSize > values.size()) continue;
        const std::uint64_t value = loadId(values.data() + field.offset, loader.head_.idSize);
        if (type.fields[i].strength == Strength::kWeak) referent = value;
        // Finalizer has a `next` of its own, the list of all; the queue's is that of Reference, which stands later.
        if (type.fields[i].name == "next") next = value;
      }
      if (referent != 0 && next != 0) loader.toFinalize_.push_back(referent);
    }

    static constexpr bool kWantsElements = true;
    void beginObjectArray(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::uint32_t, std::uint64_t at) {
      arrayIndex = IdIndex::kMissing;
      // The last array of a file that is cut: the first pass did not count it.
      if (!taking || ordinal >= loader.objectsInFile_) return;
      arrayIndex = take(id, at);
      if (arrayIndex == IdIndex::kMissing) return;
      elementsAt = 0;
      if (planOf(arrayIndex).classSlot) {
        batch.begin(arrayIndex);
        batch.add(cls);
        elementsAt = 1;
      }
      loader.allocatedAt(arrayIndex, serial);
    }
    void elements(std::uint32_t first, const std::byte* ids, std::uint32_t count) {
      if (arrayIndex == IdIndex::kMissing) return;
      const unsigned idSize = loader.head_.idSize;
      batch.begin(arrayIndex, elementsAt + first);
      for (std::uint32_t i = 0; i < count; ++i) batch.add(loadId(ids + std::size_t{i} * idSize, idSize));
    }
    void primitiveArray(std::uint64_t id, std::uint32_t serial, std::uint8_t, std::uint32_t, std::uint64_t at) {
      if (!taking) return;
      const std::uint32_t index = take(id, at);
      if (index != IdIndex::kMissing) loader.allocatedAt(index, serial);
    }
    void progress(const HprofStream& stream) { reportProgress(work, stream); }
  };

  template <class Sink, class Place>
  void readReferences(Place& place) {
    const Work work = stages_.stage("edges", kFirstPassEnd, kSecondPassEnd);
    planStacks();
    Sink sink{place};
    SecondPass<Sink> pass(*this, work, sink);
    HprofStream stream(source_);
    if (!readHead(stream)) throw FileChanged{};
    HprofParser<SecondPass<Sink>> parser(stream, head_, pass);
    parser.run();
    pass.batch.flush();
    if (pass.ordinal != objectsInFile_) throw FileChanged{};
    countLoss("references to objects that are not in the dump", pass.batch.missing());
    countLoss("objects with less data than their class has fields", pass.cutShort);
    countLoss("objects whose class has no record, so no fields", pass.withoutLayout);
    state_.report.referencesMissing += pass.withoutLayout + pass.cutShort;
    const auto byObject = [](const auto& a, const auto& b) { return a.object < b.object; };
    std::sort(details_->checkpoints.begin(), details_->checkpoints.end(), byObject);
    std::stable_sort(details_->extraSlots.begin(), details_->extraSlots.end(), byObject);
    state_.ageAndFlags = Column<std::uint8_t>::owning(Buffer<std::uint8_t>(state_.objects));
    state_.sites = differentTraces_ ? NarrowColumn(Column<std::uint32_t>::owning(std::move(siteWords_)))
                                    : NarrowColumn(Column<std::uint16_t>::owning(Buffer<std::uint16_t>(state_.objects)));
  }

  // ---- stacks of allocations -------------------------------------------------------------------------------
  // The JDK gives all objects one dummy trace; the old -agentlib:hprof and some other virtual machines give real ones.
  void planStacks() {
    state_.sitesTable.push_back(SiteInfo{});
    differentTraces_ = first_->differentTraces;
    if (!differentTraces_) return;
    siteWords_ = Buffer<std::uint32_t>(state_.objects);
    std::unordered_map<std::uint64_t, std::uint64_t> pcs;  // by frame id
    std::map<std::pair<std::string, std::string>, std::uint32_t> sites;
    for (const auto& [serial, frames] : first_->traces) {
      if (frames.empty()) continue;
      StackInfo stack;
      for (const std::uint64_t id : frames) {
        const auto [pc, added] = pcs.try_emplace(id, kFirstPc + pcs.size() * kPcStep);
        if (added) state_.symbols[pc->second].push_back(codeFrame(id));
        stack.pcs.push_back(pc->second);
      }
      const CodeFrame& top = state_.symbols[stack.pcs.front()].front();
      const auto [site, added] = sites.try_emplace({fmt::format("{}:{}", top.file, top.line), top.function},
                                                   static_cast<std::uint32_t>(state_.sitesTable.size()));
      if (added) {
        SiteInfo info;
        info.file = top.file;
        info.function = top.function;
        info.line = top.line;
        state_.sitesTable.push_back(std::move(info));
      }
      stack.site = SiteIndex(site->second);
      stackOfTrace_.emplace(serial, static_cast<std::uint32_t>(state_.stacks.size()));
      state_.stacks.push_back(std::move(stack));
    }
  }
  void allocatedAt(std::uint32_t index, std::uint32_t serial) {
    if (!differentTraces_) return;
    const auto stack = stackOfTrace_.find(serial);
    if (stack != stackOfTrace_.end()) siteWords_[index] = kSiteIsStack | stack->second;
  }
  CodeFrame codeFrame(std::uint64_t id) {
    const auto at = first_->frames.find(id);
    CodeFrame frame;
    if (at == first_->frames.end()) {
      frame.function = fmt::format("(frame {:#x} not in the dump)", id);
      return frame;
    }
    const FrameRow& row = at->second;
    frame.function = details_->names.text(row.method);
    frame.file = details_->names.text(row.file);
    const std::uint32_t cls = classes().bySerial(row.classSerial);
    if (cls != kNone) frame.function = className(cls) + "." + frame.function;
    if (row.line > 0) frame.line = static_cast<std::uint32_t>(row.line);
    return frame;
  }

  // ---- graph -----------------------------------------------------------------------------------------------
  void declareStrengths() {
    std::vector<DeclaredStrengths> declared;
    for (const TypeInfo& type : state_.types) {
      DeclaredStrengths& strengths = declared.emplace_back();
      for (const FieldInfo& field : type.fields) strengths.fixed.push_back(field.strength);
      for (const FieldInfo& field : type.elementFields) strengths.element.push_back(field.strength);
    }
    state_.edges.declare(std::move(declared));
  }

  void placeThreads() {
    for (const RootRow& root : first_->roots) {
      if (root.tag != kRootThreadObject || threadRows_.contains(root.thread)) continue;
      threadRows_.emplace(root.thread, static_cast<std::uint32_t>(state_.threads.size()));
      traceOfThread_.emplace(root.thread, root.frame);
      threadObjects_.push_back(root.object);
      ThreadInfo& thread = state_.threads.emplace_back();
      thread.tid = root.thread;
      const auto name = first_->threadNames.find(root.thread);
      if (name != first_->threadNames.end()) thread.name = details_->names.text(name->second);
    }
  }
  std::string_view label(std::string_view text) {
    const auto at = state_.rootLabels.find(text);
    return at != state_.rootLabels.end() ? *at : *state_.rootLabels.emplace(text).first;
  }
  std::string_view labelOf(const RootRow& row) {
    if (row.tag != kRootJavaFrame && row.tag != kRootJniLocal) return label(nameOf(row.tag));
    const auto serial = traceOfThread_.find(row.thread);
    const auto trace = serial == traceOfThread_.end() ? first_->traces.end() : first_->traces.find(serial->second);
    if (trace == first_->traces.end() || row.frame >= trace->second.size()) return label(nameOf(row.tag));
    const CodeFrame frame = codeFrame(trace->second[row.frame]);
    std::string text = fmt::format("{} in {}", nameOf(row.tag), frame.function);
    if (!frame.file.empty())
      text += frame.line == 0 ? fmt::format(" ({})", frame.file) : fmt::format(" ({}:{})", frame.file, frame.line);
    return label(text);
  }
  void addRoot(std::uint32_t index, RootKind kind, std::string_view text, std::uint32_t thread = kNoThread) {
    RootInfo root;
    root.object = ObjectIndex(index);
    root.kind = kind;
    root.label = text;
    root.thread = thread;
    root.site = SiteIndex(0);
    state_.roots.push_back(root);
  }

  void placeRoots() {
    std::uint64_t lost = 0;
    std::stable_sort(first_->roots.begin(), first_->roots.end(),
                     [](const RootRow& a, const RootRow& b) { return visualvmRank(a.tag) < visualvmRank(b.tag); });
    bool stickySeen = false;
    for (const RootRow& row : first_->roots) {
      if (row.tag == kUnreachableRoot || row.object == 0) continue;
      stickySeen |= row.tag == kRootStickyClass;
      const std::uint32_t index = details_->index.indexOf(row.object);
      if (index == IdIndex::kMissing) {
        ++lost;
        continue;
      }
      visualvmRoots_.push_back(index);
      std::uint32_t thread = kNoThread;
      if (belongsToThread(row.tag)) {
        if (row.tag != kRootThreadObject && threadWithLocals_.contains(row.thread)) continue;  // a reference of the thread
        if (const auto at = threadRows_.find(row.thread); at != threadRows_.end()) thread = at->second;
      }
      addRoot(index, kindOf(row.tag), labelOf(row), thread);
    }
    for (const std::uint64_t object : toFinalize_)
      if (const std::uint32_t index = details_->index.indexOf(object); index != IdIndex::kMissing)
        addRoot(index, RootKind::kFinalizer, label("waits for its finalizer"));
    // Some writers leave out that classes of the boot loader are never unloaded.
    if (!stickySeen && policy_ != Policy::kVisualvm)
      for (const auto& [object, number] : details_->classObjects)
        if (classes()[number].loader == 0) addRoot(object, RootKind::kRuntime, label("class of the boot loader"));
    countLoss("roots that lead to objects that are not in the dump", lost);
    // The same local in one frame many times says no more than once.
    std::stable_sort(state_.roots.begin(), state_.roots.end(),
                     [](const RootInfo& a, const RootInfo& b) { return a.object < b.object; });
    const auto same = [](const RootInfo& a, const RootInfo& b) {
      return a.object == b.object && a.kind == b.kind && a.thread == b.thread && a.label.data() == b.label.data();
    };
    state_.roots.erase(std::unique(state_.roots.begin(), state_.roots.end(), same), state_.roots.end());
  }
  std::vector<std::uint32_t> classObjectsOfTypes() {
    std::vector<std::uint32_t> objects(plans_.size(), IdIndex::kMissing);
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].key.shape() != Shape::kInstance) continue;
      const std::uint32_t object = details_->index.indexOf(classes()[plans_[i].key.number()].id);
      if (object != IdIndex::kMissing && details_->classOfObject(object)) objects[i] = object;
    }
    return objects;
  }

  // ---- the rest --------------------------------------------------------------------------------------------
  void describeProcess() {
    ProcessInfo& process = state_.process;
    process.generator = head_.version;
    process.source = "Java heap dump";
    const std::uint64_t number = options_.dump != 0 ? options_.dump : counts_.dumps;
    if (counts_.dumps > 1) process.source += fmt::format(", number {} of {} in the file", number, counts_.dumps);
    if (counts_.lengthsRepaired != 0) process.source += ", with a record that does not tell its length";
    process.dumpedUnix = head_.unixMilliseconds * 1'000'000;  // ns
    process.consistency = Consistency::kStopTheWorld;
  }

  // The caller's source lives for the load only. Texts of bytes in memory are not to be had.
  void reopenForTexts() {
    if (auto reopened = openFileSource(source_.name()); reopened && (*reopened)->size() == source_.size())
      details_->source = std::move(*reopened);
    state_.objectTexts = makeObjectTexts(state_, details_);
    state_.slotTexts = makeSlotTexts(state_, details_);
    for (std::size_t i = 0; i < threadObjects_.size(); ++i) {
      const std::uint32_t index = details_->index.indexOf(threadObjects_[i]);
      if (index != IdIndex::kMissing && state_.threads[i].name.empty())
        state_.threads[i].name = state_.objectTexts->describe(index);
    }
  }

  void writeReport(bool wholeDump) {
    LoadReport& report = state_.report;
    ReadReport& file = report.file;
    file.fileBytes = source_.size();
    file.bytesRead = source_.size();
    const std::uint64_t lost = std::min(counts_.lostBytes, streamBytes_);
    if (lost != 0 || inflatingFailed_) {
      // What is lost of the inflated bytes is told as the same share of the file's.
      const double kept = streamBytes_ == 0 ? 0 : 1 - static_cast<double>(lost) / static_cast<double>(streamBytes_);
      const auto read = static_cast<std::uint64_t>(static_cast<double>(std::min(fileBytesTaken_, source_.size())) * kept);
      file.bytesRead = std::min(read, source_.size() - 1);
    }
    file.endSeen = counts_.endSeen && wholeDump && !counts_.truncated && !inflatingFailed_;
    file.damagedFrames = counts_.damagedSegments;
    for (const auto& [name, count] : losses_) {
      report.lossesWhileLoading += count;
      report.losses.emplace_back(name, count);
    }
  }

  static constexpr std::uint64_t kFirstPc = 0x1000, kPcStep = 16;  // invented: Java frames have no addresses here

  // Constant after construction.
  const SourceBytes& source_;
  const LoadOptions& options_;
  const LoadStages& stages_;
  SnapshotState& state_;
  const Policy policy_;

  Head head_;
  std::shared_ptr<Details> details_;
  std::unique_ptr<FirstPass> first_;
  ParseCounts counts_;
  std::uint64_t streamBytes_ = 0, fileBytesTaken_ = 0;
  bool inflatingFailed_ = false;
  std::map<std::string, std::uint64_t> losses_;

  std::vector<TypePlan> plans_;           // by type
  std::vector<std::uint32_t> typeByKey_;  // by class number * 4 + shape
  std::uint32_t classOfClasses_ = kNone;
  std::uint64_t idBits_ = 0;
  SizeRules rules_;
  std::uint64_t objectsInFile_ = 0;
  std::vector<std::uint64_t> repeated_;
  std::unordered_map<std::uint32_t, std::uint64_t> threadWithLocals_;  // by serial; policy mat
  std::vector<std::pair<std::uint64_t, std::uint64_t>> threadLocals_;  // (thread, local), sorted; policy mat
  std::vector<std::uint64_t> toFinalize_;

  bool differentTraces_ = false;
  Buffer<std::uint32_t> siteWords_;
  std::unordered_map<std::uint32_t, std::uint32_t> stackOfTrace_;

  std::unordered_map<std::uint32_t, std::uint32_t> threadRows_, traceOfThread_;  // by serial
  std::vector<std::uint64_t> threadObjects_;                                    // by row
  PlainGraph plain_;                                                            // policy visualvm
  std::vector<std::uint32_t> visualvmRoots_;
};

}  // namespace
}  // namespace hprof

bool looksLikeHprof(std::span<const std::byte> head) {
  constexpr std::string_view kBegins = "JAVA PROFILE 1.0.";
  const auto begins = [&](std::span<const std::byte> bytes) {
    return bytes.size() >= kBegins.size() &&
           std::equal(kBegins.begin(), kBegins.end(), bytes.begin(),
                      [](char c, std::byte b) { return static_cast<std::byte>(c) == b; });
  };
  if (!hprof::beginsLikeGzip(head)) return begins(head);
  const auto source = memorySource(head, "");
  hprof::HprofStream inflated(*source);
  return inflated.need(kBegins.size()) && begins({inflated.data(), kBegins.size()});
}

void loadHprof(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state) {
  hprof::HprofLoader(bytes, options, stages, state).run();
}

}  // namespace openclaw
