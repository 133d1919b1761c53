// A shortest path from the roots to every reachable object at once, as a tree: for questions about many
// objects together. paths.h answers for one.
//
//   ShortestPathTree tree(snapshot, stop);
//   for (std::uint32_t place = tree.size(); place-- > 0;) sum[tree.parent(place)] += sum[place];
//
// A place is a row of the breadth-first order: 0 .. size() - 1, parents before children, the children of one
// place next to each other and in the order of its slots.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>

#include "analyzer/buffer.h"
#include "analyzer/snapshot.h"

namespace openclaw {

// Threads: const from any number. Borrows nothing. Memory: 12 bytes an object, 13 while it is built.
class ShortestPathTree {
 public:
  static constexpr std::uint32_t kNoPlace = 0xffff'ffffu;

  // Cost: O(objects + slots). Empty when stopped.
  ShortestPathTree(const Snapshot& snapshot, const std::stop_token& stop);

  std::uint32_t size() const { return size_; }
  ObjectIndex object(std::uint32_t place) const { return ObjectIndex(objects_[place]); }
  // kNoPlace: a root holds it.
  std::uint32_t parent(std::uint32_t place) const { return parents_[place] - 1; }
  // [first, last) of places.
  std::uint32_t firstChild(std::uint32_t place) const { return firstChildren_[place]; }
  std::uint32_t lastChild(std::uint32_t place) const {
    return place + 1 == size_ ? size_ : firstChildren_[place + 1];
  }
  // The root-held objects are places [0, rootHeld()).
  std::uint32_t rootHeld() const { return rootHeld_; }

 private:
  Buffer<std::uint32_t> objects_, parents_, firstChildren_;  // parents_: place + 1, 0 = none
  std::uint32_t size_ = 0, rootHeld_ = 0;
};

}  // namespace openclaw
