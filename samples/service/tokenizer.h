// Text to search terms: runs of letters and digits, lower case for ASCII; bytes past ASCII count as letters, so words
// of every language are found by their exact spelling.
//
//   termCounts("To be, or not to be") == {{"be", 2}, {"not", 1}, {"or", 1}, {"to", 2}}
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace openclaw::service {

inline constexpr std::size_t kLongestTerm = 64;  // bytes; longer words are cut, at a character's end

struct TermCount {
  std::string term;
  std::uint32_t count = 0;
  friend bool operator==(const TermCount&, const TermCount&) = default;
};
// Sorted by term, each once. Cost: O(n log n).
std::vector<TermCount> termCounts(std::string_view text);

}  // namespace openclaw::service
