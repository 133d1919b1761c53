#include "tests/analyzer/hprof/hprof_writer.h"

#include <zlib.h>

#include <algorithm>

namespace openclaw::test {

HprofWriter::HprofWriter(unsigned idSize, std::string_view version, std::uint64_t milliseconds) : idSize_(idSize) {
  for (const char c : version) raw(static_cast<std::uint8_t>(c));
  raw(0);
  number(idSize, 4);
  number(milliseconds, 8);
}

void HprofWriter::put(std::vector<std::byte>& to, std::uint64_t value, unsigned size) const {
  for (unsigned i = size; i-- > 0;) to.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void HprofWriter::record(std::uint8_t tag, const std::vector<std::byte>& body) {
  raw(tag);
  number(0, 4);
  number(body.size(), 4);
  bytes_.insert(bytes_.end(), body.begin(), body.end());
}
void HprofWriter::utf8(std::uint64_t id, std::string_view text) {
  std::vector<std::byte> body;
  put(body, id, idSize_);
  for (const char c : text) body.push_back(static_cast<std::byte>(c));
  record(0x01, body);
}
void HprofWriter::loadClass(std::uint32_t serial, std::uint64_t cls, std::uint64_t name) {
  std::vector<std::byte> body;
  put(body, serial, 4);
  put(body, cls, idSize_);
  put(body, 1, 4);
  put(body, name, idSize_);
  record(0x02, body);
}
void HprofWriter::frame(std::uint64_t id, std::uint64_t method, std::uint64_t file, std::uint32_t classSerial, std::int32_t line) {
  std::vector<std::byte> body;
  for (const std::uint64_t value : {id, method, std::uint64_t{0}, file}) put(body, value, idSize_);
  put(body, classSerial, 4);
  put(body, static_cast<std::uint32_t>(line), 4);
  record(0x04, body);
}
void HprofWriter::trace(std::uint32_t serial, std::uint32_t thread, const std::vector<std::uint64_t>& frames) {
  std::vector<std::byte> body;
  put(body, serial, 4);
  put(body, thread, 4);
  put(body, frames.size(), 4);
  for (const std::uint64_t frame : frames) put(body, frame, idSize_);
  record(0x05, body);
}

void HprofWriter::beginSegment(std::uint8_t tag) {
  raw(tag);
  number(0, 4);
  segment_ = bytes_.size();
  number(0, 4);
}
void HprofWriter::endSegment() { endSegmentAs(static_cast<std::uint32_t>(bytes_.size() - segment_ - 4)); }
void HprofWriter::endSegmentAs(std::uint32_t length) {
  std::vector<std::byte> value;
  put(value, length, 4);
  std::copy(value.begin(), value.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(segment_));
}
void HprofWriter::end() { record(0x2c, {}); }

void HprofWriter::root(std::uint8_t tag, std::uint64_t object, std::uint32_t first, std::uint32_t second) {
  raw(tag);
  id(object);
  if (tag == 0x01) id(0);
  if (tag == 0x04 || tag == 0x06) number(first, 4);
  if (tag == 0x02 || tag == 0x03 || tag == 0x08 || tag == 0x8e) {
    number(first, 4);
    number(second, 4);
  }
}
void HprofWriter::classDump(const Class& c) {
  const auto sizeOf = [&](std::uint8_t type) { return type == kObject ? idSize_ : type == kLong ? 8u : type == kInt ? 4u : type == kChar ? 2u : 1u; };
  raw(0x20);
  id(c.id);
  number(1, 4);
  for (const std::uint64_t value : {c.super, c.loader, c.signers, c.domain, std::uint64_t{0}, std::uint64_t{0}}) id(value);
  number(0, 4);
  number(c.constants.size(), 2);
  for (std::size_t i = 0; i < c.constants.size(); ++i) {
    number(i, 2);
    raw(kObject);
    id(c.constants[i]);
  }
  number(c.statics.size(), 2);
  for (const Field& field : c.statics) {
    id(field.name);
    raw(field.type);
    number(field.value, sizeOf(field.type));
  }
  number(c.fields.size(), 2);
  for (const Field& field : c.fields) {
    id(field.name);
    raw(field.type);
  }
}
void HprofWriter::instance(std::uint64_t object, std::uint64_t cls, const std::vector<std::uint64_t>& references, std::uint32_t trace) {
  std::vector<std::byte> values;
  for (const std::uint64_t reference : references) put(values, reference, idSize_);
  instanceRaw(object, cls, values, trace);
}
void HprofWriter::instanceRaw(std::uint64_t object, std::uint64_t cls, const std::vector<std::byte>& values, std::uint32_t trace) {
  raw(0x21);
  id(object);
  number(trace, 4);
  id(cls);
  number(values.size(), 4);
  bytes_.insert(bytes_.end(), values.begin(), values.end());
}
void HprofWriter::objectArray(std::uint64_t object, std::uint64_t cls, const std::vector<std::uint64_t>& elements, std::uint32_t trace) {
  raw(0x22);
  id(object);
  number(trace, 4);
  number(elements.size(), 4);
  id(cls);
  for (const std::uint64_t element : elements) id(element);
}
void HprofWriter::primitiveArray(std::uint64_t object, std::uint8_t type, std::uint32_t count, std::string_view data, std::uint32_t trace) {
  raw(0x23);
  id(object);
  number(trace, 4);
  number(count, 4);
  raw(type);
  for (const char c : data) raw(static_cast<std::uint8_t>(c));
}
void HprofWriter::noData(std::uint64_t object, std::uint8_t type, std::uint32_t count) {
  raw(0xc3);
  id(object);
  number(1, 4);
  number(count, 4);
  raw(type);
}
void HprofWriter::heapInfo(std::uint32_t heap, std::uint64_t name) {
  raw(0xfe);
  number(heap, 4);
  id(name);
}

std::vector<std::byte> gzipped(const std::vector<std::byte>& bytes, std::size_t memberBytes) {
  if (memberBytes == 0) memberBytes = bytes.size();
  std::vector<std::byte> out;
  for (std::size_t at = 0; at < bytes.size(); at += memberBytes) {
    std::vector<std::byte> in(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                              bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + memberBytes)));
    z_stream z{};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::vector<std::byte> member(deflateBound(&z, in.size()) + 64);
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(member.data());
    z.avail_out = static_cast<uInt>(member.size());
    deflate(&z, Z_FINISH);
    member.resize(member.size() - z.avail_out);
    deflateEnd(&z);
    out.insert(out.end(), member.begin(), member.end());
  }
  return out;
}

}  // namespace openclaw::test
