// CRC-32 of zlib and PNG: reflected polynomial 0xedb88320, bits inverted before and after. With carry-less
// multiplication where the processor has it, by tables elsewhere; both give the same numbers.
#include <bit>
#include <cstring>

#include "format/frame.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace openclaw {
namespace {

static_assert(std::endian::native == std::endian::little, "words are folded as they stand in memory");

// Slicing-by-16 (Intel 2006, doubled): table[k][b] is the CRC of byte b followed by k zero bytes, so that sixteen
// bytes are folded with sixteen independent look-ups.
struct CrcTables {
  std::uint32_t t[16][256];
  constexpr CrcTables() : t{} {
    for (std::uint32_t b = 0; b < 256; ++b) {
      std::uint32_t c = b;
      for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0xedb8'8320u : 0u);
      t[0][b] = c;
    }
    for (std::size_t k = 1; k < 16; ++k)
      for (std::size_t b = 0; b < 256; ++b) t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 0xff];
  }
};
constexpr CrcTables kCrc;

// Goes on from the state `crc` (not inverted).
std::uint32_t byTables(std::uint32_t crc, const std::byte* data, std::size_t size) noexcept {
  for (; size >= 16; data += 16, size -= 16) {
    std::uint32_t w[4];
    std::memcpy(w, data, 16);
    w[0] ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < 4; ++i)
      crc ^= kCrc.t[15 - 4 * i][w[i] & 0xff] ^ kCrc.t[14 - 4 * i][(w[i] >> 8) & 0xff] ^
             kCrc.t[13 - 4 * i][(w[i] >> 16) & 0xff] ^ kCrc.t[12 - 4 * i][w[i] >> 24];
  }
  for (; size > 0; ++data, --size) crc = (crc >> 8) ^ kCrc.t[0][(crc ^ static_cast<std::uint32_t>(*data)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// Folding (Gopal et al., "Fast CRC computation for generic polynomials using PCLMULQDQ", Intel 2009): 128 bits of message
// are replaced by their products with x^n mod P, which are congruent and lie n bits further on. Four folds run side by
// side over 64 bytes. What is left at the end are 16 bytes with the same CRC as all before; the tables finish them.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t byFolding(std::uint32_t crc, const std::byte* data,
                                                                 std::size_t size) noexcept {
  auto load = [](const std::byte* p) __attribute__((target("pclmul,sse4.1"))) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  };
  auto fold = [](__m128i x, __m128i by, __m128i next) __attribute__((target("pclmul,sse4.1"))) {
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11)), next);
  };
  const __m128i by512 = _mm_set_epi64x(0x1'c6e4'1596, 0x1'5444'2bd4);  // x^(512-32), x^(512+32) mod P, reflected
  const __m128i by128 = _mm_set_epi64x(0x0'ccaa'009e, 0x1'7519'97d0);  // x^(128-32), x^(128+32)
  __m128i a = _mm_xor_si128(load(data), _mm_cvtsi32_si128(static_cast<int>(crc)));
  __m128i b = load(data + 16), c = load(data + 32), d = load(data + 48);
  for (data += 64, size -= 64; size >= 64; data += 64, size -= 64) {
    a = fold(a, by512, load(data));
    b = fold(b, by512, load(data + 16));
    c = fold(c, by512, load(data + 32));
    d = fold(d, by512, load(data + 48));
  }
  a = fold(a, by128, b);
  a = fold(a, by128, c);
  a = fold(a, by128, d);
  for (; size >= 16; data += 16, size -= 16) a = fold(a, by128, load(data));
  std::byte rest[16];
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest), a);
  return byTables(byTables(0, rest, sizeof(rest)), data, size);
}
#endif

}  // namespace

std::uint32_t crc32(const std::byte* data, std::size_t size, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
  if (size >= 64 && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) return ~byFolding(~seed, data, size);
#endif
  return ~byTables(~seed, data, size);
}

}  // namespace openclaw
