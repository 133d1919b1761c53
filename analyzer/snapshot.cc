#include "analyzer/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/snapshot_state.h"
#include "format/frame.h"

namespace openclaw {
namespace {

constexpr std::uint32_t kNarrowStack = 0x8000u;

// The site column's value with the stack mark in bit 31, however wide it is kept.
std::uint32_t siteWord(const NarrowColumn& sites, std::size_t row) {
  if (sites.size() == 0) return 0;
  const std::uint32_t word = sites[row];
  if (!sites.isNarrow() || (word & kNarrowStack) == 0) return word;
  return (word & ~kNarrowStack) | kSiteIsStack;
}

}  // namespace

std::uint64_t AddressColumn::operator[](std::size_t row) const {
  if (set != nullptr) return (*set)[static_cast<std::uint32_t>(row)];
  if (!wide.empty()) return wide[row];
  const Segment* segment = segments.data();
  if (segments.size() > 1)
    segment = &*std::prev(std::upper_bound(segments.begin(), segments.end(), row,
                                           [](std::size_t r, const Segment& s) { return r < s.firstRow; }));
  return segment->base + (std::uint64_t{units[row]} << unitShift);
}

std::uint32_t AddressColumn::countUpTo(std::uint64_t address) const {
  if (set != nullptr) return set->countUpTo(address);
  std::uint32_t low = 0, high = static_cast<std::uint32_t>(size());
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if ((*this)[middle] <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

SnapshotBuilder::SnapshotBuilder() {
  struct Constructible : Snapshot {};
  snapshot_ = std::make_shared<Constructible>();
}
SnapshotBuilder::~SnapshotBuilder() = default;

Snapshot::Snapshot() : state_(std::make_unique<SnapshotState>()) {}
Snapshot::~Snapshot() = default;

std::uint32_t Snapshot::objectCount() const { return state_->objects; }
Address Snapshot::address(ObjectIndex object) const { return Address(state_->addresses[object.value]); }
Bytes Snapshot::size(ObjectIndex object) const { return Bytes(state_->sizes[object.value]); }
TypeIndex Snapshot::type(ObjectIndex object) const { return TypeIndex(state_->edges.types[object.value]); }

SiteIndex Snapshot::site(ObjectIndex object) const {
  const std::uint32_t word = siteWord(state_->sites, object.value);
  return (word & kSiteIsStack) == 0 ? SiteIndex(word) : state_->stacks[StackIndex(word & ~kSiteIsStack)].site;
}

std::optional<StackIndex> Snapshot::stack(ObjectIndex object) const {
  const std::uint32_t word = siteWord(state_->sites, object.value);
  if ((word & kSiteIsStack) == 0) return std::nullopt;
  return StackIndex(word & ~kSiteIsStack);
}

std::uint8_t Snapshot::age(ObjectIndex object) const {
  return state_->ageAndFlags.empty() ? 0 : static_cast<std::uint8_t>(state_->ageAndFlags[object.value] >> 5);
}
std::uint8_t Snapshot::flags(ObjectIndex object) const {
  return state_->ageAndFlags.empty() ? 0 : static_cast<std::uint8_t>(state_->ageAndFlags[object.value] & 31);
}

Bytes Snapshot::external(ObjectIndex object) const {
  const auto& rows = state_->external;
  const auto at = std::lower_bound(rows.begin(), rows.end(), object.value,
                                   [](const auto& row, std::uint32_t wanted) { return row.first < wanted; });
  return Bytes(at != rows.end() && at->first == object.value ? at->second : 0);
}

namespace {
DeclaredBoundInfo boundOf(std::uint64_t word) { return {word & ~kBoundIsObjects, (word & kBoundIsObjects) != 0}; }
}  // namespace

std::optional<DeclaredBoundInfo> Snapshot::declaredBound(ObjectIndex object) const {
  const auto& rows = state_->bounds;
  const auto at = std::lower_bound(rows.begin(), rows.end(), object.value,
                                   [](const auto& row, std::uint32_t wanted) { return row.first < wanted; });
  if (at == rows.end() || at->first != object.value) return std::nullopt;
  return boundOf(at->second);
}
bool Snapshot::hasDeclaredBounds() const { return !state_->bounds.empty(); }
std::vector<std::pair<ObjectIndex, DeclaredBoundInfo>> Snapshot::declaredBounds() const {
  std::vector<std::pair<ObjectIndex, DeclaredBoundInfo>> all;
  for (const auto& [object, word] : state_->bounds) all.emplace_back(ObjectIndex(object), boundOf(word));
  return all;
}

std::optional<ObjectIndex> Snapshot::objectAt(Address wanted) const {
  // The last object that begins at or below the address; cells may begin with a header below their object's
  // address, which belongs to nobody here.
  if (!state_->addressesAscend) {   // a number, not a place
    if (const AddressSet* set = state_->addresses.set.get(); set != nullptr) {
      const std::uint32_t object = set->indexOf(wanted.value);
      return object == AddressSet::kMissing ? std::nullopt : std::optional(ObjectIndex(object));
    }
    for (std::uint32_t object = 0; object < state_->objects; ++object)
      if (state_->addresses[object] == wanted.value) return ObjectIndex(object);
    return std::nullopt;
  }
  const std::uint32_t after = state_->addresses.countUpTo(wanted.value);
  if (after == 0) return std::nullopt;
  const ObjectIndex candidate(after - 1);
  if (wanted.value - address(candidate).value >= size(candidate).value) return std::nullopt;
  return candidate;
}

EdgeCursor Snapshot::edgesFrom(ObjectIndex object) const {
  if (state_->edges.lists.rows() == 0) return {};
  return EdgeCursor(state_->edges.slots(object.value));
}
EdgeCursor Snapshot::edgesTo(ObjectIndex object) const {
  if (state_->back.lists.rows() == 0) return {};
  return EdgeCursor(state_->back.lists.slots(object.value));
}
std::uint64_t Snapshot::edgeCount() const { return state_->edgeCount; }
Strength Snapshot::strengthOf(ObjectIndex source, std::uint32_t slot) const {
  return state_->edges.strengthOf(source.value, slot);
}
Strength Snapshot::strengthOf(ObjectIndex source, const EdgeCursor& edge) const {
  return state_->edges.strengthOf(source.value, edge.slots_);
}
std::uint32_t Snapshot::slotCount(ObjectIndex object) const {
  return state_->edges.lists.rows() == 0 ? 0 : state_->edges.slotCount(object.value);
}

std::string Snapshot::labelOf(ObjectIndex source, std::uint32_t slot) const {
  if (state_->slotTexts != nullptr) return state_->slotTexts->label(source.value, slot);
  if (!state_->labels.empty()) {
    const std::uint32_t label = state_->labels[state_->edges.firstSlot(source.value) + slot];
    if (label != 0 && label - 1 < state_->labelTexts.size()) return state_->labelTexts[label - 1];
  }
  const TypeInfo& type = state_->types[this->type(source)];
  if (slot < type.fields.size()) return type.fields[slot].name;
  const std::size_t fields = type.elementFields.size();
  if (fields == 0 && state_->kind == DumpKind::kOpenclaw) return fmt::format("slot {}", slot);
  if (fields == 0) return fmt::format("[{}]", slot - type.fields.size());
  const std::size_t index = slot - type.fields.size();
  const std::string& name = type.elementFields[index % fields].name;
  return name.empty() ? fmt::format("[{}]", index / fields) : fmt::format("[{}].{}", index / fields, name);
}

bool Snapshot::reachable(ObjectIndex object) const {
  if (!state_->dominator.empty()) return state_->dominator[object.value] != kUnreachable;
  return !state_->reachable.empty() && state_->reachable[object.value] != 0;
}
std::optional<ObjectIndex> Snapshot::dominator(ObjectIndex object) const {
  if (state_->dominator.empty()) return std::nullopt;
  const std::uint32_t dominator = state_->dominator[object.value];
  if (dominator == kUnreachable || dominator == kRootsOnly) return std::nullopt;
  return ObjectIndex(dominator);
}
Bytes Snapshot::retained(ObjectIndex object) const {
  return Bytes(state_->retained.empty() ? 0 : state_->retained[object.value]);
}
bool Snapshot::knowsRetained() const { return !state_->dominator.empty() || state_->objects == 0; }
bool Snapshot::isRoot(ObjectIndex object) const {
  const auto& roots = state_->roots;
  const auto at =
      std::lower_bound(roots.begin(), roots.end(), object,
                       [](const RootInfo& root, ObjectIndex wanted) { return root.object < wanted; });
  return at != roots.end() && at->object == object;
}

std::span<const std::uint32_t> Snapshot::dominatedBy(std::optional<ObjectIndex> parent) const {
  const std::span<const std::uint32_t> all = state_->dominated.span();
  const std::uint32_t group = parent ? parent->value : kRootsOnly;
  const auto first = std::lower_bound(
      all.begin(), all.end(), group,
      [&](std::uint32_t object, std::uint32_t wanted) { return state_->dominator[object] < wanted; });
  const auto last = std::upper_bound(
      first, all.end(), group,
      [&](std::uint32_t wanted, std::uint32_t object) { return wanted < state_->dominator[object]; });
  return all.subspan(static_cast<std::size_t>(first - all.begin()), static_cast<std::size_t>(last - first));
}

const IndexedVector<TypeIndex, TypeInfo>& Snapshot::types() const { return state_->types; }
const IndexedVector<SiteIndex, SiteInfo>& Snapshot::sites() const { return state_->sitesTable; }
const IndexedVector<StackIndex, StackInfo>& Snapshot::stacks() const { return state_->stacks; }
const std::vector<RootInfo>& Snapshot::roots() const { return state_->roots; }
const std::vector<ArenaInfo>& Snapshot::arenas() const { return state_->arenas; }
const IndexedVector<RegionIndex, RegionRecord>& Snapshot::regions() const { return state_->regions; }
const std::vector<FloatingInfo>& Snapshot::floating() const { return state_->floating; }
const std::vector<ThreadInfo>& Snapshot::threads() const { return state_->threads; }
const std::vector<PauseInfo>& Snapshot::pauses() const { return state_->pauses; }
std::uint64_t Snapshot::pausesTotal() const { return state_->pausesTotal; }
const std::vector<SettingInfoRow>& Snapshot::settings() const { return state_->settings; }
const std::vector<SettingChangeInfo>& Snapshot::settingChanges() const { return state_->settingChanges; }
const std::vector<ModuleInfo>& Snapshot::modules() const { return state_->modules; }
const std::vector<std::pair<std::string, std::uint64_t>>& Snapshot::counters() const {
  return state_->counters;
}
std::optional<std::uint64_t> Snapshot::counter(std::string_view name) const {
  for (const auto& [known, value] : state_->counters)
    if (known == name) return value;
  return std::nullopt;
}
const ProcessInfo& Snapshot::process() const { return state_->process; }
std::span<const CodeFrame> Snapshot::symbol(std::uint64_t pc) const {
  const auto at = state_->symbols.find(pc);
  if (at == state_->symbols.end()) return {};
  return at->second;
}
std::uint64_t Snapshot::stackMeanInterval() const { return state_->stackMeanInterval; }
std::uint64_t Snapshot::stopNanoseconds() const { return state_->stopNanoseconds; }
DumpKind Snapshot::kind() const { return state_->kind; }
Policy Snapshot::policy() const { return state_->policy; }
bool Snapshot::idsAreAddresses() const { return state_->addressesAscend; }
std::string Snapshot::description(ObjectIndex object) const {
  return state_->objectTexts == nullptr ? std::string() : state_->objectTexts->describe(object.value);
}
const std::string& Snapshot::path() const { return state_->path; }
const LoadReport& Snapshot::report() const { return state_->report; }

std::vector<std::pair<std::string, std::size_t>> Snapshot::memoryByPart() const {
  const SnapshotState& s = *state_;
  return {{"addresses", s.addresses.bytes()},
          {"sizes", s.sizes.bytes()},
          {"types", s.edges.types.bytes()},
          {"sites", s.sites.bytes()},
          {"agesAndFlags", s.ageAndFlags.bytes() + s.external.size() * sizeof(s.external[0])},
          {"references", s.edges.bytes() + s.labels.bytes()},
          {"referrers", s.back.lists.bytes()},
          {"dominators", s.dominator.bytes() + s.reachable.bytes()},
          {"retainedSizes", s.retained.bytes()},
          {"dominated", s.dominated.bytes()},
          {"texts", (s.objectTexts ? s.objectTexts->bytes() : 0) + (s.slotTexts ? s.slotTexts->bytes() : 0)}};
}
std::size_t Snapshot::memoryBytes() const {
  std::size_t sum = 0;
  for (const auto& [part, bytes] : memoryByPart()) sum += bytes;
  return sum;
}

bool LoadReport::complete() const {
  return file.complete() && losses.empty() && referencesMissing == 0 && objectsMissing == 0;
}

std::string LoadReport::sentence() const {
  std::vector<std::string> parts;
  if (complete()) parts.push_back("complete");
  if (!file.complete()) {
    // Rounded down: "100.0 %" would deny the loss.
    const double percent = static_cast<double>(static_cast<std::uint64_t>(file.fractionRead() * 1000)) / 10;
    parts.push_back(fmt::format("{:.1f} % of the file read", percent));
  }
  if (file.headerDamaged) parts.push_back("the file header is damaged");
  if (!file.endSeen) parts.push_back("the dump was not finished (no end frame)");
  const auto count = [&](std::uint64_t n, std::string_view one, std::string_view many) {
    if (n != 0) parts.push_back(fmt::format("{} {}", withSeparators(n), n == 1 ? one : many));
  };
  count(file.damagedFrames, "frame damaged", "frames damaged");
  count(file.missingFrames, "frame missing", "frames missing");
  count(file.conflictingFrames, "frame with the number of another one ignored", "frames with numbers of other ones ignored");
  count(file.duplicateFrames, "duplicate frame ignored", "duplicate frames ignored");
  count(file.unknownFrames, "frame of an unknown kind skipped", "frames of unknown kinds skipped");
  if (file.minorVersion > kFormatMinor)
    parts.push_back(fmt::format("written as version {}.{}: what it has more is not shown", kFormatVersion, file.minorVersion));
  count(objectsMissing, "object missing", "objects missing");
  count(referencesMissing, "object without its references", "objects without their references");
  for (const auto& [name, n] : losses) parts.push_back(fmt::format("{}: {}", name, withSeparators(n)));
  if (objectsMissing != 0 || referencesMissing != 0) parts.push_back("retained sizes are lower bounds");
  if (parts.empty()) parts.push_back("complete, with remarks");
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace openclaw
