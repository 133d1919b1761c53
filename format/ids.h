// The handles of the project: an index is how code names a thing, an address is only for display.
// Each is its own type, so that a stack cannot be passed where a type is expected.
//
//   ObjectIndex first{0};
//   IndexedVector<ObjectIndex, Bytes> retained(snapshot.objectCount());
//   retained[first] = Bytes{64};
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

namespace openclaw {

// A dense, zero-based number. `Tag` only keeps the kinds apart; `Rep` is the storage type, chosen in one
// place below. `none()` is the largest value and never names an element.
template <class Tag, class Rep = std::uint32_t>
struct Index {
  using Representation = Rep;
  Rep value = std::numeric_limits<Rep>::max();

  constexpr Index() = default;
  constexpr explicit Index(Rep v) : value(v) {}
  static constexpr Index none() { return Index(); }
  constexpr bool isNone() const { return value == std::numeric_limits<Rep>::max(); }
  constexpr explicit operator bool() const { return !isNone(); }
  friend constexpr auto operator<=>(Index, Index) = default;
  constexpr Index& operator++() { ++value; return *this; }
};

using ObjectIndex = Index<struct ObjectTag>;  // dense, address-sorted; at most 2^32 - 2 objects a dump
using TypeIndex = Index<struct TypeTag>;
using SiteIndex = Index<struct SiteTag>;      // where in the source an object was made
using StackIndex = Index<struct StackTag>;    // a sampled full stack
using ArenaIndex = Index<struct ArenaTag>;
using RegionIndex = Index<struct RegionTag>;  // a contiguous range that holds objects: a block or a large object
using RootIndex = Index<struct RootTag>;
using ModuleIndex = Index<struct ModuleTag>;

// A vector that only its own kind of index opens.
template <class I, class T>
class IndexedVector : public std::vector<T> {
 public:
  using Base = std::vector<T>;
  using Base::Base;
  typename Base::reference operator[](I i) { return Base::operator[](static_cast<std::size_t>(i.value)); }
  typename Base::const_reference operator[](I i) const { return Base::operator[](static_cast<std::size_t>(i.value)); }
  I nextIndex() const { return I(static_cast<typename I::Representation>(this->size())); }
};

}  // namespace openclaw

template <class Tag, class Rep>
struct std::hash<openclaw::Index<Tag, Rep>> {
  std::size_t operator()(openclaw::Index<Tag, Rep> i) const noexcept { return std::hash<Rep>()(i.value); }
};
