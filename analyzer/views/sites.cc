#include "analyzer/views/sites.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace openclaw {

std::vector<SiteRow> computeSites(const Snapshot& snapshot, std::stop_token stop) {
  std::vector<SiteRow> rows(snapshot.sites().size());
  std::unordered_map<std::uint64_t, std::uint64_t> bytesBySiteAndType;
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) return {};
    const ObjectIndex object(i);
    const SiteIndex site = snapshot.site(object);
    SiteRow& row = rows[site.value];
    ++row.objects;
    row.shallow += snapshot.size(object);
    row.unreachableObjects += !snapshot.reachable(object);
    bytesBySiteAndType[std::uint64_t{site.value} << 32 | snapshot.type(object).value] +=
        snapshot.size(object).value;
  }
  std::vector<std::uint64_t> most(rows.size());
  for (const auto& [key, bytes] : bytesBySiteAndType) {
    SiteRow& row = rows[key >> 32];
    const TypeIndex type(static_cast<std::uint32_t>(key));
    // Ties go to the lower type, so that the table's order of visits does not show.
    if (!row.mostBytesType || bytes > most[key >> 32] ||
        (bytes == most[key >> 32] && type < row.mostBytesType)) {
      row.mostBytesType = type;
      most[key >> 32] = bytes;
    }
  }
  for (std::size_t site = 0; site < rows.size(); ++site)
    rows[site].site = SiteIndex(static_cast<std::uint32_t>(site));
  std::erase_if(rows, [](const SiteRow& row) { return row.objects == 0; });
  std::sort(rows.begin(), rows.end(), [&](const SiteRow& a, const SiteRow& b) {
    if (a.shallow != b.shallow) return a.shallow > b.shallow;
    const SiteInfo &as = snapshot.sites()[a.site], &bs = snapshot.sites()[b.site];
    return std::tie(as.file, as.line, a.site) < std::tie(bs.file, bs.line, b.site);
  });
  return rows;
}

}  // namespace openclaw
