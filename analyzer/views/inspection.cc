#include "analyzer/views/inspection.h"

#include <fmt/format.h>

#include <algorithm>

#include "analyzer/report/numbers.h"

namespace openclaw {
namespace {

std::optional<RegionIndex> regionOf(const Snapshot& snapshot, Address address) {
  const auto& regions = snapshot.regions();
  const auto after = std::upper_bound(regions.begin(), regions.end(), address.value,
                                      [](std::uint64_t a, const RegionRecord& r) { return a < r.base; });
  if (after == regions.begin()) return std::nullopt;
  const auto region = std::prev(after);
  if (address.value - region->base >= region->bytes) return std::nullopt;
  return RegionIndex(static_cast<std::uint32_t>(region - regions.begin()));
}

std::unexpected<Error> nothingAt(const Snapshot& snapshot, Address address) {
  std::uint32_t low = 0, high = snapshot.objectCount();
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (snapshot.address(ObjectIndex(middle)) <= address)
      low = middle + 1;
    else
      high = middle;
  }
  std::vector<std::string> near;
  const auto add = [&](const char* side, ObjectIndex object) {
    near.push_back(fmt::format("the nearest {} is {} ({}, {})", side, idText(snapshot, object),
                               typeText(snapshot, snapshot.type(object)), toText(snapshot.size(object))));
  };
  if (low > 0) add("below", ObjectIndex(low - 1));
  if (low < snapshot.objectCount()) add("above", ObjectIndex(low));
  std::string place =
      regionOf(snapshot, address) ? "it lies in a hole of the heap" : "it lies outside the heap";
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("no object at {}: {}{}{}", toText(address), place, near.empty() ? "" : "; ",
                          fmt::join(near, ", ")),
              Where{.file = snapshot.path()});
}

}  // namespace

Result<Inspection> inspectObject(const Snapshot& snapshot, Address address, std::size_t limit,
                                 std::stop_token stop) {
  const std::optional<ObjectIndex> found = snapshot.objectAt(address);
  if (!found) return nothingAt(snapshot, address);
  Inspection in;
  in.object = *found;
  in.offset = address.value - snapshot.address(*found).value;
  in.region = regionOf(snapshot, snapshot.address(*found));

  in.slotsTotal = snapshot.slotCount(*found);
  EdgeCursor edge = snapshot.edgesFrom(*found);
  for (std::uint32_t slot = 0; slot < in.slotsTotal && slot < limit; ++slot) {
    SlotRow row{slot, snapshot.labelOf(*found, slot), snapshot.strengthOf(*found, slot), std::nullopt};
    while (edge && edge.slot() < slot) edge.next();
    if (edge && edge.slot() == slot) row.target = edge.target();
    in.slots.push_back(std::move(row));
  }

  std::optional<ObjectIndex> last;
  for (EdgeCursor referrer = snapshot.edgesTo(*found); referrer; referrer.next()) {
    ++in.referrersTotal;
    if (last == referrer.target()) continue;  // its slots were all shown when it came first
    last = referrer.target();
    for (EdgeCursor from = snapshot.edgesFrom(*last); from && in.referrers.size() < limit; from.next())
      if (from.target() == *found)
        in.referrers.push_back({*last, from.slot(), snapshot.labelOf(*last, from.slot()),
                                snapshot.strengthOf(*last, from.slot())});
  }

  for (const RootInfo& root : snapshot.roots())
    if (root.object == *found) in.roots.push_back(root);
  for (auto above = snapshot.dominator(*found); above; above = snapshot.dominator(*above)) {
    if (stop.stop_requested()) break;
    if (++in.dominatorsTotal <= limit) in.dominators.push_back(*above);
  }
  in.path = findPathToRoot(snapshot, *found, stop);
  return in;
}

}  // namespace openclaw
