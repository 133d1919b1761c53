// The bodies that the load generator sends, built from a text source.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "samples/loadgen/text_source.h"

namespace openclaw::loadgen {

struct Batch {
  std::string json;                // an array of messages
  std::vector<std::string> texts;  // theirs, in order: to check what comes back
};

std::string sessionJson(TextSource& source, std::string_view user);
Batch batchJson(TextSource& source, std::size_t messages);
// For a URL's query.
std::string percentEncoded(std::string_view text);

}  // namespace openclaw::loadgen
