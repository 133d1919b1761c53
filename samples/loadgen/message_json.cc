#include "samples/loadgen/message_json.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

namespace openclaw::loadgen {
namespace {

constexpr std::array<std::string_view, 6> kTools{"search", "read_file", "run_tests", "fetch", "calendar", "translate"};

// The words of a vocabulary and the punctuation of TextSource need no escapes in JSON.
std::string toolCallJson(TextSource& source) {
  return fmt::format(R"({{"name":"{}","arguments":{{"query":"{}","limit":{}}},"result":"{}"}})",
                     kTools[source.below(kTools.size())], source.text(3), source.below(50), source.text(12));
}

std::string attachmentJson(TextSource& source) {
  // Mostly a few KiB; one in fifty is large enough to lie in malloc memory.
  std::size_t size = source.chance(0.02) ? 300'000 + source.below(300'000) : source.size(2000);
  return fmt::format(R"({{"name":"{}.bin","contentType":"application/octet-stream","bytes":{}}})", source.word(), size);
}

template <class Make>
std::string listJson(std::size_t count, Make make) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) (list += i > 0 ? "," : "") += make();
  return list;
}

}  // namespace

std::string sessionJson(TextSource& source, std::string_view user) {
  return fmt::format(R"({{"user":"{}","title":"{}"}})", user, source.words(2 + source.below(5)));
}

Batch batchJson(TextSource& source, std::size_t messages) {
  Batch batch;
  batch.json += '[';
  for (std::size_t i = 0; i < messages; ++i) {
    bool byUser = i % 2 == 0;
    std::string text = source.text(byUser ? 8 : 25);
    std::string calls = byUser || !source.chance(0.6) ? "" : listJson(1 + source.below(3), [&] { return toolCallJson(source); });
    std::string files = source.chance(0.05) ? attachmentJson(source) : "";
    fmt::format_to(std::back_inserter(batch.json), R"({}{{"role":"{}","text":"{}","toolCalls":[{}],"attachments":[{}]}})",
                   i > 0 ? "," : "", byUser ? "user" : "assistant", text, calls, files);
    batch.texts.push_back(std::move(text));
  }
  batch.json += ']';
  return batch;
}

std::string percentEncoded(std::string_view text) {
  std::string encoded;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) encoded += c;
    else encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

}  // namespace openclaw::loadgen
