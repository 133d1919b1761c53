// Rows that a walk fills without allocating: address space reserved once, pages touched as rows come, given back by
// clear(). For a dump child and a stopped world.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

namespace openclaw {

// Threads: one at a time. Owns: one anonymous mapping.
template <class T>
class MappedArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  // Throws std::bad_alloc without address space.
  explicit MappedArray(std::size_t capacity) : capacity_(capacity) {
    void* memory = ::mmap(nullptr, capacity * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
  }
  ~MappedArray() { ::munmap(static_cast<void*>(data_), capacity_ * sizeof(T)); }
  MappedArray(const MappedArray&) = delete;

  // Outside any stop: a system call.
  void clear() noexcept {
    if (size_ != 0) ::madvise(static_cast<void*>(data_), size_ * sizeof(T), MADV_DONTNEED);
    size_ = 0;
  }
  // Null when it is full.
  T* add() noexcept { return size_ == capacity_ ? nullptr : new (&data_[size_++]) T(); }
  void restart() noexcept { size_ = 0; }

  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  std::span<T> rows() noexcept { return {data_, size_}; }

 private:
  T* data_;
  std::size_t capacity_, size_ = 0;
};

}  // namespace openclaw
