// Two passes: the first finds classes, roots and where objects are, so that ids get indexes; the second, on several threads from
// places that the first one noted, fills in types, sizes and references.
#include "analyzer/load/hprof/hprof.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
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
#include "analyzer/load/hprof/first_pass.h"
#include "analyzer/load/hprof/hprof_parser.h"
#include "analyzer/load/hprof/object_key.h"
#include "analyzer/load/hprof/object_sizes.h"
#include "analyzer/load/hprof/reference_batch.h"
#include "analyzer/load/hprof/root_tags.h"
#include "analyzer/load/hprof/texts.h"
#include "analyzer/load/hprof/visualvm.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace hprof {
namespace {

// Where stages end on the way from 0 to 1.
constexpr double kFirstPassEnd = 0.15, kReadEnd = 0.35, kEdgesEnd = 0.42;

constexpr std::uint32_t kNone = ClassInfo::kNone;
// A thread of the second pass takes so much of the (inflated) file at a time; a .gz costs it a part of a member each time.
constexpr std::uint64_t kPlainPiece = std::uint64_t{4} << 20, kGzipPiece = std::uint64_t{16} << 20;
// Sizes in a byte each, larger ones (kLargePayload) in a side table, as long as that is the smaller form: 16 bytes a row.
constexpr std::uint64_t kRowsToASideRow = 64;
// Types in a byte each, rare ones in 8 bytes in a side table.
constexpr std::uint64_t kRowsToASideType = 20;

constexpr std::string_view kBuiltinLoaders[] = {
    "jdk.internal.loader.ClassLoaders$AppClassLoader", "jdk.internal.loader.ClassLoaders$PlatformClassLoader",
    "jdk.internal.loader.ClassLoaders$BootClassLoader", "sun.misc.Launcher$AppClassLoader",
    "sun.misc.Launcher$ExtClassLoader"};

// ---- what a type is made of ----------------------------------------------------------------------------------
struct TypePlan {
  Key key;
  Layout layout{};                // of instances
  std::uint64_t size = 0;         // of one instance
  std::uint32_t elementBytes = 0; // of arrays
  bool hasRecord = true;          // its class, in the dump
  bool isFinal = false;           // derived from java.lang.ref.FinalReference
  bool classSlot = false;         // behind an instance's fields, before an array's elements
};

class HprofLoader {
 public:
  HprofLoader(const SourceBytes& bytes, const LoadOptions& options, const LoadStages& stages, SnapshotState& state)
      : source_(bytes), options_(options), stages_(stages), state_(state), policy_(options.policy) {}

  void run() {
    readFirst();
    planTypes();
    declareStrengths();
    if (options_.references) {
      EdgeTableBuilder builder(state_.objects);
      builder.leaveSlotsUnnumbered();
      readObjects(&builder);
      const Work work = stages_.stage("edges", kReadEnd, kEdgesEnd);
      state_.edgeCount = builder.finish(state_.edges, work).edges;
    } else {
      readObjects(nullptr);
    }
    placeThreads();
    placeRoots();
    if (policy_ == Policy::kVisualvm && options_.references) {
      const Work work = stages_.stage("edges", kEdgesEnd, kEdgesEnd);
      applyVisualvm(state_, visualvmRoots_, classObjectsOfTypes(), *details_, work);
      declareStrengths();
    }
    describeProcess();
    reopenForTexts();
    const bool wholeDump = first_->wholeDump;
    first_.reset();
    if (options_.references) computeGraph(state_, options_, stages_, kEdgesEnd, 1);
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
    HprofStream stream(source_, work.threads > 1);
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
                        counts_.dumps == 1 ? fmt::format("the file holds one dump, and number {} was asked for", options_.dump)
                                           : fmt::format("the file holds {} dumps, and number {} was asked for", counts_.dumps, options_.dump)};
    FirstPass::Dump& taken = first_->taken;
    auto ids = std::make_shared<const AddressSet>(taken.ids.finish());
    state_.objects = ids->size();
    state_.addresses.set = details_->ids = std::move(ids);
    countLoss("records of objects that came before", taken.repeated.size());
    for (const Key key : taken.keys)
      if (key.shape() == Shape::kInstance) classes().at(key.number()).observedBytes = taken.seen[key.word].observedBytes;
    classes().resolve();
  }

  // ---- types and sizes -------------------------------------------------------------------------------------
  // Class objects are instances of java.lang.Class.
  Key typeKey(Key key) const {
    if (key.shape() != Shape::kClass) return key;
    return classOfClasses_ == kNone ? Key::of(Shape::kClass, 0) : Key::of(Shape::kInstance, classOfClasses_);
  }
  // kNone: the first pass saw no such object. Threads: any number.
  std::uint32_t knownType(Key key) const {
    const std::uint32_t row = typeKey(key).word;
    return row < typeByKey_.size() ? typeByKey_[row] : kNone;
  }
  std::uint32_t typeOf(Key key) {
    key = typeKey(key);
    const std::uint32_t row = key.word;
    if (row >= typeByKey_.size()) typeByKey_.resize(std::size_t{row} + 1, kNone);
    std::uint32_t& type = typeByKey_[row];
    if (type == kNone) {
      type = static_cast<std::uint32_t>(plans_.size());
      plans_.push_back({.key = key});
    }
    return type;
  }

  // Which types there are, and how large their objects were.
  void planTypes() {
    const FirstPass::Dump& taken = first_->taken;
    const AddressSet& ids = *details_->ids;
    classOfClasses_ = classes().named("java.lang.Class", details_->names).value_or(kNone);
    typeByKey_.assign(std::size_t{classes().size()} * 4, kNone);
    // The most frequent ones first, so that most objects can have theirs in a byte.
    std::vector<Key> keys = taken.keys;
    std::stable_sort(keys.begin(), keys.end(), [&](Key a, Key b) { return taken.seen[a.word].objects > taken.seen[b.word].objects; });
    for (const Key key : keys) {
      const std::uint32_t type = typeOf(key);
      if (type >= NarrowColumn::kInSide) rareObjects_ += taken.seen[key.word].objects;
    }

    SizeDetector detector(head_.idSize);
    for (const ArrayRow& array : taken.arrays.rows()) {
      const std::uint32_t index = ids.indexOf(array.id);
      if (index == AddressSet::kMissing || index + 1 >= state_.objects) continue;
      detector.see(array.key.shape(), sizeOfType(static_cast<std::uint8_t>(array.key.number()), head_.idSize), array.count,
                   ids[index + 1] - array.id);
    }
    rules_ = detector.rules(state_.objects == 0 ? 0 : ids[state_.objects - 1], taken.idBits | taken.firstId, state_.objects);
    if (policy_ == Policy::kVisualvm) {
      // The library knows one rule: a header of an id and a reference, 4 bytes more for arrays, units of 8.
      rules_.header = head_.idSize + rules_.reference;
      rules_.arrayHeader = rules_.header + 4;
      rules_.alignment = 8;
    }
    std::vector<std::uint64_t> builtin;
    for (const auto& [number, id] : taken.firstInstances) {
      const std::string name = className(number);
      if (std::find(std::begin(kBuiltinLoaders), std::end(kBuiltinLoaders), name) != std::end(kBuiltinLoaders)) builtin.push_back(id);
    }
    std::sort(builtin.begin(), builtin.end());
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
      plan.hasRecord = info.hasRecord;
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

  // Of arrays: `count` elements. Of Class objects: with their static fields.
  std::uint64_t sizeOf(const TypePlan& plan, Key key, std::uint32_t count) const {
    switch (key.shape()) {
      case Shape::kClass: {
        if (policy_ == Policy::kVisualvm) return 0;  // as instances the library does not count them
        std::uint64_t primitive = plan.layout.primitiveBytes, references = plan.layout.references.size();
        for (const StaticField& field : details_->classes[key.number()].statics) {
          if (field.type == kObjectField) ++references;
          else primitive += sizeOfType(field.type, head_.idSize);
        }
        return rules_.instance(primitive, references);
      }
      case Shape::kInstance: return plan.size;
      default: return rules_.array(count, plan.elementBytes);
    }
  }

  // Policy mat: locals are no roots but references of their thread.
  void planThreadLocals() {
    if (policy_ != Policy::kMat) return;
    for (const RootRow& root : first_->taken.roots)
      if (root.tag == kRootThreadObject && details_->indexOf(root.object) != AddressSet::kMissing)
        threadWithLocals_.emplace(root.thread, root.object);
    for (const RootRow& root : first_->taken.roots) {
      if (root.tag == kRootThreadObject || !belongsToThread(root.tag)) continue;
      const auto thread = threadWithLocals_.find(root.thread);
      if (thread != threadWithLocals_.end()) threadLocals_.emplace_back(thread->second, root.object);
    }
    std::sort(threadLocals_.begin(), threadLocals_.end());
    threadLocals_.erase(std::unique(threadLocals_.begin(), threadLocals_.end()), threadLocals_.end());
  }

  // ---- second pass -----------------------------------------------------------------------------------------
  struct Columns {
    NarrowColumnFiller types, sizes;
    std::uint32_t firstRareType;  // from here on types stand in a table of their own
  };
  // What one thread has found, of all pieces of the file it took.
  struct Found {
    std::vector<Details::Checkpoint> checkpoints;
    std::vector<Details::ExtraSlot> extraSlots;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> classObjects;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> largeSizes;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> rareTypes;
    std::vector<std::uint64_t> toFinalize;
    std::uint64_t missing = 0, withoutLayout = 0, cutShort = 0;
    struct Recent {
      std::uint64_t cls = 0;
      std::uint32_t type = kNone;
    };
    std::array<Recent, 4096> instances{}, arrays{};  // types by class
  };
  // Threads: one. One piece of the file, from a place on.
  template <bool kReferences>
  struct SecondPass : NoRecords {
    SecondPass(HprofLoader& l, const Work& w, Columns& c, Found& f, EdgeTableBuilder::Writer* writer, std::uint64_t firstRecord)
        : loader(l), ids(*l.details_->ids), work(w), columns(c), found(f), record(firstRecord),
          sizeShift(l.state_.sizes.unitShift), mixedTraces(l.differentTraces_) {
      if constexpr (kReferences) batch.emplace(ids, *writer);
      const auto& all = loader.first_->taken.repeated;
      repeated = std::lower_bound(all.begin(), all.end(), record);
    }
    HprofLoader& loader;
    const AddressSet& ids;
    const Work& work;
    Columns& columns;
    Found& found;
    std::optional<ReferenceBatch> batch;  // none without references
    std::vector<std::uint64_t>::const_iterator repeated;
    std::uint64_t record;
    const unsigned sizeShift;
    const bool mixedTraces;
    bool over = false, checkpointDue = true;  // over: another dump has begun
    std::uint64_t sinceCheckpoint = 0;
    std::uint32_t lastIndex = AddressSet::kMissing;
    // Of the array whose elements follow.
    std::uint32_t arrayIndex = AddressSet::kMissing;
    std::uint64_t elementsAt = 0;

    void beginDump() { over = true; }
    void beginSegment() { checkpointDue = true; }
    // The index of the object whose record this is; kMissing: it came before.
    std::uint32_t take(std::uint64_t id, std::uint64_t at) {
      const FirstPass::Dump& taken = loader.first_->taken;
      if (record >= taken.records) throw FileChanged{};
      const bool again = repeated != taken.repeated.end() && *repeated == record;
      ++record;
      if (again) {
        ++repeated;
        checkpointDue = true;
        return AddressSet::kMissing;
      }
      const std::uint32_t index = ids.indexOf(id);
      if (index == AddressSet::kMissing) throw FileChanged{};
      if (checkpointDue || index != lastIndex + 1 || sinceCheckpoint >= Details::kCheckpointRows) {
        found.checkpoints.push_back({index, at});
        checkpointDue = false;
        sinceCheckpoint = 0;
      }
      ++sinceCheckpoint;
      lastIndex = index;
      return index;
    }
    const TypePlan& describe(std::uint32_t index, std::uint32_t type, Key key, std::uint32_t count) {
      const TypePlan& plan = loader.plans_[type];
      columns.types.set(index, std::min(type, columns.firstRareType));
      if (type >= columns.firstRareType) [[unlikely]] found.rareTypes.emplace_back(index, type);
      const std::uint64_t size = loader.sizeOf(plan, key, count), units = size >> sizeShift;
      const std::uint32_t mark = loader.state_.sizes.sideMark;
      columns.sizes.set(index, static_cast<std::uint32_t>(std::min<std::uint64_t>(units, mark)));
      if (units >= mark) found.largeSizes.emplace_back(index, size);
      return plan;
    }
    std::uint32_t typeOf(std::array<typename Found::Recent, 4096>& recent, Shape shape, std::uint64_t cls) {
      typename Found::Recent& row = recent[(cls >> 3) % recent.size()];
      if (row.type == kNone || row.cls != cls) {
        const auto number = loader.details_->classes.find(cls);
        if (!number) throw FileChanged{};
        row = {cls, loader.knownType(Key::of(shape, *number))};
        if (row.type == kNone) throw FileChanged{};
      }
      return row.type;
    }

    void classDump(const ClassRecord& dumped, std::uint64_t at) {
      if (over) return;
      const std::uint32_t index = take(dumped.id, at);
      if (index == AddressSet::kMissing) return;
      const ClassTable& classes = loader.details_->classes;
      const auto number = classes.find(dumped.id);
      if (!number) throw FileChanged{};
      const Key key = Key::of(Shape::kClass, *number);
      const std::uint32_t type = loader.knownType(key);
      if (type == kNone) throw FileChanged{};
      describe(index, type, key, 0);
      found.classObjects.emplace_back(index, *number);
      if constexpr (kReferences) {
        const std::uint64_t classOfClasses = loader.classOfClasses_ == kNone ? 0 : classes[loader.classOfClasses_].id;
        batch->begin(index);
        for (const ClassSlot& row : classSlots(classes[*number], loader.policy_, classOfClasses)) batch->add(row.value);
      }
    }
    void instance(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::span<const std::byte> values, std::uint64_t at) {
      if (over) return;
      const std::uint32_t index = take(id, at);
      if (index == AddressSet::kMissing) return;
      const std::uint32_t type = typeOf(found.instances, Shape::kInstance, cls);
      const TypePlan& plan = describe(index, type, Key::of(Shape::kInstance, 0), 0);
      if constexpr (kReferences) {
        const unsigned idSize = loader.head_.idSize;
        if (!plan.layout.references.empty() || plan.classSlot) {
          batch->begin(index);
          if (values.size() >= plan.layout.recordBytes) {
            for (const ReferenceField& field : plan.layout.references) batch->add(loadId(values.data() + field.offset, idSize));
          } else {
            for (const ReferenceField& field : plan.layout.references)
              batch->add(field.offset + idSize <= values.size() ? loadId(values.data() + field.offset, idSize) : 0);
          }
          if (plan.classSlot) batch->add(cls);
        }
        if (!loader.threadLocals_.empty()) addThreadLocals(index, id, plan.layout.references.size() + plan.classSlot);
        if (plan.isFinal) finalizer(type, plan, values);
      }
      found.cutShort += values.size() < plan.layout.recordBytes;
      found.withoutLayout += !plan.hasRecord && !values.empty();
      if (mixedTraces) loader.allocatedAt(index, serial);
    }
    // Policy mat: behind the `own` slots of a thread with locals.
    void addThreadLocals(std::uint32_t index, std::uint64_t id, std::uint64_t own) {
      const auto& locals = loader.threadLocals_;
      auto from = std::lower_bound(locals.begin(), locals.end(), std::pair(id, std::uint64_t{0}));
      if (from == locals.end() || from->first != id) return;
      batch->begin(index, own);
      for (; from != locals.end() && from->first == id; ++from) {
        batch->add(from->second);
        found.extraSlots.push_back({index, "<Java local>"});
      }
    }
    // A FinalReference with a successor stands in the queue of those whose finalizer will run: the collector has found its
    // referent unreachable and keeps it, and all it reaches, until then.
    void finalizer(std::uint32_t typeNumber, const TypePlan& plan, std::span<const std::byte> values) {
      const TypeInfo& type = std::as_const(loader.state_).types[TypeIndex(typeNumber)];
      std::uint64_t referent = 0, next = 0;
      for (std::size_t i = 0; i < plan.layout.references.size(); ++i) {
        const ReferenceField& field = plan.layout.references[i];
        if (field.offset + loader.head_.idSize > values.size()) continue;
        const std::uint64_t value = loadId(values.data() + field.offset, loader.head_.idSize);
        if (type.fields[i].strength == Strength::kWeak) referent = value;
        // Finalizer has a `next` of its own, the list of all; the queue's is that of Reference, which stands later.
        if (type.fields[i].name == "next") next = value;
      }
      if (referent != 0 && next != 0) found.toFinalize.push_back(referent);
    }

    static constexpr bool kWantsElements = kReferences;
    void beginObjectArray(std::uint64_t id, std::uint32_t serial, std::uint64_t cls, std::uint32_t count, std::uint64_t at) {
      arrayIndex = AddressSet::kMissing;
      // The last array of a file that is cut: the first pass did not count it.
      if (over || record >= loader.first_->taken.records) return;
      arrayIndex = take(id, at);
      if (arrayIndex == AddressSet::kMissing) return;
      const std::uint32_t type = typeOf(found.arrays, Shape::kObjectArray, cls);
      const TypePlan& plan = describe(arrayIndex, type, Key::of(Shape::kObjectArray, 0), count);
      elementsAt = plan.classSlot ? 1 : 0;
      if constexpr (kReferences) {
        if (plan.classSlot) {
          batch->begin(arrayIndex);
          batch->add(cls);
        }
      }
      if (mixedTraces) loader.allocatedAt(arrayIndex, serial);
    }
    void elements(std::uint32_t first, const std::byte* elementIds, std::uint32_t count) {
      if (arrayIndex == AddressSet::kMissing) return;
      const unsigned idSize = loader.head_.idSize;
      batch->begin(arrayIndex, elementsAt + first);
      for (std::uint32_t i = 0; i < count; ++i) batch->add(loadId(elementIds + std::size_t{i} * idSize, idSize));
    }
    void primitiveArray(std::uint64_t id, std::uint32_t serial, std::uint8_t element, std::uint32_t count, std::uint64_t at) {
      if (over) return;
      const std::uint32_t index = take(id, at);
      if (index == AddressSet::kMissing) return;
      const Key key = Key::of(Shape::kPrimitiveArray, element);
      const std::uint32_t type = loader.knownType(key);
      if (type == kNone) throw FileChanged{};
      describe(index, type, key, count);
      if (mixedTraces) loader.allocatedAt(index, serial);
    }
    void progress(const HprofStream&) { work.throwIfStopped(); }
  };

  // Types, sizes and, with a builder, references.
  void readObjects(EdgeTableBuilder* builder) {
    const Work work = stages_.stage("edges", kFirstPassEnd, kReadEnd);
    const FirstPass::Dump& taken = first_->taken;
    planStacks();
    planThreadLocals();
    ShallowSizes& sizes = state_.sizes;
    sizes.unitShift = static_cast<unsigned>(std::countr_zero(rules_.alignment));
    const std::uint64_t few = 16 + state_.objects / kRowsToASideRow;
    sizes.sideMark = taken.largeArrays <= few ? 0xffu : taken.hugeArrays <= few ? 0xffffu : 0xffff'ffffu;
    const bool rareApart = plans_.size() > NarrowColumn::kInSide && rareObjects_ <= state_.objects / kRowsToASideType;
    Columns columns{NarrowColumnFiller(state_.objects, rareApart || plans_.empty() ? NarrowColumn::kInSide : static_cast<std::uint32_t>(plans_.size() - 1)),
                    NarrowColumnFiller(state_.objects, sizes.sideMark), rareApart ? std::uint32_t{NarrowColumn::kInSide} : AddressSet::kMissing};

    const std::vector<std::size_t> pieces = planPieces();
    const unsigned threads = std::max(1u, std::min(work.threads, static_cast<unsigned>(std::min<std::size_t>(pieces.size(), 64))));
    std::vector<std::unique_ptr<Found>> found;
    std::vector<EdgeTableBuilder::Writer*> writers;
    for (unsigned i = 0; i < threads; ++i) {
      found.push_back(std::make_unique<Found>());
      writers.push_back(builder == nullptr ? nullptr : &builder->writer());
    }
    Work some = work;
    some.threads = threads;
    forEachItem(some, pieces.size(), [&](unsigned worker, std::size_t item) {
      const bool last = item + 1 == pieces.size();
      const FirstPass::Dump::PlaceRow& from = taken.places[pieces[item]];
      const std::uint64_t end = last ? UINT64_MAX : taken.places[pieces[item + 1]].place.position;
      const std::uint64_t endRecord = last ? taken.records : taken.places[pieces[item + 1]].record;
      HprofStream stream(source_, details_->members, from.place.position, HprofStream::kBuffer);
      const auto read = [&](auto pass) {
        HprofParser<decltype(pass)> parser(stream, head_, pass);
        parser.runFrom(from.place, end);
        if (pass.batch) {
          pass.batch->flush();
          found[worker]->missing += pass.batch->missing();
        }
        if (pass.record != endRecord) throw FileChanged{};
      };
      if (builder != nullptr) read(SecondPass<true>(*this, work, columns, *found[worker], writers[worker], from.record));
      else read(SecondPass<false>(*this, work, columns, *found[worker], nullptr, from.record));
    });
    if (rareApart) {
      std::vector<std::pair<std::uint32_t, std::uint32_t>> rare;
      for (const auto& part : found) rare.insert(rare.end(), part->rareTypes.begin(), part->rareTypes.end());
      std::sort(rare.begin(), rare.end());
      rare.shrink_to_fit();
      state_.edges.types = columns.types.finishWith(std::move(rare));
    } else {
      state_.edges.types = columns.types.finish();
    }
    sizes.units = columns.sizes.finish();
    if (differentTraces_) state_.sites = NarrowColumn(Column<std::uint32_t>::owning(std::move(siteWords_)));
    gather(found);
    findOverlaps(work);
  }

  // Places at which threads begin, about as far apart as is worth it. In a .gz only such that little has to be inflated from the
  // beginning of their member, once more, to get there.
  std::vector<std::size_t> planPieces() const {
    const std::vector<FirstPass::Dump::PlaceRow>& places = first_->taken.places;
    const std::vector<GzipMember>& members = details_->members;
    const std::uint64_t length = members.empty() ? kPlainPiece : kGzipPiece;
    std::vector<std::size_t> pieces;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const std::uint64_t at = places[i].place.position;
      if (!pieces.empty()) {
        if (at - places[pieces.back()].place.position < length) continue;
        const auto member = std::upper_bound(members.begin(), members.end(), at,
                                             [](std::uint64_t wanted, const GzipMember& m) { return wanted < m.inflated; });
        if (member != members.begin() && at - std::prev(member)->inflated > kGzipPiece / 4) continue;
      }
      pieces.push_back(i);
    }
    return pieces;
  }

  void gather(const std::vector<std::unique_ptr<Found>>& found) {
    std::uint64_t missing = 0, withoutLayout = 0, cutShort = 0;
    const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    for (const auto& part : found) {
      missing += part->missing;
      withoutLayout += part->withoutLayout;
      cutShort += part->cutShort;
      append(details_->checkpoints, part->checkpoints);
      append(details_->extraSlots, part->extraSlots);
      append(details_->classObjects, part->classObjects);
      append(state_.sizes.side, part->largeSizes);
      append(toFinalize_, part->toFinalize);
    }
    const auto byObject = [](const auto& a, const auto& b) { return a.object < b.object; };
    std::sort(details_->checkpoints.begin(), details_->checkpoints.end(), byObject);
    details_->checkpoints.shrink_to_fit();
    std::stable_sort(details_->extraSlots.begin(), details_->extraSlots.end(), byObject);
    std::sort(details_->classObjects.begin(), details_->classObjects.end());
    std::sort(state_.sizes.side.begin(), state_.sizes.side.end());
    state_.sizes.side.shrink_to_fit();
    std::sort(toFinalize_.begin(), toFinalize_.end());
    countLoss("references to objects that are not in the dump", missing);
    countLoss("objects with less data than their class has fields", cutShort);
    countLoss("objects whose class has no record, so no fields", withoutLayout);
    state_.report.referencesMissing += withoutLayout + cutShort;
  }

  // Ids that are no addresses, or a virtual machine whose objects are smaller than any rule known here says.
  void findOverlaps(const Work& work) {
    std::atomic<bool> overlap{false};
    const std::uint32_t rows = state_.objects;
    Work silent = work;
    silent.progress = nullptr;
    forEachItem(silent, (std::size_t{rows} + kStepsBetweenChecks - 1) / kStepsBetweenChecks, [&](unsigned, std::size_t item) {
      const auto first = static_cast<std::uint32_t>(item * kStepsBetweenChecks);
      const auto last = static_cast<std::uint32_t>(std::min<std::uint64_t>(rows, std::uint64_t{first} + kStepsBetweenChecks + 1));
      std::uint64_t before = 0, size = 0;
      bool any = false;
      details_->ids->forEach(first, last, [&](std::uint32_t index, std::uint64_t address) {
        any |= index != first && address - before < size;
        before = address;
        size = state_.sizes[index];
      });
      if (any) overlap.store(true);
    });
    state_.addressesAscend = !overlap.load();
  }

  // ---- stacks of allocations -------------------------------------------------------------------------------
  // The JDK gives all objects one dummy trace; the old -agentlib:hprof and some other virtual machines give real ones.
  void planStacks() {
    state_.sitesTable.push_back(SiteInfo{});
    differentTraces_ = first_->taken.differentTraces;
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
    for (const RootRow& root : first_->taken.roots) {
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
    std::stable_sort(first_->taken.roots.begin(), first_->taken.roots.end(),
                     [](const RootRow& a, const RootRow& b) { return visualvmRank(a.tag) < visualvmRank(b.tag); });
    bool stickySeen = false;
    for (const RootRow& row : first_->taken.roots) {
      if (row.tag == kUnreachableRoot || row.object == 0) continue;
      stickySeen |= row.tag == kRootStickyClass;
      const std::uint32_t index = details_->indexOf(row.object);
      if (index == AddressSet::kMissing) {
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
      if (const std::uint32_t index = details_->indexOf(object); index != AddressSet::kMissing)
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
    std::vector<std::uint32_t> objects(plans_.size(), AddressSet::kMissing);
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].key.shape() != Shape::kInstance) continue;
      const std::uint32_t object = details_->indexOf(classes()[plans_[i].key.number()].id);
      if (object != AddressSet::kMissing && details_->classOfObject(object)) objects[i] = object;
    }
    return objects;
  }

  // ---- the rest --------------------------------------------------------------------------------------------
  void describeProcess() {
    ProcessInfo& process = state_.process;
    process.generator = head_.version;
    process.source = "Java heap dump";
    const std::uint64_t number = options_.dump != 0 ? options_.dump : counts_.dumps;
    state_.report.dumpNumber = number;
    state_.report.dumpsInFile = counts_.dumps;
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
      const std::uint32_t index = details_->indexOf(threadObjects_[i]);
      if (index != AddressSet::kMissing && state_.threads[i].name.empty())
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
  std::uint64_t rareObjects_ = 0;
  SizeRules rules_;
  std::unordered_map<std::uint32_t, std::uint64_t> threadWithLocals_;  // by serial; policy mat
  std::vector<std::pair<std::uint64_t, std::uint64_t>> threadLocals_;  // (thread, local), sorted; policy mat
  std::vector<std::uint64_t> toFinalize_;

  bool differentTraces_ = false;
  Buffer<std::uint32_t> siteWords_;
  std::unordered_map<std::uint32_t, std::uint32_t> stackOfTrace_;

  std::unordered_map<std::uint32_t, std::uint32_t> threadRows_, traceOfThread_;  // by serial
  std::vector<std::uint64_t> threadObjects_;                                    // by row
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
