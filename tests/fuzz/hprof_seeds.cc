// Writes a corpus of small Java heap dumps for fuzz_hprof:  fuzz_hprof_seeds FOLDER
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "tests/analyzer/hprof/hprof_writer.h"

namespace {

using openclaw::test::HprofWriter;

std::vector<std::byte> dump(unsigned idSize, std::uint8_t tag, bool classesLast) {
  HprofWriter w(idSize, idSize == 4 ? "JAVA PROFILE 1.0.3" : "JAVA PROFILE 1.0.2");
  const char* texts[] = {"java/lang/Object", "java/lang/Class", "java/lang/ref/Reference", "java/lang/ref/FinalReference", "referent",
                         "next", "[Ljava/lang/Object;", "java/lang/Thread", "name", "Main.java"};
  std::uint64_t name = 1;
  for (const char* text : texts) w.utf8(name++, text);
  const std::uint64_t names[] = {1, 2, 3, 4, 7, 8};
  for (std::uint32_t i = 0; i < 6; ++i) w.loadClass(i + 1, 0x1000 + 0x100 * i, names[i]);
  w.frame(70, 9, 10, 1, 42);
  w.trace(5, 9, {70});
  w.beginSegment(tag);
  const auto classes = [&] {
    w.classDump({.id = 0x1000});
    w.classDump({.id = 0x1100, .super = 0x1000, .statics = {{6, HprofWriter::kObject, 0x2000}, {9, HprofWriter::kLong, 5}}, .constants = {0x2000}});
    w.classDump({.id = 0x1200, .super = 0x1000, .fields = {{5}, {6}}});
    w.classDump({.id = 0x1300, .super = 0x1200, .loader = 0x2000, .fields = {{9, HprofWriter::kInt}}});
    w.classDump({.id = 0x1400, .super = 0x1000});
    w.classDump({.id = 0x1500, .super = 0x1000, .fields = {{9}}});
  };
  if (!classesLast) classes();
  w.root(0x08, 0x2100, 9, 5);
  w.root(0x03, 0x2020, 9, 0);
  w.root(0x01, 0x2040);
  w.root(0xff, 0x2000);
  w.instance(0x2000, 0x1000, {});
  w.instance(0x2020, 0x1200, {0x2000, 0x2040}, 5);
  w.objectArray(0x2040, 0x1400, {0x2020, 0, 0x2000, 0x7777});
  w.primitiveArray(0x2080, HprofWriter::kByte, 5, "hello");
  w.instance(0x2100, 0x1500, {0x2080});
  if (idSize == 4) {
    w.heapInfo(1, 1);
    w.noData(0x2200, HprofWriter::kChar, 100);
    w.root(0x8e, 0x2000, 1, 2);
  }
  if (classesLast) classes();
  w.endSegment();
  if (tag == 0x1c) w.end();
  return w.bytes();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  int number = 0;
  for (const unsigned idSize : {4u, 8u})
    for (const std::uint8_t tag : {std::uint8_t{0x0c}, std::uint8_t{0x1c}})
      for (const bool last : {false, true})
        for (const std::size_t member : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
          std::vector<std::byte> bytes = dump(idSize, tag, last);
          if (member != 0) bytes = openclaw::test::gzipped(bytes, member == 1 ? 0 : member);
          for (int dominators = 0; dominators < 3; ++dominators) {   // the fuzzer takes its policy from the length
            bytes.push_back(std::byte{0});
            std::ofstream(std::string(arguments[1]) + "/hprof-" + std::to_string(number++), std::ios::binary)
                .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
          }
        }
  return 0;
}
