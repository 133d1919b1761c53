#include "tests/fuzz/dump_bytes.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "format/frame.h"

namespace openclaw::fuzz {
namespace {

struct Piece {
  std::size_t offset, size;
};

// Calls visit(offset, stored) for everything that begins as a frame does; `stored` is cut to what there is.
template <class Visit>
void forEachFrame(const std::vector<std::byte>& file, Visit visit) {
  for (std::size_t at = FileHeader::kBytes; at < file.size() && file.size() - at >= FrameHeader::kBytes;) {
    if (std::memcmp(file.data() + at, FrameHeader::kMagic.data(), FrameHeader::kMagic.size()) != 0) {
      ++at;
      continue;
    }
    std::uint32_t stored = 0;
    std::memcpy(&stored, file.data() + at + 16, sizeof(stored));
    const std::size_t left = file.size() - at - FrameHeader::kBytes;
    const bool whole = stored <= left;
    visit(at, whole ? stored : left, whole);
    at += FrameHeader::kBytes + (whole ? stored : 0);
  }
}

}  // namespace

void repairChecksums(std::vector<std::byte>& file) {
  if (file.size() < FileHeader::kBytes) return;
  const auto crcAt = [&](std::size_t from, std::size_t size) {
    const std::uint32_t crc = crc32(file.data() + from, size);
    std::memcpy(file.data() + from + size, &crc, sizeof(crc));
  };
  crcAt(0, FileHeader::kBytes - 4);
  forEachFrame(file, [&](std::size_t at, std::size_t stored, bool whole) {
    if (whole) {
      const std::uint32_t crc = crc32(file.data() + at + FrameHeader::kBytes, stored);
      std::memcpy(file.data() + at + 20, &crc, sizeof(crc));
    }
    crcAt(at, FrameHeader::kBytes - 4);
  });
  if (file.size() >= FileHeader::kBytes + Trailer::kBytes) {
    const std::size_t at = file.size() - Trailer::kBytes;
    if (std::memcmp(file.data() + at, Trailer::kMagic.data(), Trailer::kMagic.size()) == 0) crcAt(at, Trailer::kBytes - 4);
  }
}

void moveFrames(std::vector<std::byte>& file, std::size_t limit, unsigned seed) {
  std::vector<Piece> frames;
  forEachFrame(file, [&](std::size_t at, std::size_t stored, bool whole) {
    if (whole) frames.push_back({at, FrameHeader::kBytes + stored});
  });
  if (frames.empty()) return;
  std::minstd_rand random(seed);
  const auto one = [&]() -> const Piece& { return frames[random() % frames.size()]; };
  const Piece a = one(), b = one();
  const auto at = [&](std::size_t offset) { return file.begin() + static_cast<std::ptrdiff_t>(offset); };
  const auto renumber = [&](std::size_t offset, std::uint32_t number) { std::memcpy(file.data() + offset + 8, &number, sizeof(number)); };
  switch (random() % 6) {
    case 0: {  // a doubled before b, with the same number or with a new one
      if (file.size() + a.size > limit) return;
      const std::vector<std::byte> copy(at(a.offset), at(a.offset + a.size));
      file.insert(at(b.offset), copy.begin(), copy.end());
      if (random() % 2 == 0) renumber(b.offset, static_cast<std::uint32_t>(frames.size()));
      return;
    }
    case 1:
      file.erase(at(a.offset), at(a.offset + a.size));
      return;
    case 2: {  // the two change places
      if (a.offset == b.offset) return;
      const Piece &first = a.offset < b.offset ? a : b, &second = a.offset < b.offset ? b : a;
      std::vector<std::byte> out(file.begin(), at(first.offset));
      out.insert(out.end(), at(second.offset), at(second.offset + second.size));
      out.insert(out.end(), at(first.offset + first.size), at(second.offset));
      out.insert(out.end(), at(first.offset), at(first.offset + first.size));
      out.insert(out.end(), at(second.offset + second.size), file.end());
      file = std::move(out);
      return;
    }
    case 3: {  // the two change their numbers
      std::byte number[4];
      std::memcpy(number, file.data() + a.offset + 8, 4);
      std::memcpy(file.data() + a.offset + 8, file.data() + b.offset + 8, 4);
      std::memcpy(file.data() + b.offset + 8, number, 4);
      return;
    }
    case 4: {  // another kind
      const auto kind = static_cast<std::uint16_t>(1 + random() % 24);
      std::memcpy(file.data() + a.offset + 4, &kind, sizeof(kind));
      return;
    }
    default: renumber(a.offset, static_cast<std::uint32_t>(random() % (2 * frames.size()))); return;
  }
}

}  // namespace openclaw::fuzz

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t maximum);

// One mutation in four moves frames; the others are libFuzzer's own.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maximum, unsigned seed) {
  if (seed % 4 != 0) return LLVMFuzzerMutate(data, size, maximum);
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> file(begin, begin + size);
  openclaw::fuzz::moveFrames(file, maximum, seed / 4);
  if (file.size() > maximum) return size;
  std::copy(file.begin(), file.end(), reinterpret_cast<std::byte*>(data));
  return file.size();
}
