#include "runtime/type_table.h"

#include <algorithm>
#include <memory>
#include <mutex>

#include "format/check.h"

namespace openclaw {

constinit TraceMap TypeTable::traceMaps_[kMaxTypes];

namespace {

// Written under the mutex, read without: a row is complete before size_ passes it.
constinit std::mutex gMutex;
constinit std::atomic<std::uint32_t> gSize{1};
constinit const TypeInfo* gInfos[TypeTable::kMaxTypes] = {};
const TypeInfo kNoType{};

// Strong offsets, then weak ones. Lives as long as the process.
const std::uint32_t* offsetsOf(const std::vector<TypeInfo::Field>& fields, std::uint32_t& strong, std::uint32_t& weak) {
  strong = weak = 0;
  for (const auto& field : fields) (field.strength == Strength::kWeak ? weak : strong)++;
  if (fields.empty()) return nullptr;
  auto* offsets = new std::uint32_t[fields.size()];
  std::uint32_t nextStrong = 0, nextWeak = strong;
  for (const auto& field : fields) offsets[field.strength == Strength::kWeak ? nextWeak++ : nextStrong++] = field.offset;
  return offsets;
}

std::vector<FieldRecord> recordsOf(const std::vector<TypeInfo::Field>& fields) {
  std::vector<FieldRecord> records;
  for (const auto& field : fields) records.push_back({field.name, field.offset, field.strength, field.targetType});
  return records;
}

}  // namespace

std::uint16_t TypeTable::add(TypeInfo&& given) {
  // Types are never forgotten: objects and dumps refer to them until the process ends.
  auto* info = new TypeInfo(std::move(given));
  auto byOffset = [](const TypeInfo::Field& a, const TypeInfo::Field& b) { return a.offset < b.offset; };
  std::sort(info->fields.begin(), info->fields.end(), byOffset);
  std::sort(info->elementFields.begin(), info->elementFields.end(), byOffset);
  for (std::size_t i = 0; i < info->fields.size(); ++i) {
    OPENCLAW_CHECK(info->fields[i].offset + 8 <= info->size && info->fields[i].offset % 8 == 0, info->fields[i].offset, info->size);
    OPENCLAW_CHECK(i == 0 || info->fields[i - 1].offset + 8 <= info->fields[i].offset, info->fields[i].offset);
  }
  info->fieldRecords = recordsOf(info->fields);
  info->elementFieldRecords = recordsOf(info->elementFields);
  TypeRecord& record = info->record;
  record.name = info->name;
  record.size = info->size;
  record.fields = info->fieldRecords;
  record.elementSize = info->elementSize;
  record.elementOffset = info->elementOffset;
  record.elementFields = info->elementFieldRecords;
  record.hasDestructor = info->destroy != nullptr;
  record.pointerFree = info->pointerFree();
  record.isText = info->isText;
  record.externalOffset = info->externalOffset;

  TraceMap map;
  map.strong = offsetsOf(info->fields, map.strongCount, map.weakCount);
  map.element = offsetsOf(info->elementFields, map.elementStrong, map.elementWeak);
  if (!info->elementFields.empty()) {
    map.elementSize = info->elementSize;
    map.elementOffset = info->elementOffset;
    map.lengthOffset = info->lengthOffset;
  }

  std::lock_guard lock(gMutex);
  const std::uint32_t id = gSize.load(std::memory_order_relaxed);
  OPENCLAW_CHECK(id < kMaxTypes, id);
  gInfos[id] = info;
  traceMaps_[id] = map;
  gSize.store(id + 1, std::memory_order_release);
  return static_cast<std::uint16_t>(id);
}

std::uint32_t TypeTable::size() noexcept { return gSize.load(std::memory_order_acquire); }

const TypeInfo& TypeTable::info(std::uint32_t id) noexcept {
  return id != 0 && id < size() ? *gInfos[id] : kNoType;
}

void TypeBuilder::add(std::string_view fieldName, std::size_t offset, Strength strength, std::string_view target) {
  std::string full = prefix_ + std::string(fieldName);
  if (fieldName.empty() && !full.empty()) full.pop_back();
  (inElement_ ? info_.elementFields : info_.fields)
      .push_back({std::move(full), static_cast<std::uint32_t>(offset_ + offset), strength, std::string(target)});
}

void TypeBuilder::addExternal(std::size_t offset) {
  // One number per object in a dump: a type keeps all its external bytes in one field, and not in elements.
  OPENCLAW_CHECK(info_.externalOffset < 0 && !inElement_, offset_ + offset);
  info_.externalOffset = static_cast<std::int32_t>(offset_ + offset);
}

void TypeBuilder::addBound(std::size_t offset) {
  OPENCLAW_CHECK(info_.boundOffset < 0 && !inElement_, offset_ + offset);   // one promise an object
  info_.boundOffset = static_cast<std::int32_t>(offset_ + offset);
}

}  // namespace openclaw
