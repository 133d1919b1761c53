// Names, classes and the shape of their instances: what do the raw bytes of an instance mean?
//
// Classes are numbered as their ids turn up, with or without a record: a CLASS_DUMP may follow its instances, or be missing.
// Instances hold the fields of their class, then those of its super class, and so on; only references become slots.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "analyzer/load/hprof/hprof_parser.h"

namespace openclaw::hprof {

// Text of a modified UTF-8 string (two-byte zero, surrogates of three bytes each) as UTF-8; what is none becomes U+FFFD.
std::string textOf(std::span<const std::byte> modifiedUtf8);
// "[Ljava/lang/String;" and "java/lang/String[]" as "java.lang.String[]".
std::string javaName(std::string_view vmName);
std::string_view primitiveName(std::uint8_t type);  // "byte"; "" = no such type

// Threads: one while filled, then const from any number.
class NameTable {
 public:
  void add(std::uint64_t id, std::span<const std::byte> text);
  // Empty: unknown.
  std::string text(std::uint64_t id) const;
  std::size_t bytes() const { return bytes_.size() + places_.size() * 40; }
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.bytes_, self.places_);
  }

 private:
  struct Place {
    std::uint64_t offset;
    std::uint32_t length;
    template <class A, class Self>
    static void archive(A& a, Self& self) {
      a(self.offset, self.length);
    }
  };
  std::vector<std::byte> bytes_;
  std::unordered_map<std::uint64_t, Place> places_;
};

struct ReferenceField {
  std::uint32_t offset = 0;  // in the bytes of an instance
  std::uint64_t name = 0;
  std::uint32_t declaredBy = 0;  // class number
};
// Of the instances of one class, all super classes included.
struct Layout {
  std::vector<ReferenceField> references;
  std::uint32_t recordBytes = 0;  // as in the file
  std::uint32_t primitiveBytes = 0;
};

struct ClassInfo {
  static constexpr std::uint32_t kNone = 0xffff'ffffu;
  std::uint64_t id = 0, name = 0;  // name: of the names, 0 = no LOAD_CLASS
  bool hasRecord = false;
  std::uint64_t super = 0, loader = 0, signers = 0, domain = 0;
  std::vector<std::uint64_t> constants;
  std::vector<StaticField> statics;
  std::vector<InstanceField> fields;
  std::uint32_t observedBytes = 0;    // of the first instance, for classes without a record
  std::uint32_t superNumber = kNone;  // after resolve()
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.id, self.name, self.hasRecord, self.super, self.loader, self.signers, self.domain, self.constants, self.statics,
      self.fields, self.observedBytes, self.superNumber);
  }
};

// Threads: one while filled, then const from any number.
class ClassTable {
 public:
  explicit ClassTable(unsigned idSize) : idSize_(idSize) {}
  unsigned idSize() const { return idSize_; }
  // The number of the class with this id; a new one when it was never seen.
  std::uint32_t numberOf(std::uint64_t id) {
    Recent& recent = recent_[(id >> 3) % recent_.size()];
    if (recent.id == id && recent.number != ClassInfo::kNone) return recent.number;
    recent = {id, numberFor(id)};
    return recent.number;
  }
  std::optional<std::uint32_t> find(std::uint64_t id) const;
  const ClassInfo& operator[](std::uint32_t number) const { return classes_[number]; }
  ClassInfo& at(std::uint32_t number) { return classes_[number]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(classes_.size()); }

  void load(std::uint32_t serial, std::uint64_t id, std::uint64_t name);
  void record(const ClassRecord& record);
  // Forgets the records of an earlier dump in the file; names stay.
  void forgetRecords();

  // After the last record: super classes by number.
  void resolve();
  // Cost: O(fields of all super classes). At most kMostAncestors of them are looked at, whatever a damaged file says.
  static constexpr unsigned kMostAncestors = 100;
  Layout layoutOf(std::uint32_t number) const;
  // Is it `ancestor`, or derived from it?
  bool isA(std::uint32_t number, std::uint32_t ancestor) const;
  // First class of that name.
  std::optional<std::uint32_t> named(std::string_view javaClassName, const NameTable& names) const;
  std::string nameOf(std::uint32_t number, const NameTable& names) const;
  std::uint32_t bySerial(std::uint32_t serial) const;  // ClassInfo::kNone = unknown
  template <class A, class Self>
  static void archive(A& a, Self& self) {
    a(self.classes_, self.numbers_, self.serials_);
  }

 private:
  std::uint32_t numberFor(std::uint64_t id);

  const unsigned idSize_;
  std::vector<ClassInfo> classes_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;
  std::unordered_map<std::uint32_t, std::uint32_t> serials_;
  struct Recent {
    std::uint64_t id = 0;
    std::uint32_t number = ClassInfo::kNone;
  };
  std::array<Recent, 4096> recent_{};
};

}  // namespace openclaw::hprof
