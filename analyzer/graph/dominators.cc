#include "analyzer/graph/dominators.h"

#include <algorithm>
#include <array>
#include <vector>

#include "analyzer/graph/depth_first.h"
#include "analyzer/graph/list_transpose.h"
#include "analyzer/graph/parent_code.h"

namespace openclaw {
namespace {

// Arrays that are passed once go back to the system in pieces of as many rows: a huge page.
constexpr std::uint32_t kRowsToRelease = 1u << 19;

// All in depth-first numbers. An edge v -> w with v < w can only lower semi[w] to v, at once and for good,
// because nothing is linked above v when w's turn comes. So only edges with v > w need to be kept for that
// turn: tree edges, which are as many as objects, and forward edges cost no memory.
class SemiNca {
 public:
  SemiNca(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work)
      : edges_(edges), roots_(roots), work_(work) {}

  Dominators run() {
    order_ = numberDepthFirst(edges_, roots_, part(0, 0.4));
    parents_ = ParentCode(order_.parent, order_.reached, work_);
    collectIncoming();
    computeSemiDominators();
    return intersect();
  }

 private:
  struct Link {
    std::uint32_t ancestor,
        label;  // label = least semi-dominator on the way from here up to, without, ancestor
  };

  // Of each number the sources of its edges that matter, ascending: all later numbers, and the least ancestor when that is not
  // the parent (its edge bounds the semi-dominator; those of other ancestors say less).
  void collectIncoming() {
    const std::size_t rows = std::size_t{order_.reached} + 1;
    const unsigned threads = std::max(1u, work_.threads);
    ListTranspose transpose(rows, threads);
    Work work = part(0.4, 0.55);
    Work pass = work;
    pass.progress = nullptr;
    std::vector<std::uint64_t> steps(threads);
    forEachItem(pass, threads, [&](unsigned worker, std::size_t item) {
      const auto first = static_cast<std::uint32_t>(1 + std::uint64_t{order_.reached} * item / threads);
      const auto last = static_cast<std::uint32_t>(std::uint64_t{order_.reached} * (item + 1) / threads);
      steps[item] = collectFrom(first, last, transpose, static_cast<unsigned>(item), worker == 0 ? &work : nullptr);
    });
    for (const std::uint64_t taken : steps) steps_ += taken;
    isRoot_ = Buffer<std::uint8_t>(rows / 8 + 1);
    for (const std::uint32_t root : roots_) {
      const std::uint32_t w = order_.number[root];
      isRoot_[w >> 3] |= static_cast<std::uint8_t>(1u << (w & 7));
    }
    order_.parent.reset();
    order_.object.reset();  // collectFrom gave back what it had passed
    pass.progress = [&](double f) { work.report(0.7 + 0.2 * f); };
    incoming_ = transpose.finish(pass, PageSize::kSmall);
    order_.object = Buffer<std::uint32_t>(rows);
    pass.progress = [&](double f) { work.report(0.9 + 0.1 * f); };
    const std::size_t objects = edges_.objectCount();
    forEachItem(pass, objects / kStepsBetweenChecks + 1, [&](unsigned, std::size_t item) {
      const std::size_t first = item * kStepsBetweenChecks, last = std::min<std::size_t>(objects, first + kStepsBetweenChecks);
      for (std::size_t object = first; object < last; ++object)
        if (const std::uint32_t w = order_.number[object]; w != 0) order_.object[w] = static_cast<std::uint32_t>(object);
    });
    order_.number.reset();
  }

  std::uint64_t collectFrom(std::uint32_t first, std::uint32_t last, ListTranspose& transpose, unsigned part, const Work* report) {
    // Numbers of targets are a random access each: they are asked for a few edges after they were seen.
    constexpr unsigned kAhead = 32;
    struct Waiting {
      std::uint32_t source, target;
    };
    std::array<Waiting, kAhead> waiting{};
    Buffer<std::uint8_t> ancestorKnown(std::size_t{order_.reached} / 8 + 1);
    std::uint64_t seen = 0;
    const auto settle = [&](const Waiting& edge) {
      const std::uint32_t v = edge.source, w = order_.number[edge.target];
      if (v > w) return transpose.add(part, w, v);
      if (v == w || order_.parent[w] == v) return;
      std::uint8_t& known = ancestorKnown[w >> 3];
      const auto bit = static_cast<std::uint8_t>(1u << (w & 7));
      if ((known & bit) == 0) transpose.add(part, w, v);
      known |= bit;
    };
    for (std::uint32_t v = first; v <= last; ++v) {
      if (v + 8 <= last) edges_.lists.prefetch(order_.object[v + 8]);
      if ((v - first) % kRowsToRelease == 0 && v != first) order_.object.release(v - kRowsToRelease, kRowsToRelease);
      const std::uint32_t source = order_.object[v];
      const bool all = edges_.allKeepAlive(source);
      for (SlotReader slots = edges_.slots(source); slots.next();) {
        const std::uint32_t entry = slots.entry();
        if (entry == 0 || (!all && !edges_.keepsAlive(source, slots))) continue;
        Waiting& place = waiting[seen % kAhead];
        if (seen >= kAhead) settle(place);
        place = {v, entry - 1};
        __builtin_prefetch(&order_.number[entry - 1]);
        if ((++seen & (kStepsBetweenChecks - 1)) == 0) {
          work_.throwIfStopped();
          if (report != nullptr) report->report(0.7 * (v - first) / (last - first + 1.0));
        }
      }
    }
    for (std::uint64_t left = std::min<std::uint64_t>(seen, kAhead); left > 0; --left) settle(waiting[(seen - left) % kAhead]);
    return seen;
  }

  bool isRoot(std::uint32_t w) const { return (isRoot_[w >> 3] >> (w & 7) & 1) != 0; }

  // The least semi-dominator on the tree path from v up to, without, the first unlinked ancestor; everything
  // above `lastUnlinked` is linked. Path splitting: each step on the way is bent to its grandparent. Needs no
  // stack.
  std::uint32_t eval(std::uint32_t v, std::uint32_t lastUnlinked) {
    Link* const links = links_.data();
    std::uint32_t x = v;
    std::uint32_t ancestor = links[x].ancestor;
    std::uint32_t best = links[x].label;
    while (ancestor > lastUnlinked) {
      const Link above = links[ancestor];
      best = std::min(best, above.label);
      links[x].label = std::min(links[x].label, above.label);
      links[x].ancestor = above.ancestor;
      x = ancestor;
      ancestor = above.ancestor;
      ++steps_;
    }
    return best;
  }

  void computeSemiDominators() {
    const std::size_t rows = std::size_t{order_.reached} + 1;
    const Work work = part(0.55, 0.88);
    order_.parent = Buffer<std::uint32_t>(rows, PageSize::kHugeInOrder);
    parents_.forEach(work_, [&](std::uint32_t w, std::uint32_t parent) { order_.parent[w] = parent; });
    otherSemis_ = Buffer<std::uint8_t>(rows * kMostVarintBytes, PageSize::kHugeInOrder);
    isOther_ = Buffer<std::uint8_t>(rows / 8 + 1);
    links_ = Buffer<Link>(rows);
    std::uint32_t steps = 0;
    for (std::uint32_t w = order_.reached; w >= 1; --w) {
      const std::uint32_t parent = order_.parent[w];
      // A root's semi-dominator is the virtual root already: nothing can lower it.
      std::uint32_t semi = isRoot(w) ? 0 : parent;
      for (SlotReader sources = incoming_.slots(w); semi != 0 && sources.next();) {
        if ((++steps & (kStepsBetweenChecks - 1)) == 0) check(work, order_.reached - w);
        const std::uint32_t v = sources.entry() - 1;
        semi = std::min(semi, v < w ? v : eval(v, w));
      }
      if (semi != parent) {
        // Last byte first: they are read from the end.
        std::uint8_t levels[kMostVarintBytes];
        for (const std::uint8_t* end = putVarint(levels, parent - semi); end != levels;) otherSemis_[otherBytes_++] = *--end;
        isOther_[w >> 3] |= static_cast<std::uint8_t>(1u << (w & 7));
      }
      links_[w] = {parent, semi};
      if (w % kRowsToRelease == 0) order_.parent.release(w, std::min<std::size_t>(kRowsToRelease, rows - w));
      if ((w & (CompressedLists::kPageRows - 1)) == 0) incoming_.releasePage(w >> CompressedLists::kPageShift);
    }
    links_.reset();
    order_.parent.reset();
    incoming_ = CompressedLists();
  }

  // The dominator of w is the nearest common ancestor, in the dominator tree so far, of its parent and its
  // semi-dominator.
  Dominators intersect() {
    Buffer<std::uint32_t> dominator(std::size_t{order_.reached} + 1);
    const Work work = part(0.9, 1);
    std::uint32_t steps = 0;
    parents_.forEach(work_, [&](std::uint32_t w, std::uint32_t parent) {
      std::uint32_t candidate = parent;
      if ((isOther_[w >> 3] >> (w & 7) & 1) != 0) {
        std::uint32_t levels = 0;
        for (unsigned shift = 0; shift == 0 || otherSemis_[otherBytes_] >= 0x80; shift += 7)
          levels |= std::uint32_t{otherSemis_[--otherBytes_] & 0x7fu} << shift;
        const std::uint32_t semi = parent - levels;
        while (candidate > semi) {
          candidate = dominator[candidate];
          ++steps_;
          if ((++steps & (kStepsBetweenChecks - 1)) == 0) check(work, w);
        }
      }
      dominator[w] = candidate;
    });
    otherSemis_.reset();
    isOther_.reset();
    parents_ = ParentCode();
    constexpr std::size_t kPiece = 1 << 20;
    const std::size_t objects = edges_.objectCount();
    Buffer<std::uint32_t> result(objects);
    for (std::size_t first = 0; first < objects; first += kPiece) {
      work.throwIfStopped();
      std::fill_n(result.data() + first, std::min(kPiece, objects - first), kUnreachable);
    }
    for (std::uint32_t w = 1; w <= order_.reached; ++w) {
      if ((w & (kStepsBetweenChecks - 1)) == 0) work.throwIfStopped();
      result[order_.object[w]] = dominator[w] == 0 ? kRootsOnly : order_.object[dominator[w]];
    }
    return Dominators{.dominator = std::move(result),
                      .order = std::move(order_.object),
                      .reached = order_.reached,
                      .steps = steps_};
  }

  Work part(double from, double to) const {
    Work part = work_;
    part.progress = [this, from, to](double f) { work_.report(from + (to - from) * f); };
    return part;
  }
  void check(const Work& work, std::uint32_t done) const {
    work.throwIfStopped();
    work.report(static_cast<double>(done) / order_.reached);
  }

  const EdgeTable& edges_;
  const std::span<const std::uint32_t> roots_;
  const Work& work_;
  DepthFirstOrder order_;
  CompressedLists incoming_;
  Buffer<std::uint8_t> isRoot_;  // a bit a number
  ParentCode parents_;
  Buffer<std::uint8_t> otherSemis_;  // how far below the parent, of semi-dominators that are another number; by descending numbers
  std::size_t otherBytes_ = 0;
  Buffer<std::uint8_t> isOther_;  // a bit a number
  Buffer<Link> links_;
  std::uint64_t steps_ = 0;
};

}  // namespace

Dominators computeDominators(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work) {
  return SemiNca(edges, roots, work).run();
}

}  // namespace openclaw
