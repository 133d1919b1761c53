#include "analyzer/graph/dominators.h"

#include <algorithm>
#include <stdexcept>

#include "analyzer/graph/depth_first.h"

namespace openclaw {
namespace {

// All in depth-first numbers. An edge v -> w with v < w can only lower semi[w] to v, at once and for good,
// because nothing is linked above v when w's turn comes. So only edges with v > w need to be kept for that
// turn: tree edges, which are as many as objects, and forward edges cost no memory.
class SemiNca {
 public:
  SemiNca(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work)
      : edges_(edges), roots_(roots), work_(work) {}

  Dominators run() {
    number();
    collectIncoming();
    computeSemiDominators();
    return intersect();
  }

 private:
  struct Link {
    std::uint32_t ancestor,
        label;  // label = least semi-dominator on the way from here up to, without, ancestor
  };

  void number() {
    const std::size_t objects = edges_.objectCount();
    order_.number = Buffer<std::uint32_t>(objects);
    order_.object = Buffer<std::uint32_t>(objects + 1);
    order_.parent = Buffer<std::uint32_t>(objects + 1);
    semi_ = Buffer<std::uint32_t>(objects + 1);
    incoming_ = PagedOffsets(objects + 1);
    Buffer<std::uint32_t> resume(objects + 1);
    // A forward edge is remembered as "candidate + 1" so that zero pages mean none.
    numberDepthFirst(edges_, roots_, part(0, 0.45), order_, resume,
                     [this](std::uint32_t from, std::uint32_t to) {
                       if (from > to)
                         ++incoming_.countWhileBuilding(to);
                       else if (from < to && (semi_[to] == 0 || from + 1 < semi_[to]))
                         semi_[to] = from + 1;
                     });
    for (std::uint32_t w = 1; w <= order_.reached; ++w) {
      const std::uint32_t parent = order_.parent[w];
      semi_[w] = semi_[w] == 0 ? parent : std::min(parent, semi_[w] - 1);
    }
    for (const std::uint32_t root : roots_) semi_[order_.number[root]] = 0;  // the virtual root's edges
  }

  // Sources of the edges from later to earlier numbers, grouped by target.
  void collectIncoming() {
    if (!incoming_.finishAtEnds())
      throw std::length_error("more than 2^32 edges into 65,536 neighbouring objects");
    sources_ = Buffer<std::uint32_t>(incoming_.total());
    const Work work = part(0.45, 0.6);
    for (std::uint32_t v = 1; v <= order_.reached; ++v) {
      if ((v & (kStepsBetweenChecks - 1)) == 0) check(work, v);
      const std::uint32_t source = order_.object[v];
      const std::uint64_t begin = edges_.first.begin(source);
      const std::uint32_t count = edges_.first.count(source);
      const bool all = edges_.allKeepAlive(source);
      for (std::uint32_t slot = 0; slot < count; ++slot) {
        if ((slot & (kStepsBetweenChecks - 1)) == kStepsBetweenChecks - 1) work.throwIfStopped();
        const std::uint32_t target = edges_.slots[begin + slot];
        if (target == 0 || (!all && !edges_.keepsAlive(source, slot))) continue;
        const std::uint32_t w = order_.number[target - 1];
        if (w < v) sources_[incoming_.claim(w)] = v;
      }
    }
  }

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
    }
    return best;
  }

  void computeSemiDominators() {
    links_ = Buffer<Link>(std::size_t{order_.reached} + 1);
    for (std::uint32_t w = 1; w <= order_.reached; ++w) links_[w].ancestor = order_.parent[w];
    const Work work = part(0.6, 0.9);
    std::uint32_t steps = 0;
    for (std::uint32_t w = order_.reached; w >= 1; --w) {
      std::uint32_t semi = semi_[w];
      const std::uint64_t end = incoming_.end(w);
      // A root's semi-dominator is the virtual root already: nothing can lower it.
      for (std::uint64_t i = incoming_.begin(w); i < end && semi != 0; ++i) {
        if ((++steps & (kStepsBetweenChecks - 1)) == 0) check(work, order_.reached - w);
        semi = std::min(semi, eval(sources_[i], w));
      }
      semi_[w] = semi;
      links_[w].label = semi;
    }
    links_.reset();
    sources_.reset();
    incoming_ = PagedOffsets();
  }

  // The dominator of w is the nearest common ancestor, in the dominator tree so far, of its parent and its
  // semi-dominator. parent[] becomes dominator[] on the way.
  Dominators intersect() {
    Buffer<std::uint32_t>& dominator = order_.parent;
    const Work work = part(0.9, 1);
    std::uint32_t steps = 0;
    for (std::uint32_t w = 1; w <= order_.reached; ++w) {
      std::uint32_t candidate = dominator[w];
      while (candidate > semi_[w]) {
        candidate = dominator[candidate];
        if ((++steps & (kStepsBetweenChecks - 1)) == 0) check(work, w);
      }
      dominator[w] = candidate;
    }
    semi_.reset();
    Buffer<std::uint32_t> result = std::move(order_.number);
    for (std::size_t object = 0; object < result.size(); ++object) {
      const std::uint32_t w = result[object];
      if (w == 0)
        result[object] = kUnreachable;
      else
        result[object] = dominator[w] == 0 ? kRootsOnly : order_.object[dominator[w]];
    }
    return Dominators{
        .dominator = std::move(result), .order = std::move(order_.object), .reached = order_.reached};
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
  Buffer<std::uint32_t> semi_;
  PagedOffsets incoming_;
  Buffer<std::uint32_t> sources_;
  Buffer<Link> links_;
};

}  // namespace

Dominators computeDominators(const EdgeTable& edges, std::span<const std::uint32_t> roots, const Work& work) {
  return SemiNca(edges, roots, work).run();
}

}  // namespace openclaw
