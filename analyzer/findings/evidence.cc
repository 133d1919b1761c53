#include "analyzer/findings/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "analyzer/graph/paths.h"
#include "analyzer/report/numbers.h"

namespace openclaw {
namespace {

// As a word of a shell's command line.
std::string quoted(const std::string& text) {
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || std::strchr("_-./+:@%,=", c) != nullptr; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

std::vector<OwnerStep> ownerPathTo(const Snapshot& s, ObjectIndex object) {
  std::vector<OwnerStep> owners;
  const std::vector<PathStep> path = findPathToRoot(s, object);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i != 0) {
      owners.push_back({s.labelOf(path[i - 1].object, path[i].slot), path[i].object});
      continue;
    }
    for (const RootInfo& root : s.roots())
      if (root.object == path[0].object) {
        owners.push_back({rootText(s, root), ObjectIndex::none()});
        break;
      }
    owners.push_back({"", path[0].object});
  }
  return owners;
}

std::string placeText(const Snapshot& s, SiteIndex site) {
  const SiteInfo& info = s.sites()[site];
  if (info.file.empty()) return siteText(s, site);
  return fmt::format("{}:{}", info.file.substr(info.file.find_last_of('/') + 1), info.line);
}

std::string analyzerCommand(const Snapshot& s, std::string_view words) {
  const bool another = s.policy() != Policy::kStrict && fits(s.policy(), s.kind());   // a converted dump has its policy inside
  std::string command = fmt::format("heap-analyzer {}", words);
  if (another) command += fmt::format(" --policy {}", toText(s.policy()));
  const LoadReport& report = s.report();
  if (report.dumpNumber != report.dumpsInFile) command += fmt::format(" --dump {}", report.dumpNumber);   // the last one is the usual one
  return fmt::format("{} {}", command, quoted(s.path()));
}

std::string pathsCommand(const Snapshot& s, TypeIndex type, SiteIndex site) {
  const SiteInfo& info = s.sites()[site];
  std::string command = fmt::format("paths --type {}", quoted(typeText(s, type)));
  if (!info.file.empty()) command += fmt::format(" --site {}", quoted(fmt::format("{}:{}", info.file, info.line)));
  return analyzerCommand(s, command);
}

}  // namespace openclaw
