#include "samples/loadgen/text_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

namespace openclaw::loadgen {
namespace {

// Mostly plain syllables, a few that take two or three bytes in UTF-8.
constexpr std::array<std::string_view, 32> kSyllables{
    "ka", "to", "ri", "men", "sol", "da", "ver", "lu", "pin", "os", "ta", "gra", "mi", "no", "el", "shi",
    "bar", "qu", "fen", "ula", "con", "st", "ple", "or", "zu", "han", "wy", "jo", "é", "ßa", "ñu", "日"};

}  // namespace

Vocabulary::Vocabulary(std::size_t words, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::set<std::string> known;
  while (words_.size() < words) {
    std::string word;
    for (std::size_t syllables = 1 + random() % 4; syllables > 0; --syllables) word += kSyllables[random() % kSyllables.size()];
    if (known.insert(word).second) words_.push_back(std::move(word));
  }
  double sum = 0;
  for (std::size_t rank = 0; rank < words; ++rank) cumulative_.push_back(sum += 1 / (static_cast<double>(rank) + 2.7));
}

const std::string& Vocabulary::wordAt(double share) const {
  auto found = std::ranges::upper_bound(cumulative_, share * cumulative_.back());
  return words_[std::min(static_cast<std::size_t>(found - cumulative_.begin()), words_.size() - 1)];
}

TextSource::TextSource(const Vocabulary& words, std::uint64_t seed, std::uint64_t stream) : words_(words) {
  std::seed_seq mixed{seed, seed >> 32, stream};
  random_.seed(mixed);
}

std::size_t TextSource::size(double median) {
  double value = std::lognormal_distribution<double>(std::log(median), 1.0)(random_);
  return static_cast<std::size_t>(std::clamp(value, 1.0, median * 100));
}

std::string TextSource::words(std::size_t count) {
  std::string text;
  for (std::size_t left = count; left > 0; --left) {
    text += word();
    text += left == 1 ? "." : chance(0.1) ? ", " : " ";
  }
  return text;
}

}  // namespace openclaw::loadgen
