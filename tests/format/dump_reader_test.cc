#include "format/dump_reader.h"

#include <gtest/gtest.h>

#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

using namespace test;

// The objects of a dump as a model, read through the public interface alone.
Result<DumpModel> readModel(std::span<const std::byte> bytes) {
  OPENCLAW_TRY(DumpReader reader, DumpReader::fromMemory(bytes, "test"));
  DumpModel model;
  std::uint64_t source = 0, slot = 0;
  for (const FrameInfo& frame : reader.frames()) {
    if (!frame.known) continue;
    OPENCLAW_TRY(DecodedFrame decoded, reader.decode(frame));
    if (frame.kind == FrameKind::kObjects) {
      OPENCLAW_TRY(ObjectColumns columns, decoded.objects());
      EXPECT_EQ(columns.firstIndex, model.objects.size());
      for (std::size_t i = 0; i < columns.address.size(); ++i) {
        ModelObject object;
        object.address = columns.address[i];
        object.size = columns.size[i];
        object.type = columns.type[i];
        object.site = columns.site[i];
        object.age = columns.age[i];
        object.flags = columns.flags[i];
        object.slots.resize(columns.referenceCount[i]);
        model.objects.push_back(object);
      }
      for (auto [row, bytesOwned] : columns.external) model.objects[columns.firstIndex + row].external = bytesOwned;
    }
    if (frame.kind == FrameKind::kReferences) {
      OPENCLAW_TRY(ReferenceColumns columns, decoded.references());
      source = columns.firstObject;
      slot = columns.skippedSlots;
      for (std::size_t i = 0; i < columns.delta.size(); ++i, ++slot) {
        while (slot == model.objects.at(source).slots.size()) ++source, slot = 0;
        ModelSlot& out = model.objects[source].slots[slot];
        if (columns.delta[i] != ReferenceColumns::kNull) out.target = source + static_cast<std::uint64_t>(columns.delta[i]);
        if (!columns.strength.empty()) out.strength = static_cast<Strength>(columns.strength[i]);
      }
    }
    if (frame.kind == FrameKind::kTypes)
      decoded.forEachType([&](TypeIndex, const TypeRecord& type) { model.types.emplace_back(type.name); });
    if (frame.kind == FrameKind::kRoots)
      decoded.forEachRoot([&](const RootRecord& root) {
        model.roots.push_back({root.object, root.kind, root.conservative, root.site, std::string(root.label)});
      });
    if (frame.kind == FrameKind::kSites)
      decoded.forEachSite([&](SiteIndex, const SiteRecord& site) {
        model.sites.push_back({std::string(site.file), site.line, std::string(site.function), site.allocatedObjects,
                               site.allocatedBytes});
      });
  }
  return model;
}

void expectSame(const DumpModel& a, const DumpModel& b) {
  EXPECT_EQ(a.types, b.types);
  ASSERT_EQ(a.objects.size(), b.objects.size());
  for (std::size_t i = 0; i < a.objects.size(); ++i) {
    const ModelObject &x = a.objects[i], &y = b.objects[i];
    ASSERT_EQ(x.address, y.address) << i;
    ASSERT_EQ(x.size, y.size) << i;
    ASSERT_EQ(x.type, y.type) << i;
    ASSERT_EQ(x.site, y.site) << i;
    ASSERT_EQ(x.age, y.age) << i;
    ASSERT_EQ(x.flags, y.flags) << i;
    ASSERT_EQ(x.external, y.external) << i;
    ASSERT_EQ(x.slots.size(), y.slots.size()) << i;
    for (std::size_t s = 0; s < x.slots.size(); ++s) {
      ASSERT_EQ(x.slots[s].target, y.slots[s].target) << i << "." << s;
      ASSERT_EQ(x.slots[s].strength, y.slots[s].strength) << i << "." << s;
    }
  }
  ASSERT_EQ(a.roots.size(), b.roots.size());
  for (std::size_t i = 0; i < a.roots.size(); ++i) {
    EXPECT_EQ(a.roots[i].object, b.roots[i].object);
    EXPECT_EQ(a.roots[i].kind, b.roots[i].kind);
    EXPECT_EQ(a.roots[i].conservative, b.roots[i].conservative);
    EXPECT_EQ(a.roots[i].site, b.roots[i].site);
    EXPECT_EQ(a.roots[i].label, b.roots[i].label);
  }
}

TEST(DumpReader, RandomDumpsComeBackAsTheyWere) {
  std::uint64_t seed = seedFromEnvironment();
  for (int round = 0; round < 20; ++round, ++seed) {
    SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
    DumpModel model = randomModel(seed, Random(seed).below(20000));
    auto bytes = encodeDump(model);
    auto reader = DumpReader::fromMemory(bytes, "test");
    ASSERT_TRUE(reader) << toText(reader.error());
    EXPECT_TRUE(reader->report().complete());
    EXPECT_TRUE(reader->report().indexUsed);
    auto back = readModel(bytes);
    ASSERT_TRUE(back) << toText(back.error());
    expectSame(model, *back);
  }
}

}  // namespace
}  // namespace openclaw
