#include "analyzer/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analyzer/graph/dominator_tree.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace {

class Verifier {
 public:
  explicit Verifier(const Snapshot& snapshot)
      : s_(snapshot), state_(SnapshotBuilder::stateOf(snapshot)), n_(state_.objects) {}

  using Check = void (Verifier::*)();
  // Checks of one group build on each other: where one is broken, the ones after it in the group would say it again.
  // kIndexes: all others follow indexes that these found in range.
  enum Group { kIndexes, kAddresses, kEdges, kDominators, kRegions };
  struct Named {
    const char* name;
    Check check;
    Group group;
    const char* sentence;
  };
  static const std::vector<Named>& checks();

  std::vector<BrokenInvariant> run(const std::stop_token& stop) {
    std::array<bool, kRegions + 1> sound;
    sound.fill(true);
    for (const Named& named : checks()) {
      if (stop.stop_requested()) break;
      if (!sound[kIndexes] || !sound[named.group]) continue;
      current_ = {};
      current_.name = named.name;
      object_.reset();
      (this->*named.check)();
      if (current_.times == 0) continue;
      if (current_.times > 1)
        current_.detail += fmt::format(" (and {} more)", withSeparators(current_.times - 1));
      broken_.push_back(current_);
      sound[named.group] = false;
    }
    return std::move(broken_);
  }

 private:
  template <class... Values>
  void require(bool holds, fmt::format_string<Values...> format, Values&&... values) {
    if (holds) return;
    if (current_.times++ != 0) return;
    current_.detail = fmt::format(format, std::forward<Values>(values)...);
    current_.object = object_;
  }

  bool hasDominators() const { return !state_.dominator.empty() || n_ == 0; }

  void columnsHaveOneRowPerObject() {
    const auto rows = [&](const char* name, std::size_t size) {
      require(size == n_, "{} has {} rows for {} objects", name, size, n_);
    };
    rows("types", state_.edges.types.size());
    rows("sizes", state_.sizes.units.size());
    rows("addresses", state_.addresses.size());
    if (state_.sites.size() != 0) rows("sites", state_.sites.size());
    if (!state_.ageAndFlags.empty()) rows("ages", state_.ageAndFlags.size());
    rows("references", state_.edges.lists.rows());
    rows("referrers", state_.back.lists.rows());
    if (!state_.dominator.empty()) rows("dominators", state_.dominator.size());
  }
  void tableIndexesAreInRange() {
    for (std::uint32_t i = 0; i < n_; ++i) {
      object_ = i;
      require(state_.edges.types[i] < state_.types.size(), "object {} has type {} of {}", i,
              state_.edges.types[i], state_.types.size());
      const auto stack = s_.stack(ObjectIndex(i));
      if (stack) {
        require(stack->value < state_.stacks.size(), "object {} has stack {} of {}", i, stack->value,
                state_.stacks.size());
        if (stack->value >= state_.stacks.size()) continue;
      }
      require(s_.site(ObjectIndex(i)).value < state_.sitesTable.size(), "object {} has site {} of {}", i,
              s_.site(ObjectIndex(i)).value, state_.sitesTable.size());
    }
  }
  void referencesAreInRange() {
    for (std::uint32_t i = 0; i < n_; ++i) {
      for (SlotReader slots = state_.edges.slots(i); slots.next();)
        require(slots.entry() <= n_, "slot {} of object {} leads to object {} of {}", slots.slot(), i, slots.entry() - 1, n_);
      for (SlotReader sources = state_.back.lists.slots(i); sources.next();)
        require(sources.entry() != 0 && sources.entry() <= n_, "referrer {} of object {} is {} of {}", sources.slot(), i,
                sources.entry() - 1, n_);
    }
    for (const std::uint32_t d : state_.dominator.span())
      require(d < n_ || d == kRootsOnly || d == kUnreachable, "a dominator is object {} of {}", d, n_);
    for (const std::uint32_t d : state_.dominated.span())
      require(d < n_, "a dominated object is {} of {}", d, n_);
  }
  void rootsAreInRangeAndAscend() {
    for (std::size_t i = 0; i < state_.roots.size(); ++i) {
      object_ = state_.roots[i].object.value;
      require(state_.roots[i].object.value < n_, "root {} leads to object {} of {}", i,
              state_.roots[i].object.value, n_);
      require(i == 0 || state_.roots[i - 1].object <= state_.roots[i].object,
              "root {} comes after a later object", i);
      require(state_.roots[i].site.value < state_.sitesTable.size(), "root {} has site {}", i,
              state_.roots[i].site.value);
    }
  }
  void addressesAscendWithoutOverlap() {
    if (!state_.addressesAscend) return;  // ids, not addresses
    for (std::uint32_t i = 0; i + 1 < n_; ++i) {
      object_ = i;
      const std::uint64_t address = state_.addresses[i], next = state_.addresses[i + 1];
      require(address < next && next - address >= state_.sizes[i],
              "object {} at {} of {} bytes overlaps the next at {}", i, toText(Address(address)),
              state_.sizes[i], toText(Address(next)));
    }
  }
  void edgesAreTheSameBothWays() {
    // Order does not matter to a sum of mixed pairs; a difference survives with probability 2^-64.
    std::uint64_t forward = 0, backward = 0, forwardCount = 0, backwardCount = 0;
    const auto mix = [](std::uint64_t source, std::uint64_t target) {
      std::uint64_t x = (source << 32 | target) + 0x9e3779b97f4a7c15ull;
      x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
      x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
      return x ^ (x >> 31);
    };
    for (std::uint32_t i = 0; i < n_; ++i) {
      object_ = i;
      for (EdgeCursor e = s_.edgesFrom(ObjectIndex(i)); e; e.next(), ++forwardCount)
        forward += mix(i, e.target().value);
      std::uint32_t last = 0;
      for (EdgeCursor e = s_.edgesTo(ObjectIndex(i)); e; e.next(), ++backwardCount) {
        require(last <= e.target().value, "the referrers of object {} do not ascend", i);
        last = e.target().value;
        backward += mix(e.target().value, i);
      }
    }
    object_.reset();
    require(forwardCount == backwardCount && forward == backward, "{} edges forwards, {} backwards",
            forwardCount, backwardCount);
    require(forwardCount == state_.edgeCount, "{} edges, {} counted", forwardCount, state_.edgeCount);
  }
  void reachableIsClosed() {
    for (const RootInfo& root : state_.roots)
      object_ = root.object.value, require(s_.reachable(root.object), "object {} is a root and not reachable", root.object.value);
    for (std::uint32_t i = 0; i < n_; ++i) {
      if (!s_.reachable(ObjectIndex(i))) continue;
      for (EdgeCursor e = s_.edgesFrom(ObjectIndex(i)); e; e.next())
        object_ = e.target().value, require(s_.reachable(e.target()) || !keepsAlive(s_.strengthOf(ObjectIndex(i), e)),
                "object {} is kept alive by {} and not reachable", e.target().value, i);
    }
  }
  void dominatedListsEachReachableObjectOnce() {
    if (!hasDominators()) return;
    Buffer<std::uint8_t> seen(n_);
    for (std::size_t i = 0; i < state_.dominated.size(); ++i) {
      const std::uint32_t object = state_.dominated[i];
      object_ = object;
      require(seen[object]++ == 0, "object {} is listed twice", object);
      require(state_.dominator[object] != kUnreachable, "unreachable object {} is listed", object);
      if (i == 0) continue;
      const std::uint32_t before = state_.dominated[i - 1];
      const std::uint32_t group = state_.dominator[before], own = state_.dominator[object];
      const std::uint64_t larger = state_.retained[before], size = state_.retained[object];
      require(group < own || (group == own && (larger > size || (larger == size && before < object))),
              "object {} stands before {} against the order", before, object);
    }
    for (std::uint32_t i = 0; i < n_; ++i)
      object_ = i, require(seen[i] != 0 || state_.dominator[i] == kUnreachable, "reachable object {} is not listed", i);
  }
  void dominatorsFormATree() {
    if (!hasDominators()) return;
    std::uint64_t visited = 0;
    DominatorTree(s_).walk([&](std::uint32_t, unsigned) { return ++visited <= state_.dominated.size(); },
                           [](std::uint32_t) {});
    require(visited == state_.dominated.size(), "{} of {} objects hang under the roots", visited,
            state_.dominated.size());
  }
  // For every edge u -> v that counts, v's dominator is u or lies above u; a root's is the virtual root.
  void dominatorsExplainEveryEdge() {
    if (!hasDominators()) return;
    Buffer<std::uint32_t> entered(n_),
        left(n_);  // times of a walk: a lies above b when a's interval holds b's
    std::uint32_t clock = 0;
    DominatorTree(s_).walk(
        [&](std::uint32_t object, unsigned) {
          entered[object] = ++clock;
          return clock <= n_;
        },
        [&](std::uint32_t object) { left[object] = clock; });
    for (const RootInfo& root : state_.roots)
      object_ = root.object.value, require(state_.dominator[root.object.value] == kRootsOnly, "root object {} has a dominator",
              root.object.value);
    for (std::uint32_t u = 0; u < n_; ++u) {
      if (state_.dominator[u] == kUnreachable) continue;
      for (EdgeCursor e = s_.edgesFrom(ObjectIndex(u)); e; e.next()) {
        if (!keepsAlive(s_.strengthOf(ObjectIndex(u), e))) continue;
        const std::uint32_t v = e.target().value, d = state_.dominator[v];
        object_ = v;
        require(d == kRootsOnly || (d != kUnreachable && entered[d] <= entered[u] && entered[u] <= left[d]),
                "object {} is reached through {} past its dominator {}", v, u, d);
      }
    }
  }
  void retainedSizesAddUp() {
    if (!hasDominators()) return;
    for (std::uint32_t i = 0; i < n_; ++i) {
      object_ = i;
      if (state_.dominator[i] == kUnreachable) {
        require(state_.retained[i] == 0, "unreachable object {} retains {} bytes", i, state_.retained[i]);
        continue;
      }
      std::uint64_t sum = state_.sizes[i];
      if (state_.retained[i] != sum)
        for (const std::uint32_t child : s_.dominatedBy(ObjectIndex(i))) sum += state_.retained[child];
      require(state_.retained[i] == sum, "object {} retains {} bytes, its parts add up to {}", i,
              state_.retained[i], sum);
    }
  }
  void regionsAscendAndAddUp() {
    for (std::size_t i = 0; i < state_.regions.size(); ++i) {
      const RegionRecord& r = state_.regions[RegionIndex(static_cast<std::uint32_t>(i))];
      const std::uint64_t sum =
          r.objectBytes + r.floatingBytes + r.holeBytes + r.tlabTailBytes + r.slackBytes;
      require(sum == r.bytes, "region at {}: its parts are {} of {} bytes", toText(Address(r.base)), sum,
              r.bytes);
      require(state_.arenas.empty() || r.arena < state_.arenas.size(), "region at {} is in arena {} of {}",
              toText(Address(r.base)), r.arena, state_.arenas.size());
      if (i > 0) {
        const RegionRecord& before = state_.regions[RegionIndex(static_cast<std::uint32_t>(i - 1))];
        require(before.bytes <= r.base - before.base, "region at {} overlaps the one before",
                toText(Address(r.base)));
      }
    }
  }
  void regionsHoldTheirObjects() {
    if (!state_.report.complete()) return;  // lost objects are counted elsewhere
    for (const RegionRecord& r : state_.regions) {
      std::uint64_t bytes = 0;
      bool inside = true;
      for (std::uint64_t i = r.firstObject; i < r.firstObject + r.objectCount; ++i) {
        if (i >= n_) {
          inside = false;
          break;
        }
        bytes += state_.sizes[i];
        const std::uint64_t address = state_.addresses[i];
        inside &= address >= r.base && address < r.base + r.bytes;
      }
      require(inside, "region at {} names objects outside it", toText(Address(r.base)));
      require(!inside || bytes == r.objectBytes, "region at {}: its {} objects have {} bytes, it says {}",
              toText(Address(r.base)), r.objectCount, bytes, r.objectBytes);
    }
  }

  const Snapshot& s_;
  const SnapshotState& state_;
  const std::uint32_t n_;
  BrokenInvariant current_;
  std::optional<std::uint64_t> object_;  // that a check looks at now
  std::vector<BrokenInvariant> broken_;
};

const std::vector<Verifier::Named>& Verifier::checks() {
  static const std::vector<Named> kChecks{
      {"columns-have-a-row-per-object", &Verifier::columnsHaveOneRowPerObject, kIndexes, "Every column has one row an object."},
      {"table-indexes-in-range", &Verifier::tableIndexesAreInRange, kIndexes, "Types, sites and stacks that objects name are there."},
      {"references-in-range", &Verifier::referencesAreInRange, kIndexes, "References, referrers and dominators are objects."},
      {"roots-in-range-and-ascending", &Verifier::rootsAreInRangeAndAscend, kIndexes, "Roots lead to objects, in ascending order."},
      {"addresses-ascend-without-overlap", &Verifier::addressesAscendWithoutOverlap, kAddresses, "An object ends before the next one begins."},
      {"edges-the-same-both-ways", &Verifier::edgesAreTheSameBothWays, kEdges, "Every reference is a referrer of its target, and the other way round."},
      {"reachable-is-closed", &Verifier::reachableIsClosed, kDominators, "Roots, and what reachable objects keep alive, are reachable."},
      {"dominated-lists-each-reachable-object-once", &Verifier::dominatedListsEachReachableObjectOnce, kDominators, "Every reachable object stands once below its dominator, the largest first."},
      {"dominators-form-a-tree", &Verifier::dominatorsFormATree, kDominators, "Every dominator leads up to the roots."},
      {"dominators-explain-every-edge", &Verifier::dominatorsExplainEveryEdge, kDominators, "No reference reaches an object past its dominator."},
      {"retained-sizes-add-up", &Verifier::retainedSizesAddUp, kDominators, "An object retains its own size and what the objects below it retain."},
      {"regions-ascend-and-add-up", &Verifier::regionsAscendAndAddUp, kRegions, "Regions follow each other without overlap, and their parts add up to their bytes."},
      {"regions-hold-their-objects", &Verifier::regionsHoldTheirObjects, kRegions, "The objects that a region names lie in it and have its bytes."},
  };
  return kChecks;
}

}  // namespace

std::vector<BrokenInvariant> verify(const Snapshot& snapshot, std::stop_token stop) {
  return Verifier(snapshot).run(stop);
}

std::vector<InvariantText> verifiedInvariantTexts() {
  std::vector<InvariantText> texts;
  for (const Verifier::Named& named : Verifier::checks()) texts.push_back({named.name, named.sentence});
  return texts;
}

std::vector<std::string_view> verifiedInvariants() {
  std::vector<std::string_view> names;
  for (const Verifier::Named& named : Verifier::checks()) names.emplace_back(named.name);
  return names;
}

}  // namespace openclaw
