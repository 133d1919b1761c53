// Text as people and agents write it, made from a seed: words with Zipf's frequencies, sizes from a few words to pages.
//
//   Vocabulary words(8000, seed);                 // shared by all threads
//   TextSource source(words, seed, threadNumber); // one per thread
//   std::string text = source.text(20);           // about 20 words, sometimes ten times as many
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace openclaw::loadgen {

// Threads: constant after construction.
class Vocabulary {
 public:
  Vocabulary(std::size_t words, std::uint64_t seed);
  const std::string& word(std::size_t rank) const { return words_[rank]; }
  // The word at `share` (0 to 1) of all word occurrences: rank r has weight 1 / (r + 2.7), as Mandelbrot corrects Zipf.
  const std::string& wordAt(double share) const;

 private:
  std::vector<std::string> words_;
  std::vector<double> cumulative_;
};

// Threads: one.
class TextSource {
 public:
  TextSource(const Vocabulary& words, std::uint64_t seed, std::uint64_t stream);

  double share() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  bool chance(double probability) { return share() < probability; }
  std::uint64_t below(std::uint64_t end) { return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random_); }
  // Log-normal around `median`: half are below, one in twenty above five times as much.
  std::size_t size(double median);
  const std::string& word() { return words_.wordAt(share()); }
  std::string words(std::size_t count);
  std::string text(double medianWords) { return words(size(medianWords)); }

 private:
  const Vocabulary& words_;
  std::mt19937_64 random_;
};

}  // namespace openclaw::loadgen
