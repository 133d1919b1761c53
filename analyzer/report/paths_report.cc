#include "analyzer/report/paths_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "analyzer/report/numbers.h"
#include "analyzer/views/inspection.h"

namespace openclaw {
namespace {

bool siteMatches(const SiteInfo& site, const std::string& wanted) {
  if (!site.function.empty() && site.function == wanted) return true;
  if (site.file.empty()) return false;
  const std::string place = fmt::format("{}:{}", site.file, site.line);
  if (place == wanted || site.file == wanted || fmt::format("{} {}", place, site.function) == wanted) return true;
  // "session.cc:41" also means "src/session.cc:41".
  return place.size() > wanted.size() && place.ends_with(wanted) && place[place.size() - wanted.size() - 1] == '/';
}

// Up to five names in which the text occurs, for an error message.
template <class Names>
std::string nearText(const Names& names, const std::string& wanted) {
  std::vector<std::string> near;
  for (const std::string& name : names)
    if (near.size() < 5 && !wanted.empty() && name.find(wanted) != std::string::npos) near.push_back(name);
  return near.empty() ? "" : fmt::format("; near: {}", fmt::join(near, ", "));
}

}  // namespace

Result<ObjectPaths> computeObjectPaths(const Snapshot& snapshot, Address address, std::size_t count,
                                       std::stop_token stop) {
  OPENCLAW_TRY(const Inspection found, inspectObject(snapshot, address, 0, stop));
  ObjectPaths report;
  report.object = found.object;
  report.asked = count;
  report.paths = findDifferentPaths(snapshot, found.object, count, stop);
  std::optional<ObjectIndex> last;
  for (EdgeCursor referrer = snapshot.edgesTo(found.object); referrer && !stop.stop_requested(); referrer.next()) {
    if (last == referrer.target()) continue;
    last = referrer.target();
    for (EdgeCursor from = snapshot.edgesFrom(*last); from; from.next())
      if (from.target() == found.object) {
        const Strength strength = snapshot.strengthOf(*last, from.slot());
        report.weakReferences += strength != Strength::kStrong && strength != Strength::kConservative;
      }
  }
  return report;
}

Result<MembersPaths> computeMembersPaths(const Snapshot& snapshot, const MemberChoice& choice,
                                         const MergedPathsOptions& options, std::stop_token stop) {
  std::vector<bool> types(snapshot.types().size(), choice.type.empty());
  std::vector<bool> sites(snapshot.sites().size(), choice.site.empty());
  if (!choice.type.empty()) {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < types.size(); ++i) {
      names.push_back(typeText(snapshot, TypeIndex(i)));
      types[i] = names.back() == choice.type;
    }
    if (std::find(types.begin(), types.end(), true) == types.end())
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("no type \"{}\"{}; heap-analyzer histogram lists them", choice.type,
                              nearText(names, choice.type)),
                  Where{.file = snapshot.path()});
  }
  if (!choice.site.empty()) {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < sites.size(); ++i) {
      names.push_back(siteText(snapshot, SiteIndex(i)));
      sites[i] = siteMatches(snapshot.sites()[SiteIndex(i)], choice.site);
    }
    if (std::find(sites.begin(), sites.end(), true) == sites.end())
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("no site \"{}\"{}; heap-analyzer sites lists them", choice.site,
                              nearText(names, choice.site)),
                  Where{.file = snapshot.path()});
  }
  MembersPaths report{choice, options, {}};
  report.merged = computeMergedPaths(
      snapshot,
      [&](ObjectIndex object) {
        return types[snapshot.type(object).value] && sites[snapshot.site(object).value];
      },
      options, stop);
  return report;
}

}  // namespace openclaw
