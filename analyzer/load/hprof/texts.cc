#include "analyzer/load/hprof/texts.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/index/archive.h"

namespace openclaw::hprof {
namespace {

constexpr std::size_t kMostCharacters = 80;
constexpr std::size_t kTextBuffer = std::size_t{1} << 14;
// Farther inside a gzip member than this nothing is looked up: it would have to be inflated for each text.
constexpr std::uint64_t kFarthest = std::uint64_t{32} << 20;

// One record, copied as far as texts need it.
struct OneRecord : NoRecords {
  std::uint64_t id = 0, cls = 0;
  std::vector<std::byte> values;
  bool isInstance = false;
  std::uint8_t elementType = 0;  // 0: no array of primitives
  std::uint32_t count = 0;

  void instance(std::uint64_t object, std::uint32_t, std::uint64_t c, std::span<const std::byte> bytes, std::uint64_t) {
    id = object;
    cls = c;
    isInstance = true;
    elementType = 0;
    values.assign(bytes.begin(), bytes.end());
  }
  void primitiveArray(std::uint64_t object, std::uint32_t, std::uint8_t type, std::uint32_t n, std::uint64_t) {
    other(object);
    elementType = type;
    count = n;
  }
  void endObjectArray(std::uint64_t object, std::uint32_t, std::uint64_t, std::uint32_t, std::uint64_t) { other(object); }
  void classDump(const ClassRecord& record, std::uint64_t) { other(record.id); }
  void other(std::uint64_t object) {
    id = object;
    isInstance = false;
    elementType = 0;
  }
};

// Text on one line, in quotes.
std::string quoted(std::string_view text, bool cut) {
  std::string line = "\"";
  for (const char c : text) {
    if (c == '\n') line += "\\n";
    else if (c == '\t') line += "\\t";
    else if (c == '\r') line += "\\r";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) line += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    else line += c;
  }
  return line + (cut ? "…\"" : "\"");
}

class FileTexts {
 public:
  FileTexts(const SnapshotState& state, const Details& details) : state_(state), d_(details) {
    const auto number = [&](std::string_view name) { return d_.classes.named(name, d_.names).value_or(ClassInfo::kNone); };
    string_ = number("java.lang.String");
    thread_ = number("java.lang.Thread");
    enum_ = number("java.lang.Enum");
  }

  std::string describe(std::uint32_t object) const {
    if (const auto number = d_.classOfObject(object)) return d_.classes.nameOf(*number, d_.names);
    const std::uint32_t cls = d_.typeClasses[state_.edges.types[object]];
    if (cls == ClassInfo::kNone) return {};
    if (cls == string_) return stringText(object, true);
    for (const std::uint32_t named : {thread_, enum_})
      if (named != ClassInfo::kNone && d_.classes.isA(cls, named)) return nameOf(object);
    return {};
  }

 private:
  // The value of an instance's field `name`, the first of that name from its class upwards.
  std::optional<std::uint64_t> field(const OneRecord& record, std::string_view name) const {
    const auto number = d_.classes.find(record.cls);
    std::size_t offset = 0;
    std::uint32_t at = number ? *number : ClassInfo::kNone;
    for (unsigned depth = 0; at != ClassInfo::kNone && depth <= ClassTable::kMostAncestors; ++depth) {
      for (const InstanceField& f : d_.classes[at].fields) {
        const unsigned size = sizeOfType(f.type, d_.classes.idSize());
        if (offset + size > record.values.size()) return std::nullopt;
        if (d_.names.text(f.name) == name) {
          const std::byte* p = record.values.data() + offset;
          return size == 8 ? load64(p) : size == 4 ? load32(p) : size == 2 ? load16(p) : static_cast<std::uint64_t>(p[0]);
        }
        offset += size;
      }
      at = d_.classes[at].superNumber;
    }
    return std::nullopt;
  }

  // Reads the record of an object. `at`: where it stands.
  bool find(std::uint32_t object, OneRecord& record, std::uint64_t& at) const {
    if (d_.source == nullptr) return false;
    auto from = std::upper_bound(d_.checkpoints.begin(), d_.checkpoints.end(), object,
                                 [](std::uint32_t wanted, const Details::Checkpoint& c) { return wanted < c.object; });
    if (from == d_.checkpoints.begin()) return false;
    --from;
    if (!d_.members.empty()) {
      const auto member = std::upper_bound(d_.members.begin(), d_.members.end(), from->at,
                                           [](std::uint64_t wanted, const GzipMember& m) { return wanted < m.inflated; });
      if (member == d_.members.begin() || from->at - std::prev(member)->inflated > kFarthest) return false;
    }
    HprofStream stream(*d_.source, d_.members, from->at, kTextBuffer);
    Head head;
    head.idSize = d_.classes.idSize();
    HprofParser<OneRecord> parser(stream, head, record);
    const std::uint64_t wanted = state_.addresses[object];
    for (std::uint64_t i = 0; i < 4 * Details::kCheckpointRows; ++i) {  // roots stand between objects
      at = stream.position();
      record.id = 0;
      if (!parser.runOne()) return false;
      if (record.id == wanted) return true;
    }
    return false;
  }

  std::string nameOf(std::uint32_t object) const {
    OneRecord record;
    std::uint64_t at = 0;
    if (!find(object, record, at) || !record.isInstance) return {};
    const auto name = field(record, "name");
    if (!name) return {};
    const std::uint32_t text = d_.indexOf(*name);
    if (text == AddressSet::kMissing) return {};
    // Before Java 8 a thread's name was an array of characters.
    const std::uint32_t cls = d_.typeClasses[state_.edges.types[text]];
    return cls == string_ && cls != ClassInfo::kNone ? stringText(text, false) : arrayText(text, 0, 0, UINT32_MAX, false);
  }
  std::string stringText(std::uint32_t object, bool inQuotes) const {
    OneRecord record;
    std::uint64_t at = 0;
    if (!find(object, record, at) || !record.isInstance) return {};
    const auto value = field(record, "value");
    if (!value) return {};
    const std::uint32_t array = d_.indexOf(*value);
    if (array == AddressSet::kMissing) return {};
    const auto offset = field(record, "offset"), count = field(record, "count");  // Java 6 shared arrays
    return arrayText(array, static_cast<unsigned>(field(record, "coder").value_or(0)),
                     static_cast<std::uint32_t>(offset && count ? *offset : 0),
                     static_cast<std::uint32_t>(offset && count ? *count : UINT32_MAX), inQuotes);
  }
  // The characters of a byte[] (one byte each, or two in the order of an x86 processor) or char[] (as the file has it).
  std::string arrayText(std::uint32_t array, unsigned coder, std::uint32_t first, std::uint32_t count, bool inQuotes) const {
    OneRecord record;
    std::uint64_t at = 0;
    if (!find(array, record, at) || (record.elementType != kByte && record.elementType != kChar)) return {};
    HprofStream stream(*d_.source, d_.members, at, kTextBuffer);
    const std::size_t head = 1 + d_.classes.idSize() + 4 + 4 + 1;
    if (!stream.need(head) || stream.data()[0] != std::byte{kPrimitiveArray}) return {};  // Android leaves contents out
    stream.consume(head);
    const bool wide = record.elementType == kChar || coder == 1;
    const std::uint64_t perCharacter = record.elementType == kByte && wide ? 2 : 1;
    const std::uint64_t length = record.count / perCharacter;
    if (first > length) return {};
    const std::uint64_t wanted = std::min<std::uint64_t>(count, length - first);
    const auto shown = static_cast<std::size_t>(std::min<std::uint64_t>(wanted, kMostCharacters));
    const std::size_t width = wide ? 2 : 1;
    stream.skip(std::uint64_t{first} * width);
    if (!stream.need(shown * width)) return {};
    std::vector<std::byte> modified;  // as modified UTF-8, which textOf() makes whole
    const auto put = [&](std::uint32_t code) { modified.push_back(static_cast<std::byte>(code)); };
    for (std::size_t i = 0; i < shown; ++i) {
      const std::byte* p = stream.data() + i * width;
      std::uint32_t code = wide ? load16(p) : static_cast<std::uint32_t>(p[0]);
      if (wide && record.elementType == kByte) code = (code >> 8 | code << 8) & 0xffff;
      if (code < 0x80) {
        put(code);
      } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
      } else {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
      }
    }
    const std::string text = textOf(modified);
    return inQuotes ? quoted(text, shown < wanted) : text;
  }

  const SnapshotState& state_;
  const Details& d_;
  std::uint32_t string_ = ClassInfo::kNone, thread_ = ClassInfo::kNone, enum_ = ClassInfo::kNone;
};

template <class A, class D>
void archiveDetails(A& a, D& d) {
  a(d.names, d.classes, d.members, d.checkpoints, d.classObjects, d.typeClasses);
  std::vector<std::pair<std::uint32_t, std::string>> extraSlots;
  if constexpr (!A::kReads)
    for (const Details::ExtraSlot& slot : d.extraSlots) extraSlots.emplace_back(slot.object, slot.label);
  a(extraSlots);
  if constexpr (A::kReads)
    for (auto& [object, label] : extraSlots) d.extraSlots.push_back({object, *d.ownLabels.insert(std::move(label)).first});
}

class JavaObjectTexts final : public ObjectTexts {
 public:
  JavaObjectTexts(const SnapshotState& state, std::shared_ptr<const Details> details)
      : details_(std::move(details)), texts_(state, *details_) {}
  std::string describe(std::uint32_t object) const override { return texts_.describe(object); }
  std::size_t bytes() const override { return details_->bytes(); }
  TextsKind textsKind() const override { return TextsKind::kHprof; }
  void save(ArchiveWriter& a) const override {
    a(details_->classes.idSize());
    archiveDetails(a, *details_);
  }

 private:
  std::shared_ptr<const Details> details_;
  FileTexts texts_;
};

class JavaSlotTexts final : public SlotTexts {
 public:
  JavaSlotTexts(const SnapshotState& state, std::shared_ptr<const Details> details)
      : state_(state), details_(std::move(details)) {}
  std::string label(std::uint32_t source, std::uint32_t slot) const override {
    const Details& d = *details_;
    std::uint32_t own = state_.edges.slotCount(source);
    const auto extra = std::lower_bound(d.extraSlots.begin(), d.extraSlots.end(), source,
                                        [](const Details::ExtraSlot& s, std::uint32_t wanted) { return s.object < wanted; });
    auto end = extra;
    while (end != d.extraSlots.end() && end->object == source) ++end, --own;
    if (slot >= own && slot - own < static_cast<std::uint32_t>(end - extra)) return std::string((extra + (slot - own))->label);
    if (const auto number = d.classOfObject(source)) {
      const auto slots = classSlots(d.classes[*number], state_.policy, 0);
      if (slot >= slots.size()) return fmt::format("slot {}", slot);
      if (slots[slot].name == 0) return slots[slot].text;
      const std::string name = d.names.text(slots[slot].name);
      return name.empty() ? fmt::format("static #{}", slot) : "static " + name;
    }
    const TypeInfo& type = state_.types[TypeIndex(state_.edges.types[source])];
    if (slot < type.fields.size()) return type.fields[slot].name;
    return fmt::format("[{}]", slot - type.fields.size());
  }
  std::size_t bytes() const override { return 0; }  // counted with the objects' texts

 private:
  const SnapshotState& state_;
  std::shared_ptr<const Details> details_;
};

}  // namespace

void restoreTexts(ArchiveReader& archive, SnapshotState& state) {
  unsigned idSize = 0;
  archive(idSize);
  const auto details = std::make_shared<Details>(idSize);
  archiveDetails(archive, *details);
  if (state.addresses.set == nullptr) throw BrokenArchive{};
  details->ids = state.addresses.set;
  if (auto source = openFileSource(state.path)) details->source = std::move(*source);
  state.objectTexts = makeObjectTexts(state, details);
  state.slotTexts = makeSlotTexts(state, details);
}

std::optional<std::uint32_t> Details::classOfObject(std::uint32_t object) const {
  const auto at = std::lower_bound(classObjects.begin(), classObjects.end(), object,
                                   [](const auto& pair, std::uint32_t wanted) { return pair.first < wanted; });
  if (at == classObjects.end() || at->first != object) return std::nullopt;
  return at->second;
}

std::size_t Details::bytes() const {
  return names.bytes() + checkpoints.size() * sizeof(Checkpoint) +
         classObjects.size() * sizeof(classObjects[0]) + extraSlots.size() * sizeof(ExtraSlot) +
         classes.size() * (sizeof(ClassInfo) + 64);
}

std::vector<ClassSlot> classSlots(const ClassInfo& info, Policy policy, std::uint64_t classOfClasses) {
  std::vector<ClassSlot> slots;
  if (policy != Policy::kVisualvm) {
    slots.push_back({0, "<super>", info.super});
    slots.push_back({0, "<loader>", info.loader});
    slots.push_back({0, "<signers>", info.signers});
    slots.push_back({0, "<domain>", info.domain});
    for (const std::uint64_t constant : info.constants) slots.push_back({0, "<constant>", constant});
  }
  for (const StaticField& field : info.statics)
    if (field.type == kObjectField) slots.push_back({field.name, "<static>", field.value});
  if (policy == Policy::kVisualvm) slots.push_back({0, "<loader>", info.loader});
  if (policy == Policy::kMat) slots.push_back({0, "<class>", classOfClasses});
  return slots;
}

std::size_t countClassSlots(const ClassInfo& info, Policy policy) {
  const auto statics = static_cast<std::size_t>(std::count_if(
      info.statics.begin(), info.statics.end(), [](const StaticField& field) { return field.type == kObjectField; }));
  if (policy == Policy::kVisualvm) return statics + 1;
  return 4 + info.constants.size() + statics + (policy == Policy::kMat);
}

std::unique_ptr<ObjectTexts> makeObjectTexts(const SnapshotState& state, std::shared_ptr<const Details> details) {
  return std::make_unique<JavaObjectTexts>(state, std::move(details));
}
std::unique_ptr<SlotTexts> makeSlotTexts(const SnapshotState& state, std::shared_ptr<const Details> details) {
  return std::make_unique<JavaSlotTexts>(state, std::move(details));
}

}  // namespace openclaw::hprof
