#include "analyzer/views/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <numeric>
#include <string_view>
#include <utility>

#include "analyzer/graph/dominator_tree.h"
#include "analyzer/graph/edge_table.h"
#include "analyzer/report/numbers.h"
#include "analyzer/snapshot_state.h"
#include "analyzer/views/fragmentation.h"

namespace openclaw {
namespace {

constexpr std::uint32_t kOldest = 7;
constexpr std::uint32_t kCheckEvery = 0xffff;  // objects between two looks at the stop token, less one
constexpr std::uint16_t kNoArena = 0xffff;

// A bit an object.
class Marks {
 public:
  explicit Marks(std::size_t objects) : bits_((objects + 63) / 64) {}
  bool has(std::uint32_t i) const { return (bits_[i >> 6] >> (i & 63) & 1) != 0; }
  void add(std::uint32_t i) { bits_[i >> 6] |= std::uint64_t{1} << (i & 63); }
  std::vector<std::uint64_t> take() { return std::move(bits_); }

 private:
  std::vector<std::uint64_t> bits_;
};

// ---- words ----------------------------------------------------------------------------------------------------------

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Steps from one text to the other, a letter each; anything above `most` counts as most + 1.
std::size_t editDistance(std::string_view a, std::string_view b, std::size_t most) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > most) return most + 1;
  std::vector<std::size_t> row(a.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t j = 1; j <= b.size(); ++j) {
    std::size_t diagonal = std::exchange(row[0], j), least = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      const std::size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[i];
      row[i] = std::min({substituted, row[i] + 1, row[i - 1] + 1});
      least = std::min(least, row[i]);
    }
    if (least > most) return most + 1;
  }
  return std::min(row.back(), most + 1);
}

// "; near: a, b": up to five names that contain the text, whatever the case, or else are a few letters away.
std::string nearText(const std::vector<std::string>& names, const std::string& wanted) {
  constexpr std::size_t kNames = 5;
  const std::string text = lower(wanted);
  if (text.empty()) return {};
  const std::size_t most = std::max<std::size_t>(1, text.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> near;  // distance, name
  for (const std::string& name : names) {
    const std::string other = lower(name);
    // What contains it comes first, the shortest of them before.
    const std::size_t distance = other.find(text) != std::string::npos ? 0 : editDistance(text, other, most);
    if (distance <= most) near.emplace_back(distance, name);
  }
  std::sort(near.begin(), near.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first, a.second.size(), std::string_view(a.second)) < std::tuple(b.first, b.second.size(), std::string_view(b.second));
  });
  near.erase(std::unique(near.begin(), near.end()), near.end());
  if (near.size() > kNames) near.resize(kNames);
  std::vector<std::string> words;
  for (auto& [distance, name] : near) words.push_back(std::move(name));
  return words.empty() ? "" : fmt::format("; near: {}", fmt::join(words, ", "));
}

std::unexpected<Error> unknown(const Snapshot& s, std::string_view kind, const std::string& wanted, const std::vector<std::string>& names,
                               std::string_view where) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("no {} \"{}\"{}; {}", kind, wanted, nearText(names, wanted), where),
              Where{.file = s.path()});
}

bool siteMatches(const SiteInfo& site, const std::string& wanted) {
  if (!site.function.empty() && site.function == wanted) return true;
  if (site.file.empty()) return false;
  const std::string place = fmt::format("{}:{}", site.file, site.line);
  if (place == wanted || site.file == wanted || fmt::format("{} {}", place, site.function) == wanted) return true;
  // "session.cc:41" and "session.cc" also mean those of "src/session.cc".
  const auto endsOf = [&](const std::string& path) {
    return path.size() > wanted.size() && path.ends_with(wanted) && path[path.size() - wanted.size() - 1] == '/';
  };
  return endsOf(place) || endsOf(site.file);
}

std::optional<std::uint64_t> numberIn(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

Result<ScopePart> agesIn(const std::string& text) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is no age: write 3, 2-5 or 5+, from 0 to 7, where 7 stands for seven collections or more", text));
  };
  const std::string_view view = text;
  std::optional<std::uint64_t> lowest, highest;
  if (view.ends_with('+')) {
    lowest = numberIn(view.substr(0, view.size() - 1));
    highest = kOldest;
  } else if (const std::size_t dash = view.find('-'); dash != std::string_view::npos) {
    lowest = numberIn(view.substr(0, dash));
    highest = numberIn(view.substr(dash + 1));
  } else {
    lowest = highest = numberIn(view);
  }
  if (!lowest || !highest || *lowest > *highest || *highest > kOldest) return wrong();
  return ScopePart::ages(static_cast<std::uint32_t>(*lowest), static_cast<std::uint32_t>(*highest));
}

Result<ObjectIndex> ownerIn(const Snapshot& s, const std::string& text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const bool id = text.starts_with('@');  // as reports print ids that are no addresses
  const auto address = numberIn(std::string_view(text).substr(hex ? 2 : id ? 1 : 0), hex ? 16 : 10);
  if (!address)
    return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no address; write 0x7f31c2004a80, a decimal number, or @17 for an id of V8", text));
  const std::optional<ObjectIndex> object = s.objectAt(Address(*address));
  if (!object)
    return fail(ErrorCode::kInvalidArgument, fmt::format("no object at {}; heap-analyzer dominators lists those that retain most",
                            s.idsAreAddresses() ? toText(Address(*address)) : fmt::format("@{}", *address)),
                Where{.file = s.path()});
  if (!s.reachable(*object))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} at {} is unreachable: it retains nothing", typeText(s, s.type(*object)), idText(s, *object)),
                Where{.file = s.path()});
  return *object;
}

// ---- selecting ------------------------------------------------------------------------------------------------------

struct Stopped {};

class Selector {
 public:
  Selector(const Snapshot& snapshot, const Scope& scope, std::stop_token stop)
      : s_(snapshot), state_(SnapshotBuilder::stateOf(snapshot)), stop_(std::move(stop)), marks_(snapshot.objectCount()) {
    selection_.scope = scope;
  }

  ScopeSelection run() {
    select();
    findTops();
    retain();
    selection_.bits = marks_.take();
    return std::move(selection_);
  }

 private:
  void check(std::uint32_t i) const {
    if ((i & kCheckEvery) == 0 && stop_.stop_requested()) throw Stopped{};
  }

  // Which rows of a table are named; empty: the kind is no condition. Ages: rows 0 to 7.
  std::vector<std::uint8_t> named(ScopeKind kind, std::size_t rows) const {
    std::vector<std::uint8_t> wanted;
    for (const ScopePart& part : selection_.scope.parts) {
      if (part.kind != kind) continue;
      wanted.resize(rows);
      const std::uint32_t last = kind == ScopeKind::kAge ? part.highest : part.value;
      for (std::uint32_t row = part.value; row <= last && row < rows; ++row) wanted[row] = 1;
    }
    return wanted;
  }
  static bool narrows(const std::vector<std::uint8_t>& wanted) { return std::ranges::find(wanted, std::uint8_t{0}) != wanted.end(); }

  void select() {
    const auto types = named(ScopeKind::kType, s_.types().size()), sites = named(ScopeKind::kSite, s_.sites().size()),
               arenas = named(ScopeKind::kArena, std::max<std::size_t>(1, s_.arenas().size())), ages = named(ScopeKind::kAge, kOldest + 1);
    const auto owner = std::ranges::find(selection_.scope.parts, ScopeKind::kRetainedBy, &ScopePart::kind);
    const bool owned = owner != selection_.scope.parts.end();
    const bool byArena = !arenas.empty();
    const bool others = narrows(ages) || narrows(arenas) || owned;
    selection_.churnKnown = !others && !narrows(types);
    selection_.deadKnown = !others && !narrows(sites);
    const Marks* retained = nullptr;
    if (owned) {
      markRetained(owner->value);
      retained = &owned_;
    }
    const auto& regions = s_.regions();
    std::uint32_t region = 0;  // objects and regions ascend together
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      check(i);
      const ObjectIndex object(i);
      const Bytes size = s_.size(object);
      selection_.allBytes += size;
      ++selection_.allObjects;
      if (retained != nullptr && !retained->has(i)) continue;
      if (!types.empty() && types[s_.type(object).value] == 0) continue;
      if (!sites.empty() && sites[s_.site(object).value] == 0) continue;
      if (!ages.empty() && ages[std::min<std::size_t>(s_.age(object), kOldest)] == 0) continue;
      if (byArena) {
        const std::uint64_t address = s_.address(object).value;
        const auto endsBefore = [&](const RegionRecord& r) { return r.base <= address && address - r.base >= r.bytes; };
        while (region < regions.size() && endsBefore(regions[RegionIndex(region)])) ++region;
        const bool inside = region < regions.size() && regions[RegionIndex(region)].base <= address;
        const std::uint16_t arena = inside ? regions[RegionIndex(region)].arena : kNoArena;
        if (arena >= arenas.size() || arenas[arena] == 0) continue;
      }
      marks_.add(i);
      ++selection_.objects;
      selection_.bytes += size;
      if (!s_.reachable(object)) continue;
      ++selection_.reachableObjects;
      selection_.reachableBytes += size;
    }
  }

  // The subtree of an object, by walking up: each chain of dominators until one that is decided.
  void markRetained(std::uint32_t owner) {
    Marks decided(s_.objectCount());
    owned_ = Marks(s_.objectCount());
    owned_.add(owner);
    decided.add(owner);
    std::vector<std::uint32_t> chain;
    std::uint32_t steps = 0;
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      chain.clear();
      std::optional<ObjectIndex> at(ObjectIndex{i});
      while (at && !decided.has(at->value)) {
        chain.push_back(at->value);
        decided.add(at->value);
        at = s_.dominator(*at);
        check(++steps);
      }
      if (!at || !owned_.has(at->value)) continue;
      for (const std::uint32_t object : chain) owned_.add(object);
    }
  }

  void findTops() {
    if (selection_.reachableObjects == 0) return;
    std::uint32_t steps = 0;
    bool stopped = false;
    DominatorTree(s_).walk(
        [&](std::uint32_t object, unsigned) {
          if ((++steps & kCheckEvery) == 0) stopped = stop_.stop_requested();
          if (!marks_.has(object)) return !stopped;
          selection_.tops.push_back(object);
          return false;  // what lies below has it above
        },
        [](std::uint32_t) {});
    if (stopped) throw Stopped{};
    std::sort(selection_.tops.begin(), selection_.tops.end(), [this](std::uint32_t a, std::uint32_t b) {
      const Bytes x = s_.retained(ObjectIndex(a)), y = s_.retained(ObjectIndex(b));
      return x != y ? x > y : a < b;
    });
  }

  // What the roots do not reach when the scope's objects are gone: everything reachable, minus what a search that does not
  // enter the scope meets.
  void retain() {
    selection_.retainedCertainty = s_.report().complete() ? Certainty::kExact : Certainty::kLowerBound;
    if (selection_.reachableObjects == 0) return;
    if (selection_.tops.size() == 1) {  // a single one retains what all of them do: the others lie below it
      selection_.retained = s_.retained(ObjectIndex(selection_.tops.front()));
      return;
    }
    const EdgeTable& edges = state_.edges;
    Marks met(s_.objectCount());
    std::vector<std::uint32_t> open;
    std::uint64_t reachable = 0, kept = 0;
    std::uint32_t steps = 0;
    for (std::uint32_t i = 0; i < s_.objectCount(); ++i) {
      check(++steps);
      if (s_.reachable(ObjectIndex(i))) reachable += s_.size(ObjectIndex(i)).value;
    }
    const auto meet = [&](std::uint32_t object) {
      if (marks_.has(object) || met.has(object)) return;
      met.add(object);
      kept += s_.size(ObjectIndex(object)).value;
      open.push_back(object);
    };
    for (const RootInfo& root : s_.roots()) {
      meet(root.object.value);
      while (!open.empty()) {
        const std::uint32_t source = open.back();
        open.pop_back();
        const bool all = edges.allKeepAlive(source);
        for (SlotReader slots = edges.slots(source); slots.next();) {
          check(++steps);
          if (slots.entry() != 0 && (all || edges.keepsAlive(source, slots))) meet(slots.entry() - 1);
        }
      }
    }
    selection_.retained = Bytes(reachable - std::min(reachable, kept));
  }

  const Snapshot& s_;
  const SnapshotState& state_;
  const std::stop_token stop_;
  Marks marks_, owned_{0};
  ScopeSelection selection_;
};

bool namesIt(const Scope& scope, ScopeKind kind, std::uint32_t value) {
  return !scope.has(kind) || std::ranges::find_if(scope.parts, [&](const ScopePart& part) { return part.kind == kind && part.value == value; }) != scope.parts.end();
}

}  // namespace

const char* toText(ScopeKind kind) {
  switch (kind) {
    case ScopeKind::kType:
      return "type";
    case ScopeKind::kSite:
      return "site";
    case ScopeKind::kArena:
      return "arena";
    case ScopeKind::kAge:
      return "age";
    case ScopeKind::kRetainedBy:
      return "retained-by";
  }
  return "type";
}

bool Scope::has(ScopeKind kind) const { return std::ranges::find(parts, kind, &ScopePart::kind) != parts.end(); }

Scope Scope::with(const ScopePart& part) const {
  if (part.kind == ScopeKind::kRetainedBy) return only(part);
  Scope scope = *this;
  if (std::ranges::find(parts, part) == parts.end()) scope.parts.push_back(part);
  return scope;
}

Scope Scope::only(const ScopePart& part) const {
  Scope scope = *this;
  std::erase_if(scope.parts, [&](const ScopePart& other) { return other.kind == part.kind; });
  scope.parts.push_back(part);
  return scope;
}

Scope Scope::without(const ScopePart& part) const {
  Scope scope = *this;
  std::erase(scope.parts, part);
  return scope;
}

std::string labelOf(const Snapshot& s, const ScopePart& part) {
  switch (part.kind) {
    case ScopeKind::kType:
      return fmt::format("type {}", typeText(s, TypeIndex(part.value)));
    case ScopeKind::kSite:
      return fmt::format("site {}", siteText(s, SiteIndex(part.value)));
    case ScopeKind::kArena:
      return fmt::format("arena {}", part.value < s.arenas().size() && !s.arenas()[part.value].ownedName.empty() ? s.arenas()[part.value].ownedName
                                                                                                                  : std::to_string(part.value));
    case ScopeKind::kAge:
      if (part.value == 0 && part.highest == kOldest) return "every age";
      if (part.highest == kOldest) return fmt::format("age ≥ {}", part.value);
      return part.value == part.highest ? fmt::format("age {}", part.value) : fmt::format("age {} to {}", part.value, part.highest);
    case ScopeKind::kRetainedBy: {
      const ObjectIndex object(part.value);
      return fmt::format("retained by {} {}", typeText(s, s.type(object)), idText(s, object));
    }
  }
  return {};
}

std::string labelOf(const Snapshot& snapshot, const Scope& scope) {
  if (scope.empty()) return "the whole dump";
  std::vector<std::string> conditions;
  for (const ScopeKind kind : {ScopeKind::kType, ScopeKind::kSite, ScopeKind::kArena, ScopeKind::kAge, ScopeKind::kRetainedBy}) {
    std::vector<std::string> alternatives;
    for (const ScopePart& part : scope.parts)
      if (part.kind == kind) alternatives.push_back(labelOf(snapshot, part));
    if (!alternatives.empty()) conditions.push_back(fmt::format("{}", fmt::join(alternatives, " or ")));
  }
  return fmt::format("{}", fmt::join(conditions, ", "));
}

Result<void> addScopeWord(ScopeWords& words, const std::string& kindAndValue) {
  const std::size_t equals = kindAndValue.find('=');
  const std::string kind = kindAndValue.substr(0, equals);
  std::string value = equals == std::string::npos ? "" : kindAndValue.substr(equals + 1);
  std::vector<std::string>* list = kind == "type"    ? &words.types
                                   : kind == "site"  ? &words.sites
                                   : kind == "arena" ? &words.arenas
                                   : kind == "age"   ? &words.ages
                                                     : nullptr;
  if (value.empty() || (list == nullptr && kind != "retained-by"))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is no scope: write type=NAME, site=FILE:LINE, arena=NAME, age=2-5 or retained-by=ADDR", kindAndValue));
  if (list != nullptr)
    list->push_back(std::move(value));
  else if (words.retainedBy.empty())
    words.retainedBy = std::move(value);
  else
    return fail(ErrorCode::kInvalidArgument, "retained-by: one object at a time");
  return {};
}

Result<Scope> resolveScope(const Snapshot& s, const ScopeWords& words) {
  Scope scope;
  std::vector<std::string> names;
  if (!words.types.empty())
    for (std::uint32_t i = 0; i < s.types().size(); ++i) names.push_back(typeText(s, TypeIndex(i)));
  for (const std::string& wanted : words.types) {
    bool found = false;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      if (names[i] != wanted) continue;
      scope = scope.with(ScopePart::type(TypeIndex(i)));
      found = true;
    }
    if (!found) return unknown(s, "type", wanted, names, "heap-analyzer histogram lists them");
  }
  names.clear();
  if (!words.sites.empty())
    for (std::uint32_t i = 0; i < s.sites().size(); ++i) names.push_back(siteText(s, SiteIndex(i)));
  for (const std::string& wanted : words.sites) {
    bool found = false;
    for (std::uint32_t i = 0; i < names.size(); ++i) {
      if (!siteMatches(s.sites()[SiteIndex(i)], wanted) && !(i == 0 && wanted == names[0])) continue;
      scope = scope.with(ScopePart::site(SiteIndex(i)));
      found = true;
    }
    if (!found) return unknown(s, "site", wanted, names, "heap-analyzer sites lists them");
  }
  names.clear();
  for (const ArenaInfo& arena : s.arenas()) names.push_back(arena.ownedName);
  for (const std::string& wanted : words.arenas) {
    if (names.empty())
      return fail(ErrorCode::kInvalidArgument, "this dump has no arenas: its source does not say how its memory is laid out", Where{.file = s.path()});
    const auto named = std::ranges::find(names, wanted);
    const auto number = numberIn(wanted);
    if (named != names.end())
      scope = scope.with(ScopePart::arena(static_cast<std::uint32_t>(named - names.begin())));
    else if (number && *number < names.size())
      scope = scope.with(ScopePart::arena(static_cast<std::uint32_t>(*number)));
    else
      return unknown(s, "arena", wanted, names, fmt::format("there are {}", fmt::join(names, ", ")));
  }
  for (const std::string& wanted : words.ages) {
    OPENCLAW_TRY(const ScopePart ages, agesIn(wanted));
    scope = scope.with(ages);
  }
  if (!words.retainedBy.empty()) {
    OPENCLAW_TRY(const ObjectIndex owner, ownerIn(s, words.retainedBy));
    scope = scope.with(ScopePart::retainedBy(owner));
  }
  return scope;
}

bool ScopeSelection::hasSite(SiteIndex site) const { return namesIt(scope, ScopeKind::kSite, site.value); }
bool ScopeSelection::hasType(TypeIndex type) const { return namesIt(scope, ScopeKind::kType, type.value); }

ScopeSelection computeScope(const Snapshot& snapshot, const Scope& scope, std::stop_token stop) {
  try {
    return Selector(snapshot, scope, stop).run();
  } catch (const Stopped&) {
    ScopeSelection nothing;
    nothing.scope = scope;
    nothing.bits.resize((std::size_t{snapshot.objectCount()} + 63) / 64);
    return nothing;
  }
}

std::optional<std::uint32_t> arenaOf(const Snapshot& snapshot, ObjectIndex object) {
  const auto region = regionAt(snapshot, snapshot.address(object));
  if (!region) return std::nullopt;
  const std::uint16_t arena = snapshot.regions()[*region].arena;
  return arena < snapshot.arenas().size() ? std::optional<std::uint32_t>(arena) : std::nullopt;
}

}  // namespace openclaw
