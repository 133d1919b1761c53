// Text in the heap: immutable UTF-8 (or any bytes), one object.
//
//   String* name = String::make(heap, "ada");
//   name->view() == "ada";
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "runtime/make.h"
#include "runtime/type_table.h"

namespace openclaw {

// Threads: any, it never changes. Owned by the heap. Bytes: [size 8][byte]...
class String {
  struct Key {};

 public:
  using OpenclawSelf = String;

  // A copy of `text`, which must not lie in the heap unless something keeps it alive. Throws std::bad_alloc.
  static String* make(At at, std::string_view text) { return makeSized<String>(at, text.size(), Key{}, text); }

  String(Key, std::string_view text) : size_(text.size()) {
    if (!text.empty()) std::memcpy(reinterpret_cast<char*>(this + 1), text.data(), text.size());
  }
  String(const String&) = delete;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Lives as long as the string: hold a pointer to the object, the view alone counts only on a stack.
  std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size_}; }

  friend bool operator==(const String& a, const String& b) { return a.view() == b.view(); }
  friend bool operator==(const String& a, std::string_view b) { return a.view() == b; }

  static void openclawDescribe(TypeBuilder& builder) {
    builder.elements<char>(sizeof(String), 0);
    builder.text();
  }

 private:
  const std::uint64_t size_;
};

}  // namespace openclaw
