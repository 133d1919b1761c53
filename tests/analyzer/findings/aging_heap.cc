#include "tests/analyzer/findings/aging_heap.h"

#include <algorithm>

#include "format/check.h"
#include "tests/support/dump_model.h"

namespace openclaw::test {

std::uint32_t AgingHeap::type(const std::string& name, bool isArray) {
  types_.emplace_back(name, isArray);
  return static_cast<std::uint32_t>(types_.size() - 1);
}
std::uint32_t AgingHeap::site(const std::string& file, std::uint32_t line) {
  sites_.emplace_back(file, line);
  return static_cast<std::uint32_t>(sites_.size() - 1);
}

AgingHeap::Object AgingHeap::make(std::uint32_t type, std::uint32_t site, std::uint64_t bytes) {
  bytes = (bytes + 15) / 16 * 16;
  if (bytes < kBlock && next_ / kBlock != (next_ + bytes - 1) / kBlock) next_ = (next_ / kBlock + 1) * kBlock;
  Row row;
  row.cell = next_;
  row.bytes = bytes;
  row.type = type;
  row.site = site;
  objects_.push_back(row);
  next_ += bytes;
  allocated_ += bytes;
  allocatedSince_ += bytes;
  return static_cast<Object>(objects_.size() - 1);
}

void AgingHeap::collect() {
  std::vector<std::uint8_t> marked(objects_.size());
  std::vector<Object> stack;
  const auto mark = [&](Object object) {
    if (object == kNothing || marked[object]) return;
    marked[object] = 1;
    stack.push_back(object);
  };
  for (const Object root : roots_) mark(root);
  while (!stack.empty()) {
    const Object source = stack.back();
    stack.pop_back();
    for (const Object target : objects_[source].slots) mark(target);
  }
  live_ = 0;
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    Row& row = objects_[i];
    if (!row.there) continue;
    if (!marked[i]) {
      row.there = false;
      row.slots.clear();
      continue;
    }
    row.age = static_cast<std::uint8_t>(std::min(row.age + 1, 7));
    live_ += row.bytes;
  }
  collections_.push_back({allocatedSince_, live_});
  allocatedSince_ = 0;
}

std::vector<std::byte> AgingHeap::encode(bool regions) const {
  MemoryEncoder encoder;
  encoder->begin({});
  ProcessRecord process;
  process.pid = 1;
  process.source = "test";
  encoder->process(process);

  const FieldRecord element[] = {{"", 0, Strength::kStrong, ""}};
  std::vector<TypeRecord> types(types_.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    types[i].name = types_[i].first;
    if (types_[i].second) {
      types[i].elementSize = 8;
      types[i].elementFields = element;
    }
  }
  encoder->types(types);
  std::vector<SiteRecord> sites(sites_.size());
  for (std::size_t i = 0; i < sites.size(); ++i) {
    sites[i].file = sites_[i].first;
    sites[i].line = sites_[i].second;
  }
  encoder->sites(sites);

  std::vector<std::uint32_t> index(objects_.size(), kNothing);
  std::uint32_t there = 0;
  for (std::size_t i = 0; i < objects_.size(); ++i)
    if (objects_[i].there) index[i] = there++;
  if (regions) {
    std::vector<RegionRecord> rows;
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      if (!objects_[i].there) continue;
      const std::uint64_t base = objects_[i].cell / kBlock * kBlock;
      if (rows.empty() || rows.back().base != base) {
        RegionRecord row;
        row.base = base;
        row.bytes = kBlock;
        row.state = RegionState::kSwept;
        row.firstObject = index[i];
        rows.push_back(row);
      }
      ++rows.back().objectCount;
      rows.back().objectBytes += objects_[i].bytes;
      rows.back().holeBytes = kBlock - rows.back().objectBytes;
    }
    encoder->regions(rows);
  }
  if (!freed_.empty()) {
    std::vector<StackRecord> stacks;
    for (const auto& [site, bytes] : freed_) {
      StackRecord stack;
      stack.site = site;
      stack.allocatedBytes = stack.freedBytes = bytes;
      stacks.push_back(stack);
    }
    encoder->stacks(16 << 10, stacks);
  }
  std::vector<PauseRecord> pauses;
  for (std::size_t i = 0; i < collections_.size(); ++i) {
    PauseRecord pause;
    pause.number = i + 1;
    pause.kind = "collect";
    pause.allocatedSinceLast = collections_[i].allocated;
    pause.bytesMarked = collections_[i].marked;
    pauses.push_back(pause);
  }
  encoder->pauses(pauses.size(), pauses);
  std::vector<SettingRecord> settings;
  for (const auto& [name, value] : settings_) settings.push_back({name, value, value, "default"});
  encoder->settings(settings, {});
  const CounterRecord counters[] = {{"collections_total", collections_.size()}, {"allocated_bytes_total", allocated_}};
  encoder->counters(counters);

  for (const Row& row : objects_) {
    if (!row.there) continue;
    ObjectRecord object;
    object.address = row.cell + 8;
    object.size = row.bytes;
    object.type = row.type;
    object.site = row.site;
    object.age = row.age;
    object.referenceCount = static_cast<std::uint32_t>(row.slots.size());
    object.bound = row.bound;
    encoder->object(object);
    for (const Object target : row.slots)
      encoder->reference(target == kNothing ? kNullReference : index[target]);
  }
  std::vector<RootRecord> roots;
  for (const Object object : roots_) {
    RootRecord root;
    root.object = index[object];
    root.kind = RootKind::kHandle;
    roots.push_back(root);
  }
  std::sort(roots.begin(), roots.end(), [](const RootRecord& a, const RootRecord& b) { return a.object < b.object; });
  encoder->roots(roots);
  EndRecord end;
  end.roots = roots.size();
  encoder->end(end);
  OPENCLAW_CHECK(encoder->status() == EncodeStatus::kOk, encoder->status());
  return withIndex(encoder.sink.bytes);
}

std::shared_ptr<const Snapshot> AgingHeap::load(bool regions) const {
  auto snapshot = loadSnapshot(encode(regions), "aging.bin", {.threads = 1, .dominators = true});
  OPENCLAW_CHECK(snapshot.has_value());
  return *snapshot;
}

}  // namespace openclaw::test
