#include "samples/service/tokenizer.h"

#include <algorithm>

namespace openclaw::service {
namespace {

bool isWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

std::string termOf(std::string_view word) {
  if (word.size() > kLongestTerm) {
    std::size_t end = kLongestTerm;
    while (static_cast<unsigned char>(word[end]) >> 6 == 2) --end;  // a continuation byte: back to its lead
    word = word.substr(0, end);
  }
  std::string term(word);
  for (char& c : term)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return term;
}

}  // namespace

std::vector<TermCount> termCounts(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && isWordByte(text[end])) ++end;
    if (end > i) words.push_back(termOf(text.substr(i, end - i)));
    i = std::max(end, i + 1);
  }
  std::ranges::sort(words);
  std::vector<TermCount> counts;
  for (std::string& word : words) {
    if (!counts.empty() && counts.back().term == word) ++counts.back().count;
    else counts.push_back({std::move(word), 1});
  }
  return counts;
}

}  // namespace openclaw::service
