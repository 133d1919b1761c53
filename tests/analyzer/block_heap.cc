#include "tests/analyzer/block_heap.h"

#include <algorithm>
#include <string>

#include "format/check.h"
#include "tests/support/dump_model.h"

namespace openclaw::test {
namespace {

constexpr std::uint32_t kTypes = 4, kSites = 5, kStacks = 7, kPcs = 12;

}  // namespace

BlockHeap::BlockHeap(std::uint64_t seed, std::size_t blockCount) {
  Random random(seed);
  const auto addObject = [&](std::uint64_t cell, std::uint64_t header, std::uint64_t bytes) {
    ObjectRecord object;
    object.address = cell + header;
    object.size = bytes;
    object.type = static_cast<std::uint32_t>(random.below(kTypes));
    object.site = random.oneIn(6) ? kSiteIsStack | static_cast<std::uint32_t>(random.below(kStacks)) : static_cast<std::uint32_t>(random.below(kSites));
    object.age = static_cast<std::uint8_t>(random.below(8));
    object.flags = random.oneIn(40) ? kObjectPinned : kObjectMovable;
    objects.push_back(object);
    return static_cast<std::int32_t>(objects.size() - 1);
  };
  std::uint64_t at = kBase;
  for (std::size_t b = 0; b < blockCount; ++b) {
    Block block;
    block.base = at;
    block.granules.assign(kBlock / kGranule, kFree);
    const std::uint64_t fill = random.below(5);  // 0 empty, 1 and 2 sparse, 3 mixed, 4 full
    RegionRecord region;
    region.base = at;
    region.bytes = kBlock;
    region.firstObject = objects.size();
    for (std::size_t g = 0; fill != 0 && g < block.granules.size();) {
      std::size_t length = 1 + random.below(fill == 1 ? 64 : 12);
      length = std::min(length, block.granules.size() - g);
      const std::uint64_t roll = random.below(100), objectShare = fill == 4 ? 97 : fill == 3 ? 50 : 5;
      std::int32_t owner = kFree;
      if (roll < objectShare) owner = addObject(at + g * kGranule, 8, length * kGranule);
      else if (fill == 3 && roll < 60) owner = kDead;
      std::fill_n(block.granules.begin() + static_cast<std::ptrdiff_t>(g), length, owner);
      if (owner == kDead) ++region.floatingCount;
      g += length;
    }
    if (fill == 3 && random.oneIn(3)) {  // a thread's buffer: some of what is free at the end
      block.allocating = true;
      for (std::size_t g = block.granules.size(); g-- > 0 && block.granules[g] == kFree;) block.granules[g] = kTail;
    }
    bool lastFree = false;
    std::uint64_t run = 0;
    const auto close = [&] {
      if (lastFree) {
        ++region.holeCount;
        region.largestHole = std::max(region.largestHole, run);
        if (run < kLine) region.unusableHoleBytes += run;
      }
      run = 0;
    };
    for (std::size_t g = 0; g < block.granules.size(); ++g) {
      const std::int32_t owner = block.granules[g];
      if (owner != kFree) close();
      lastFree = owner == kFree;
      if (owner == kFree) region.holeBytes += kGranule, run += kGranule;
      if (owner == kDead) region.floatingBytes += kGranule;
      if (owner == kTail) region.tlabTailBytes += kGranule;
      if (owner >= 0) {
        region.objectBytes += kGranule;
        const std::size_t line = g * kGranule / kLine;
        region.lineMap[line / 64] |= 1ull << (line % 64);
      }
    }
    close();
    region.objectCount = static_cast<std::uint32_t>(objects.size() - region.firstObject);
    if (region.objectCount == 0 && region.floatingCount == 0 && region.tlabTailBytes == 0) {
      region.slackBytes = kBlock;  // an empty block has slack, not holes
      region.holeBytes = region.unusableHoleBytes = region.largestHole = 0;
      region.holeCount = 0;
    } else {
      region.state = block.allocating ? RegionState::kAllocating : RegionState::kSwept;
    }
    regions.push_back(region);
    blocks.push_back(std::move(block));
    at += kBlock;
    if (random.oneIn(8)) {  // a large object, and free pages behind it
      RegionRecord large;
      large.base = at;
      const std::uint64_t bytes = 20'000 + random.below(40'000) / kGranule * kGranule;
      large.bytes = (bytes + 4095) / 4096 * 4096;
      large.kind = RegionKind::kLargePages;
      large.state = RegionState::kFull;
      large.firstObject = objects.size();
      large.objectCount = 1;
      large.objectBytes = bytes;
      large.slackBytes = large.bytes - bytes;
      addObject(at, 24, bytes);
      objects.back().flags = kObjectLarge;
      at += large.bytes;
      regions.push_back(large);
      RegionRecord free;
      free.base = at;
      free.bytes = free.holeBytes = free.largestHole = 4096 * (1 + random.below(9));
      free.kind = RegionKind::kFreePages;
      free.firstObject = objects.size();
      free.holeCount = 1;
      at += free.bytes;
      regions.push_back(free);
    }
  }
  for (std::size_t i = 0; i < objects.size(); ++i) {
    std::vector<std::uint64_t> own;
    // Mostly a tree, with some edges across.
    for (std::uint64_t child = 3 * i + 1; child <= 3 * i + 3 && child < objects.size(); ++child)
      if (!random.oneIn(12)) own.push_back(child);
    if (random.oneIn(10)) own.push_back(random.below(objects.size()));
    objects[i].referenceCount = static_cast<std::uint32_t>(own.size());
    slots.push_back(std::move(own));
  }
  const auto addRoot = [&](std::uint64_t object, bool conservative) {
    RootRecord root;
    root.object = object;
    root.kind = conservative ? RootKind::kStack : RootKind::kHandle;
    root.conservative = conservative;
    root.site = 1;
    roots.push_back(root);
  };
  if (!objects.empty()) {
    addRoot(0, false);
    for (int i = 0; i < 5; ++i) addRoot(random.below(objects.size()), true);
    std::sort(roots.begin(), roots.end(), [](const RootRecord& a, const RootRecord& b) { return a.object < b.object; });
  }
  metadata = 4096;
  committed = metadata;
  for (const RegionRecord& region : regions) committed += region.bytes;

  pcs.reserve(kStacks * 6);
  for (std::uint32_t s = 0; s < kStacks; ++s) {
    const std::size_t first = pcs.size(), depth = 1 + random.below(6);
    for (std::size_t d = 0; d < depth; ++d) pcs.push_back(0x1000 + 0x10 * random.below(kPcs));
    StackRecord stack;
    stack.pcs = {pcs.data() + first, depth};
    stack.site = static_cast<std::uint32_t>(random.below(kSites));
    stack.samples = 1 + random.below(50);
    stack.allocatedBytes = random.below(1 << 20);
    stack.freedBytes = random.below(stack.allocatedBytes + 1);
    stack.allocatedObjects = stack.allocatedBytes / 64;
    stack.freedObjects = stack.freedBytes / 64;
    stack.truncated = random.oneIn(4);
    stacks.push_back(stack);
  }
}

std::vector<std::byte> BlockHeap::encode() const {
  MemoryEncoder encoder;
  FileHeader header;
  encoder->begin(header);
  ProcessRecord process;
  process.pid = 1;
  process.source = "openclaw-runtime";
  encoder->process(process);
  static const std::string names[] = {"Alpha", "Beta<int>", "Gamma", "Delta"};
  const FieldRecord element[] = {{"", 0, Strength::kStrong, ""}};
  TypeRecord types[kTypes];
  for (std::uint32_t i = 0; i < kTypes; ++i) {
    types[i].name = names[i];
    types[i].elementSize = 8;
    types[i].elementFields = element;
  }
  encoder->types(types);
  SiteRecord sites[kSites];
  sites[1] = {"src/a.cc", 11, 0, "makeAlpha", 0, 0, Certainty::kLowerBound};
  sites[2] = {"src/b.cc", 22, 0, "makeBeta", 1'000'000, 1'000'000'000, Certainty::kExact};
  sites[3] = {"src/c.cc", 33, 0, "", 0, 0, Certainty::kLowerBound};
  sites[4] = {"src/d.cc", 44, 0, "operator;() <&\">", 0, 0, Certainty::kLowerBound};
  encoder->sites(sites);
  std::vector<ArenaRecord> arenaRecords(arenas.size());
  for (std::size_t i = 0; i < arenas.size(); ++i) arenaRecords[i].name = arenas[i];
  arenaRecords.front().committed = committed;
  for (std::size_t i = 0; i < arenaCommitted.size(); ++i) arenaRecords[i].committed = arenaCommitted[i];
  arenaRecords.front().metadataBytes = metadata;
  encoder->arenas(arenaRecords);
  encoder->regions(regions);
  encoder->stacks(meanInterval, stacks);
  const CounterRecord counters[] = {{"committed_bytes", committed}, {"collections_total", 9}};
  encoder->counters(counters);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    encoder->object(objects[i]);
    for (const std::uint64_t slot : slots[i]) encoder->reference(slot);
  }
  encoder->roots(roots);
  EndRecord end;
  end.roots = roots.size();
  end.regions = regions.size();
  encoder->end(end);
  OPENCLAW_CHECK(encoder->status() == EncodeStatus::kOk, encoder->status());
  // Half of the addresses have names, some with frames inlined into them.
  static const CodeFrameRecord one[] = {{"outer", "src/a.cc", 1, false}};
  static const CodeFrameRecord two[] = {{"inner; odd <name>", "src/b.cc", 2, true}, {"outer", "src/a.cc", 3, false}};
  static const CodeFrameRecord three[] = {{"</script><b>", "src/c.cc", 33, false}};
  const SymbolRecord known[] = {{0x1000, one, 0}, {0x1010, two, 0}, {0x1020, three, 0}, {0x1030, one, 0}, {0x1040, two, 0}};
  return withIndex(encoder.sink.bytes, known);
}

}  // namespace openclaw::test
