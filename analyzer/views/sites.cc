#include "analyzer/views/sites.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>

namespace openclaw {
namespace {

struct SampledTotals {
  std::uint64_t allocatedObjects = 0, allocatedBytes = 0, freedObjects = 0, freedBytes = 0;
  std::uint32_t stacks = 0;
};

// See the header: allocated = live + freed, whichever of them is known best.
void fill(std::uint64_t live, std::uint64_t counted, Certainty countCertainty, std::uint64_t sampledAllocated,
          std::uint64_t sampledFreed, std::uint64_t& allocated, std::uint64_t& freed, Certainty& certainty) {
  if (counted != 0) {
    // A count below what is there missed some: it is a lower bound, whatever it says of itself.
    certainty = counted < live && countCertainty == Certainty::kExact ? Certainty::kLowerBound : countCertainty;
    allocated = std::max(counted, live);
  } else if (sampledAllocated != 0 || sampledFreed != 0) {
    certainty = Certainty::kSampled;
    allocated = std::max(sampledAllocated, live + sampledFreed);
  } else {
    certainty = Certainty::kLowerBound;
    allocated = live;
  }
  freed = allocated - live;
}

ChurnFigures churnOf(std::uint64_t objects, Bytes bytes, const SiteInfo& info, const SampledTotals& sampled) {
  ChurnFigures churn;
  Certainty ofObjects = Certainty::kLowerBound;
  fill(objects, info.allocatedObjects, info.countsCertainty, sampled.allocatedObjects, sampled.freedObjects,
       churn.allocatedObjects, churn.freedObjects, ofObjects);
  fill(bytes.value, info.allocatedBytes, info.countsCertainty, sampled.allocatedBytes, sampled.freedBytes,
       churn.allocatedBytes.value, churn.freedBytes.value, churn.allocatedCertainty);
  churn.allocatedCertainty = std::max(churn.allocatedCertainty, ofObjects);
  churn.freedCertainty = churn.allocatedCertainty;
  return churn;
}

}  // namespace

std::optional<double> SiteRow::survival() const {
  if (churn.allocatedBytes.value == 0 || (churn.allocatedCertainty == Certainty::kLowerBound && churn.freedBytes.value == 0))
    return std::nullopt;
  return static_cast<double>(shallow.value) / static_cast<double>(churn.allocatedBytes.value);
}

double sampleWeight(std::uint64_t size, std::uint64_t meanInterval) {
  if (meanInterval == 0 || size == 0) return 1;
  return 1 / -std::expm1(-static_cast<double>(size) / static_cast<double>(meanInterval));
}

std::vector<std::uint64_t> splitInProportion(std::uint64_t whole, const std::vector<double>& weights) {
  std::vector<std::uint64_t> parts(weights.size());
  double total = 0;
  for (const double weight : weights) total += weight;
  if (!(total > 0)) return parts;
  // Each part is the difference of two rounded running sums, the last of which is the whole.
  double running = 0;
  std::uint64_t given = 0;
  std::size_t lastWeighty = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0) lastWeighty = i;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    running += weights[i];
    const double exact = static_cast<double>(whole) * (running / total);
    const std::uint64_t upTo = i == lastWeighty || exact >= static_cast<double>(whole) ? whole : static_cast<std::uint64_t>(exact);
    parts[i] = upTo - std::min(given, upTo);
    given = std::max(given, upTo);
  }
  return parts;
}

std::vector<SiteRow> computeSites(const Snapshot& snapshot, std::stop_token stop, bool alsoGone, const ScopeSelection* scope) {
  const bool churnKnown = scope == nullptr || scope->churnKnown;
  std::vector<SiteRow> rows(snapshot.sites().size());
  std::unordered_map<std::uint64_t, std::uint64_t> bytesBySiteAndType;
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) return {};
    const ObjectIndex object(i);
    if (!inScope(scope, object)) continue;
    const SiteIndex site = snapshot.site(object);
    SiteRow& row = rows[site.value];
    ++row.objects;
    row.shallow += snapshot.size(object);
    row.unreachableObjects += !snapshot.reachable(object);
    ++row.objectsByAge[snapshot.age(object)];
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
  std::vector<SampledTotals> sampled(rows.size());
  for (const StackInfo& stack : snapshot.stacks()) {
    if (stack.site.value >= rows.size() || (scope != nullptr && !scope->hasSite(stack.site))) continue;
    SampledTotals& totals = sampled[stack.site.value];
    ++totals.stacks;
    if (!churnKnown) continue;
    totals.allocatedObjects += stack.allocatedObjects;
    totals.allocatedBytes += stack.allocatedBytes;
    totals.freedObjects += stack.freedObjects;
    totals.freedBytes += stack.freedBytes;
  }
  for (std::size_t site = 0; site < rows.size(); ++site) {
    SiteRow& row = rows[site];
    row.site = SiteIndex(static_cast<std::uint32_t>(site));
    row.stacks = sampled[site].stacks;
    static const SiteInfo kNotCounted;
    row.churn = churnOf(row.objects, row.shallow, churnKnown ? snapshot.sites()[row.site] : kNotCounted, sampled[site]);
  }
  std::erase_if(rows, [&](const SiteRow& row) {
    if (scope != nullptr && !scope->hasSite(row.site)) return true;
    return row.objects == 0 && !(alsoGone && row.churn.allocatedObjects + row.churn.allocatedBytes.value != 0);
  });
  std::sort(rows.begin(), rows.end(), [&](const SiteRow& a, const SiteRow& b) {
    if (a.shallow != b.shallow) return a.shallow > b.shallow;
    if (a.objects == 0 && a.churn.allocatedBytes != b.churn.allocatedBytes) return a.churn.allocatedBytes > b.churn.allocatedBytes;
    const SiteInfo &as = snapshot.sites()[a.site], &bs = snapshot.sites()[b.site];
    return std::tie(as.file, as.line, a.site) < std::tie(bs.file, bs.line, b.site);
  });
  return rows;
}

std::vector<StackRow> computeStacks(const Snapshot& snapshot, std::stop_token stop, const ScopeSelection* scope) {
  const bool churnKnown = scope == nullptr || scope->churnKnown;
  const std::size_t count = snapshot.stacks().size();
  std::vector<StackRow> rows(count);
  struct SiteTotals {
    std::uint64_t objects = 0, bytes = 0;
    std::vector<std::uint32_t> stacks;
  };
  std::vector<SiteTotals> sites(snapshot.sites().size());
  std::vector<double> weightObjects(count), weightBytes(count);
  const std::uint64_t mean = snapshot.stackMeanInterval();
  for (std::uint32_t i = 0; i < snapshot.objectCount(); ++i) {
    if ((i & 0xffff) == 0 && stop.stop_requested()) return {};
    const ObjectIndex object(i);
    if (!inScope(scope, object)) continue;
    SiteTotals& site = sites[snapshot.site(object).value];
    const std::uint64_t bytes = snapshot.size(object).value;
    ++site.objects;
    site.bytes += bytes;
    const std::optional<StackIndex> stack = snapshot.stack(object);
    if (!stack || stack->value >= count) continue;
    StackRow& row = rows[stack->value];
    ++row.sampledObjects;
    row.sampledBytes += Bytes(bytes);
    ++row.sampledByAge[snapshot.age(object)];
    const double weight = sampleWeight(bytes, mean);
    weightObjects[stack->value] += weight;
    weightBytes[stack->value] += weight * static_cast<double>(bytes);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const StackInfo& info = snapshot.stacks()[StackIndex(i)];
    StackRow& row = rows[i];
    row.stack = StackIndex(i);
    row.site = info.site.value < sites.size() ? info.site : SiteIndex(0);
    if (churnKnown) row.samples = info.samples;
    if (!sites.empty()) sites[row.site.value].stacks.push_back(i);
  }
  for (const SiteTotals& site : sites) {
    std::vector<double> objects, bytes;
    for (const std::uint32_t stack : site.stacks) {
      objects.push_back(weightObjects[stack]);
      bytes.push_back(weightBytes[stack]);
    }
    const auto objectParts = splitInProportion(site.objects, objects), byteParts = splitInProportion(site.bytes, bytes);
    for (std::size_t i = 0; i < site.stacks.size(); ++i) {
      rows[site.stacks[i]].liveObjects = objectParts[i];
      rows[site.stacks[i]].liveBytes = Bytes(byteParts[i]);
    }
  }
  for (StackRow& row : rows) {
    const StackInfo& info = snapshot.stacks()[row.stack];
    // The process's own estimates; what is there now was allocated for certain.
    const bool known = churnKnown && (info.allocatedBytes != 0 || info.freedBytes != 0);
    row.churn.allocatedObjects = known ? info.allocatedObjects : row.sampledObjects;
    row.churn.allocatedBytes = known ? Bytes(info.allocatedBytes) : row.sampledBytes;
    row.churn.freedObjects = known ? info.freedObjects : 0;
    row.churn.freedBytes = known ? Bytes(info.freedBytes) : Bytes();
    row.churn.allocatedCertainty = row.churn.freedCertainty = known ? Certainty::kSampled : Certainty::kLowerBound;
  }
  std::erase_if(rows, [&](const StackRow& row) {
    if (scope != nullptr && !scope->hasSite(row.site)) return true;
    return row.sampledObjects == 0 && row.churn.allocatedBytes.value == 0 && row.samples == 0;
  });
  std::sort(rows.begin(), rows.end(), [](const StackRow& a, const StackRow& b) {
    if (a.liveBytes != b.liveBytes) return a.liveBytes > b.liveBytes;
    if (a.churn.allocatedBytes != b.churn.allocatedBytes) return a.churn.allocatedBytes > b.churn.allocatedBytes;
    return a.stack < b.stack;
  });
  return rows;
}

}  // namespace openclaw
