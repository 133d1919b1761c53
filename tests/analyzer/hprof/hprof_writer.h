// Hand-made HPROF bytes for tests: a dump as a list of records, each put together field by field.
//
//   HprofWriter w;                       // 8-byte ids
//   w.utf8(1, "A");  w.loadClass(1, 0x1000, 1);
//   w.beginSegment();  w.classDump({.id = 0x1000, .fields = {{2, kObject}}});  w.instance(0x2000, 0x1000, {0x3000});  w.endSegment();
//   w.end();   w.bytes();
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace openclaw::test {

class HprofWriter {
 public:
  static constexpr std::uint8_t kObject = 2, kBoolean = 4, kChar = 5, kByte = 8, kInt = 10, kLong = 11;

  explicit HprofWriter(unsigned idSize = 8, std::string_view version = "JAVA PROFILE 1.0.2", std::uint64_t milliseconds = 0);

  struct Field {
    std::uint64_t name;
    std::uint8_t type = kObject;
    std::uint64_t value = 0;  // of a static
  };
  struct Class {
    std::uint64_t id, super = 0, loader = 0, signers = 0, domain = 0;
    std::vector<Field> statics{}, fields{};
    std::vector<std::uint64_t> constants{};
  };

  void record(std::uint8_t tag, const std::vector<std::byte>& body);
  void utf8(std::uint64_t id, std::string_view text);
  void loadClass(std::uint32_t serial, std::uint64_t cls, std::uint64_t name);
  void frame(std::uint64_t id, std::uint64_t method, std::uint64_t file, std::uint32_t classSerial, std::int32_t line);
  void trace(std::uint32_t serial, std::uint32_t thread, const std::vector<std::uint64_t>& frames);

  // A segment (tag 0x1c) or a whole dump (0x0c), whose length is put in by endSegment(), or is `length`.
  void beginSegment(std::uint8_t tag = 0x1c);
  void endSegment();
  void endSegmentAs(std::uint32_t length);
  std::uint64_t segmentBytes() const { return bytes_.size() - segment_ - 4; }  // of its body so far
  void end();  // HEAP_DUMP_END

  void root(std::uint8_t tag, std::uint64_t object, std::uint32_t first = 0, std::uint32_t second = 0);
  void classDump(const Class& c);
  // Values of object fields only; others through `raw`.
  void instance(std::uint64_t id, std::uint64_t cls, const std::vector<std::uint64_t>& references, std::uint32_t trace = 1);
  void instanceRaw(std::uint64_t id, std::uint64_t cls, const std::vector<std::byte>& values, std::uint32_t trace = 1);
  void objectArray(std::uint64_t id, std::uint64_t cls, const std::vector<std::uint64_t>& elements, std::uint32_t trace = 1);
  void primitiveArray(std::uint64_t id, std::uint8_t type, std::uint32_t count, std::string_view data, std::uint32_t trace = 1);
  void noData(std::uint64_t id, std::uint8_t type, std::uint32_t count);
  void heapInfo(std::uint32_t heap, std::uint64_t name);
  void raw(std::uint8_t byte) { bytes_.push_back(static_cast<std::byte>(byte)); }

  void put(std::vector<std::byte>& to, std::uint64_t value, unsigned size) const;
  void number(std::uint64_t value, unsigned size) { put(bytes_, value, size); }
  void id(std::uint64_t value) { put(bytes_, value, idSize_); }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  unsigned idSize_;
  std::vector<std::byte> bytes_;
  std::size_t segment_ = 0;
};

// gzip, in members of `memberBytes` inflated bytes each (0: one member).
std::vector<std::byte> gzipped(const std::vector<std::byte>& bytes, std::size_t memberBytes);

}  // namespace openclaw::test
