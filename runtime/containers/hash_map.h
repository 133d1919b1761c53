// A map inside a heap object: open addressing over one Array of entries of the same heap.
//
//   struct Index { HashMap<Member<String>, Member<Session>> byName; OPENCLAW_TYPE(Index, byName) };
//   index->byName.insert(heap, String::make(heap, "ada"), session);
//   if (Member<Session>* found = index->byName.find("ada")) use(**found);
//
// Keys: whole numbers and enums; Member<String>, compared by text; any other Member<T>, compared by identity (the
// address is the hash: the object must not move). Not thread-safe: callers lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/containers/array.h"
#include "runtime/containers/string.h"

namespace openclaw {

namespace internal {

// Every bit of the result depends on every bit of `x` (the finalizer of MurmurHash3).
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
  x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ull;
  return x ^ (x >> 33);
}

// How a key is given to find(), hashed and compared.
template <class K>
struct HashKey {
  static_assert(std::is_integral_v<K> || std::is_enum_v<K>, "keys are numbers, enums, Member<String> or Member<T>");
  using Lookup = K;
  static std::uint64_t hash(K key) { return mix(static_cast<std::uint64_t>(key)); }
  static bool equal(K a, K b) { return a == b; }
};
template <>
struct HashKey<Member<String>> {
  using Lookup = std::string_view;
  static std::uint64_t hash(std::string_view key) { return mix(std::hash<std::string_view>()(key)); }
  static bool equal(const Member<String>& a, std::string_view b) { return a->view() == b; }
};
template <class T>
struct HashKey<Member<T>> {
  using Lookup = const T*;
  static std::uint64_t hash(const T* key) { return mix(reinterpret_cast<std::uintptr_t>(key)); }
  static bool equal(const Member<T>& a, const T* b) { return a.get() == b; }
};

}  // namespace internal

// One place of a HashMap's table. Its pointer slots stand in dumps as "[17].key" and "[17].value".
template <class K, class V>
struct HashMapEntry {
  K key{};
  V value{};
  std::uint32_t hash = 0;   // 0: empty; else the key's hash with bit 31 set

  using OpenclawSelf = HashMapEntry;
  static void openclawDescribe([[maybe_unused]] TypeBuilder& builder) {
    if constexpr (internal::Traced<K>) builder.template field<K>("key", __builtin_offsetof(HashMapEntry, key));
    if constexpr (internal::Traced<V>) builder.template field<V>("value", __builtin_offsetof(HashMapEntry, value));
  }
};

// Threads: one at a time. Owns: an Array that nobody else points to. An inline value of a heap object.
// Invariant: no empty place lies between an entry and the place its hash names (linear probing; erase closes gaps).
template <class K, class V>
class HashMap {
  using Traits = internal::HashKey<K>;

 public:
  using Entry = HashMapEntry<K, V>;
  using Lookup = typename Traits::Lookup;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t capacity() const { return entries_ ? entries_->size() : 0; }

  // Null when there is none; valid until the next insert or erase.
  V* find(Lookup key) {
    Entry* entry = place(key);
    return entry != nullptr && entry->hash != 0 ? &entry->value : nullptr;
  }
  const V* find(Lookup key) const { return const_cast<HashMap*>(this)->find(key); }
  bool contains(Lookup key) const { return find(key) != nullptr; }

  // Sets the value, whether the key was there or not; says whether it was new. `key`: a number, a pointer (raw, Member
  // or Root); for text keys also text, of which a String is made when it is new.
  template <class Key, class U>
  bool insert(At at, const Key& key, U&& value) {
    if ((size_ + 1) * 4 > capacity() * 3) grow(at);
    const Lookup lookup = lookupOf(key);
    Entry* entry = place(lookup);
    bool isNew = entry->hash == 0;
    if (isNew) {
      if constexpr (std::is_same_v<K, Member<String>> && std::is_convertible_v<const Key&, std::string_view>)
        entry->key = String::make(at, lookup);
      else if constexpr (std::is_integral_v<K>)
        entry->key = lookup;
      else
        entry->key = key;
      entry->hash = storedHash(lookup);
      ++size_;
    }
    entry->value = std::forward<U>(value);
    return isNew;
  }

  bool erase(Lookup key) {
    Entry* gap = place(key);
    if (gap == nullptr || gap->hash == 0) return false;
    const std::size_t mask = capacity() - 1;
    std::size_t hole = static_cast<std::size_t>(gap - entries_->begin());
    for (std::size_t i = (hole + 1) & mask; entries_->at(i).hash != 0; i = (i + 1) & mask) {
      // An entry may move back unless its home lies behind the hole.
      if (((i - home(entries_->at(i).hash)) & mask) < ((i - hole) & mask)) continue;
      entries_->at(hole) = std::move(entries_->at(i));
      hole = i;
    }
    entries_->at(hole) = Entry{};
    --size_;
    return true;
  }
  void clear() {
    entries_ = nullptr;
    size_ = 0;
  }

  // Entries in the table's order. Inserting or erasing meanwhile is not allowed.
  class Iterator {
   public:
    Iterator(Entry* at, Entry* end) : at_(at), end_(end) { skip(); }
    Entry& operator*() const { return *at_; }
    Entry* operator->() const { return at_; }
    Iterator& operator++() {
      ++at_;
      skip();
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    void skip() {
      while (at_ != end_ && at_->hash == 0) ++at_;
    }
    Entry *at_, *end_;
  };
  Iterator begin() { return {first(), first() + capacity()}; }
  Iterator end() { return {first() + capacity(), first() + capacity()}; }

 private:
  template <class Key>
  static Lookup lookupOf(const Key& key) {
    if constexpr (std::is_convertible_v<const Key&, Lookup>) return static_cast<Lookup>(key);
    else return key->view();
  }
  static std::uint32_t storedHash(Lookup key) {
    return static_cast<std::uint32_t>(Traits::hash(key) >> 32) | 0x8000'0000u;
  }
  std::size_t home(std::uint32_t hash) const { return hash & (capacity() - 1); }
  Entry* first() { return entries_ ? entries_->begin() : nullptr; }

  // The key's entry, or the empty place where it would stand; null without a table.
  Entry* place(Lookup key) {
    if (!entries_) return nullptr;
    const std::uint32_t hash = storedHash(key);
    const std::size_t mask = capacity() - 1;
    for (std::size_t i = home(hash);; i = (i + 1) & mask) {
      Entry& entry = entries_->at(i);
      if (entry.hash == 0 || (entry.hash == hash && Traits::equal(entry.key, key))) return &entry;
    }
  }
  void grow(At at) {
    Array<Entry>* old = entries_.get();
    Array<Entry>* larger = Array<Entry>::make(at, capacity() == 0 ? 8 : capacity() * 2);
    const std::size_t mask = larger->size() - 1;
    for (std::size_t n = 0; n < (old != nullptr ? old->size() : 0); ++n) {
      if (old->at(n).hash == 0) continue;
      std::size_t i = old->at(n).hash & mask;
      while (larger->at(i).hash != 0) i = (i + 1) & mask;
      larger->at(i) = std::move(old->at(n));
    }
    entries_ = larger;
  }

  Member<Array<Entry>> entries_;
  std::size_t size_ = 0;

 public:
  OPENCLAW_TYPE(HashMap, entries_)
};

}  // namespace openclaw
