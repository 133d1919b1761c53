// Buffer<T>: a large array of plain values straight from the kernel, zeroed, on huge pages where the machine
// has them. The big tables of a snapshot live in these, because an allocator would keep what is given back:
// here freeing returns the memory at once, and untouched rows cost nothing. Peak memory is a promise of the
// analyzer; under a memory limit (memory_limit.h) buffers that do not fit lie in files.
//
//   Buffer<std::uint32_t> number(objectCount);   // all zero
//   number[i] = 7;
//   number.reset();                              // memory is back with the system
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace openclaw {

// Huge pages for what is read at random; small ones for what is read in order and given back piece by piece. Under a memory
// limit what is read at random stays in memory longest.
enum class PageSize : std::uint8_t { kHuge, kSmall, kHugeInOrder };

// kBound: the size is a bound, and most rows may never be written: prepare() says which will be, so that a file need not have
// room for all.
enum class Extent : std::uint8_t { kExact, kBound };

namespace internal {
// Zeroed pages, or nullptr. `bytes` > 0. mapPages and preparePages throw SpillFailed (memory_limit.h).
void* mapAnonymousPages(std::size_t bytes, PageSize pageSize) noexcept;
void* mapPages(std::size_t bytes, PageSize pageSize, bool bound);
// Pages of a file, private to us; `offset` at a page. Nullptr when the system refuses. mapFile: under a memory limit they can be
// taken out of the process, as they stand in the file.
void* mapFilePages(int descriptor, std::uint64_t offset, std::size_t bytes) noexcept;
void* mapFile(int descriptor, std::uint64_t offset, std::size_t bytes) noexcept;
void unmapPages(void* pages, std::size_t bytes) noexcept;
// The pages that lie wholly in [begin, end) of a mapping: gone with what follows, or without memory.
void unmapTail(void* pages, std::size_t bytes, std::size_t from) noexcept;
void releasePages(void* pages, std::size_t from, std::size_t to) noexcept;
void preparePages(void* pages, std::size_t to);
}  // namespace internal

// Threads: as a vector. Owns: its pages. Throws std::bad_alloc when the system refuses; loadSnapshot turns
// that into an error that says so; SpillFailed under a memory limit.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  explicit Buffer(std::size_t size, PageSize pageSize = PageSize::kHuge, Extent extent = Extent::kExact) : size_(size) {
    if (size == 0) return;
    if (size > SIZE_MAX / 2 / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(internal::mapPages(size * sizeof(T), pageSize, extent == Extent::kBound));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  // `size` values as they stand in a file at `offset`, which is a multiple of the page size. Their memory is the system's, as
  // long as nobody writes to them.
  static Buffer mapped(int descriptor, std::uint64_t offset, std::size_t size) {
    Buffer buffer;
    if (size == 0) return buffer;
    buffer.data_ = static_cast<T*>(internal::mapFile(descriptor, offset, size * sizeof(T)));
    if (buffer.data_ == nullptr) throw std::bad_alloc();
    buffer.size_ = size;
    buffer.mapped_ = true;
    return buffer;
  }
  Buffer(Buffer&& o) noexcept
      : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)), mapped_(std::exchange(o.mapped_, false)) {}
  Buffer& operator=(Buffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    std::swap(mapped_, o.mapped_);
    return *this;
  }
  ~Buffer() { reset(); }

  void reset() noexcept {
    if (data_ != nullptr) internal::unmapPages(data_, size_ * sizeof(T));
    data_ = nullptr;
    size_ = 0;
    mapped_ = false;
  }
  // Forgets the rows from `size` on.
  void shrink(std::size_t size) noexcept {
    if (size == 0) return reset();
    if (size >= size_) return;
    internal::unmapTail(data_, size_ * sizeof(T), size * sizeof(T));
    size_ = size;
  }
  // Rows before `rows` are about to be written (Extent::kBound). Ascending calls cost least.
  void prepare(std::size_t rows) {
    if (rows != 0) internal::preparePages(data_, rows * sizeof(T));
  }
  // Rows [first, first + count) are not needed any more; whole pages among them go back to the system. What they
  // hold afterwards is not said.
  void release(std::size_t first, std::size_t count) noexcept {
    if (count != 0) internal::releasePages(data_, first * sizeof(T), (first + count) * sizeof(T));
  }
  T& operator[](std::size_t row) { return data_[row]; }
  const T& operator[](std::size_t row) const { return data_[row]; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t bytes() const { return mapped_ ? 0 : size_ * sizeof(T); }  // memory of ours
  std::span<T> span() { return {data_, size_}; }
  std::span<const T> span() const { return {data_, size_}; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
  bool mapped_ = false;
};

}  // namespace openclaw
