#include "analyzer/load/hprof/class_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "analyzer/load/hprof/object_key.h"

namespace openclaw::hprof {
namespace {

void append(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | code >> 6);
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | code >> 12);
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | code >> 18);
    text += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    text += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
}

constexpr std::uint32_t kReplacement = 0xfffd;

}  // namespace

std::string textOf(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(bytes.size());
  const auto at = [&](std::size_t i) -> std::uint32_t { return i < bytes.size() ? static_cast<std::uint32_t>(bytes[i]) : 0; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  std::uint32_t high = 0;  // a first surrogate that waits for its second
  for (std::size_t i = 0; i < bytes.size();) {
    std::uint32_t code = kReplacement;
    const std::uint32_t b = at(i);
    if (b < 0x80) {
      code = b;
      i += 1;
    } else if ((b & 0xe0) == 0xc0 && follows(i + 1)) {
      code = (b & 0x1f) << 6 | (at(i + 1) & 0x3f);
      i += 2;
    } else if ((b & 0xf0) == 0xe0 && follows(i + 1) && follows(i + 2)) {
      code = (b & 0x0f) << 12 | (at(i + 1) & 0x3f) << 6 | (at(i + 2) & 0x3f);
      i += 3;
    } else if ((b & 0xf8) == 0xf0 && follows(i + 1) && follows(i + 2) && follows(i + 3)) {
      // Not modified UTF-8, but what some writers put there.
      code = (b & 0x07) << 18 | (at(i + 1) & 0x3f) << 12 | (at(i + 2) & 0x3f) << 6 | (at(i + 3) & 0x3f);
      if (code > 0x10ffff || code < 0x10000) code = kReplacement;
      i += 4;
    } else {
      i += 1;
    }
    if (high != 0) {
      if (code >= 0xdc00 && code < 0xe000) {
        append(text, 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00));
        high = 0;
        continue;
      }
      append(text, kReplacement);
      high = 0;
    }
    if (code >= 0xd800 && code < 0xdc00) high = code;
    else append(text, code >= 0xdc00 && code < 0xe000 ? kReplacement : code);
  }
  if (high != 0) append(text, kReplacement);
  return text;
}

std::string_view primitiveName(std::uint8_t type) {
  switch (type) {
    case kBoolean: return "boolean";
    case kChar: return "char";
    case kFloat: return "float";
    case kDouble: return "double";
    case kByte: return "byte";
    case kShort: return "short";
    case kInt: return "int";
    case kLong: return "long";
    default: return "";
  }
}

std::string javaName(std::string_view vmName) {
  std::size_t dimensions = 0;
  while (dimensions < vmName.size() && vmName[dimensions] == '[') ++dimensions;
  std::string_view element = vmName.substr(dimensions);
  std::string name;
  if (dimensions != 0 && element.size() == 1) {
    constexpr std::pair<char, FieldType> kLetters[] = {{'Z', kBoolean}, {'C', kChar}, {'F', kFloat}, {'D', kDouble},
                                                       {'B', kByte}, {'S', kShort}, {'I', kInt}, {'J', kLong}};
    for (const auto& [letter, type] : kLetters)
      if (element[0] == letter) name = primitiveName(type);
  } else if (dimensions != 0 && element.size() > 2 && element.front() == 'L' && element.back() == ';') {
    element = element.substr(1, element.size() - 2);
  }
  if (name.empty()) {
    name = element;
    std::replace(name.begin(), name.end(), '/', '.');
  }
  for (std::size_t i = 0; i < dimensions; ++i) name += "[]";
  return name;
}

void NameTable::add(std::uint64_t id, std::span<const std::byte> text) {
  places_[id] = {bytes_.size(), static_cast<std::uint32_t>(text.size())};
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}
std::string NameTable::text(std::uint64_t id) const {
  const auto at = places_.find(id);
  if (at == places_.end()) return {};
  return textOf(std::span(bytes_).subspan(at->second.offset, at->second.length));
}

std::uint32_t ClassTable::numberFor(std::uint64_t id) {
  const auto [at, added] = numbers_.try_emplace(id, size());
  if (added) {
    if (classes_.size() >= Key::kMostClasses - 1) throw std::length_error("more than 2^30 - 1 classes");
    classes_.emplace_back().id = id;
  }
  return at->second;
}
std::optional<std::uint32_t> ClassTable::find(std::uint64_t id) const {
  const auto at = numbers_.find(id);
  if (at == numbers_.end()) return std::nullopt;
  return at->second;
}

void ClassTable::load(std::uint32_t serial, std::uint64_t id, std::uint64_t name) {
  const std::uint32_t number = numberOf(id);
  classes_[number].name = name;
  serials_[serial] = number;
}
std::uint32_t ClassTable::bySerial(std::uint32_t serial) const {
  const auto at = serials_.find(serial);
  return at == serials_.end() ? ClassInfo::kNone : at->second;
}

void ClassTable::record(const ClassRecord& record) {
  ClassInfo& info = classes_[numberOf(record.id)];
  if (info.hasRecord) return;  // the first one counts, as with every object
  info.hasRecord = true;
  info.super = record.super;
  info.loader = record.loader;
  info.signers = record.signers;
  info.domain = record.domain;
  info.constants = record.constants;
  info.statics = record.statics;
  info.fields = record.fields;
}

void ClassTable::forgetRecords() {
  for (ClassInfo& info : classes_) {
    info.hasRecord = false;
    info.observedBytes = 0;
    info.super = info.loader = info.signers = info.domain = 0;
    info.constants.clear();
    info.statics.clear();
    info.fields.clear();
  }
}

void ClassTable::resolve() {
  for (ClassInfo& info : classes_) {
    const auto super = info.super == 0 ? std::nullopt : find(info.super);
    info.superNumber = super ? *super : ClassInfo::kNone;
  }
}

Layout ClassTable::layoutOf(std::uint32_t number) const {
  Layout layout;
  for (unsigned depth = 0; number != ClassInfo::kNone && depth <= kMostAncestors; ++depth) {
    const ClassInfo& info = classes_[number];
    for (const InstanceField& field : info.fields) {
      if (field.type == kObjectField) layout.references.push_back({layout.recordBytes, field.name, number});
      else layout.primitiveBytes += sizeOfType(field.type, idSize_);
      layout.recordBytes += sizeOfType(field.type, idSize_);
    }
    number = info.superNumber;
  }
  return layout;
}

bool ClassTable::isA(std::uint32_t number, std::uint32_t ancestor) const {
  for (unsigned depth = 0; number != ClassInfo::kNone && depth <= kMostAncestors; ++depth) {
    if (number == ancestor) return true;
    number = classes_[number].superNumber;
  }
  return false;
}

std::optional<std::uint32_t> ClassTable::named(std::string_view wanted, const NameTable& names) const {
  for (std::uint32_t number = 0; number < size(); ++number)
    if (classes_[number].name != 0 && javaName(names.text(classes_[number].name)) == wanted) return number;
  return std::nullopt;
}

std::string ClassTable::nameOf(std::uint32_t number, const NameTable& names) const {
  const ClassInfo& info = classes_[number];
  std::string name = info.name == 0 ? std::string() : javaName(names.text(info.name));
  if (name.empty()) name = fmt::format("(class {:#x} without a name)", info.id);
  return name;
}

}  // namespace openclaw::hprof
