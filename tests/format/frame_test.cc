#include "format/frame.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tests/support/dump_model.h"

namespace openclaw {
namespace {

// The definition, bit by bit: polynomial 0xedb88320, all bits inverted before and after.
std::uint32_t crcByDefinition(const std::byte* data, std::size_t size, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= static_cast<std::uint32_t>(data[i]);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

TEST(Frame, Crc32IsZlibsForEveryLengthAlignmentAndSeed) {
  const char check[] = "123456789";
  EXPECT_EQ(crc32(reinterpret_cast<const std::byte*>(check), 9), 0xcbf43926u) << "the check value of CRC-32";
  test::Random random(1);
  std::vector<std::byte> bytes(5000);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  for (std::size_t size = 0; size < 600; ++size)
    for (std::size_t offset = 0; offset < 17; ++offset) {
      auto seed = static_cast<std::uint32_t>(random.next());
      ASSERT_EQ(crc32(bytes.data() + offset, size, seed), crcByDefinition(bytes.data() + offset, size, seed))
          << size << " at " << offset;
    }
  EXPECT_EQ(crc32(bytes.data(), bytes.size()), crcByDefinition(bytes.data(), bytes.size(), 0));
  EXPECT_EQ(crc32(nullptr, 0), 0u);
  std::uint32_t half = crc32(bytes.data(), 2500);
  EXPECT_EQ(crc32(bytes.data() + 2500, 2500, half), crc32(bytes.data(), 5000)) << "a seed continues";
}

template <class Header>
void expectEveryBitIsGuarded(const Header& header) {
  std::byte bytes[Header::kBytes];
  encode(header, bytes);
  Header back;
  ASSERT_TRUE(decode(bytes, back));
  for (std::size_t i = 0; i < Header::kBytes; ++i)
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::byte>(1 << bit);
      EXPECT_FALSE(decode(bytes, back)) << i << "." << bit;
      bytes[i] ^= static_cast<std::byte>(1 << bit);
    }
}

TEST(Frame, HeadersComeBackAndEveryFlippedBitIsSeen) {
  FileHeader file;
  file.dumpId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  file.dumpedUnix = 0x0102030405060708;
  expectEveryBitIsGuarded(file);
  FrameHeader frame{FrameKind::kObjects, FrameHeader::kRaw, 7, 1000, 500, 0xdeadbeef};
  expectEveryBitIsGuarded(frame);
  expectEveryBitIsGuarded(Trailer{4711, 5000});

  std::byte bytes[64];
  FileHeader fileBack;
  encode(file, bytes);
  ASSERT_TRUE(decode(bytes, fileBack));
  EXPECT_EQ(fileBack.dumpId, file.dumpId);
  EXPECT_EQ(fileBack.dumpedUnix, file.dumpedUnix);
  EXPECT_EQ(fileBack.version, kFormatVersion);
  FrameHeader frameBack;
  encode(frame, bytes);
  ASSERT_TRUE(decode(bytes, frameBack));
  EXPECT_EQ(frameBack.kind, frame.kind);
  EXPECT_EQ(frameBack.flags, frame.flags);
  EXPECT_EQ(frameBack.sequence, frame.sequence);
  EXPECT_EQ(frameBack.rawSize, frame.rawSize);
  EXPECT_EQ(frameBack.storedSize, frame.storedSize);
  EXPECT_EQ(frameBack.storedCrc, frame.storedCrc);
  Trailer trailerBack;
  encode(Trailer{4711, 5000}, bytes);
  ASSERT_TRUE(decode(bytes, trailerBack));
  EXPECT_EQ(trailerBack.indexOffset, 4711u);
  EXPECT_EQ(trailerBack.fileSize, 5000u);
}

TEST(Frame, AFrameThatClaimsMoreThanTheLimitIsNoFrame) {
  std::byte bytes[FrameHeader::kBytes];
  FrameHeader header{FrameKind::kTypes, 0, 0, FrameHeader::kMaxRawBytes, 10, 0};
  encode(header, bytes);
  EXPECT_TRUE(decode(bytes, header));
  header.rawSize = FrameHeader::kMaxRawBytes + 1;
  encode(header, bytes);
  EXPECT_FALSE(decode(bytes, header));
}

TEST(Frame, EveryKindHasAName) {
  for (int kind = 1; kind <= static_cast<int>(FrameKind::kEnd); ++kind)
    EXPECT_STRNE(toText(static_cast<FrameKind>(kind)), "unknown") << kind;
  EXPECT_STREQ(toText(static_cast<FrameKind>(0)), "unknown");
  EXPECT_STREQ(toText(static_cast<FrameKind>(60000)), "unknown");
}

}  // namespace
}  // namespace openclaw
