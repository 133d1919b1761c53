// What a V8 snapshot will take: it announces its nodes and edges, and its strings stand at the end.
#include "analyzer/load/forecast.h"

#include <algorithm>
#include <array>
#include <string>

#include "analyzer/load/v8/json_reader.h"
#include "analyzer/load/v8/layout.h"

namespace openclaw {
namespace {

// Bytes from where strings begin: tables of numbers have no quotes, and are the greater part of the file. Looked for by halving.
std::uint64_t stringBytes(const SourceBytes& bytes, std::uint64_t begin) {
  std::array<std::byte, 4096> window;
  const auto quotes = [&](std::uint64_t at) {
    const std::size_t got = bytes.read(at, window);
    return std::find(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(got), std::byte{'"'}) != window.begin() + static_cast<std::ptrdiff_t>(got);
  };
  std::uint64_t low = begin, high = bytes.size();   // no quotes at low, as far as is known; some behind high
  while (high - low > window.size()) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (quotes(middle)) high = middle;
    else low = middle;
  }
  return bytes.size() - low;
}

}  // namespace

MemoryForecast forecastV8(const SourceBytes& bytes, const LoadOptions& options) {
  MemoryForecast forecast{.peak = processBytes(options.threads), .least = processBytes(options.threads) + (80ull << 20)};
  JsonReader json(bytes, {});
  std::string key;
  std::uint64_t nodes = 0, edges = 0, position = 0;
  // Normally the first thing in the file.
  if (json.accept('{') && json.readString(key).ended && key == "snapshot" && json.accept(':')) {
    const v8::Layout layout = v8::readLayout(json);
    nodes = layout.nodeCount;
    edges = layout.edgeCount;
    position = json.position();
    // A number is a digit and a comma at least.
    nodes = std::min<std::uint64_t>(nodes, bytes.size() / (2 * std::max(1u, layout.nodes.stride)));
    edges = std::min<std::uint64_t>(edges, bytes.size() / (2 * std::max(1u, layout.edges.stride)));
  }
  if (nodes == 0) {   // not announced: as in V8's own files
    nodes = bytes.size() / 60;
    edges = bytes.size() / 18;
  }
  const double n = static_cast<double>(std::max<std::uint64_t>(1, nodes)), e = static_cast<double>(edges);
  const double strings = static_cast<double>(std::min<std::uint64_t>(stringBytes(bytes, std::min(position + (64u << 10), bytes.size())), bytes.size())) * 1.2;
  forecast.objects = nodes;
  forecast.slots = edges;
  constexpr double kCounting = 27;   // a node's rows, and what it becomes, without references
  GraphForecast graph{.columns = 4 + 2 + 4 + 4 + 4 * e / n, .slotsAnObject = e / n, .bytesASlot = 1.9, .objects = nodes};
  const double reading = 24 + 9 * e / n, policy = 20 + 13 + 9 * e / n, filling = 22 + 4 * e / n + 2 * graph.lists();
  const double perObject = options.references ? std::max({reading, policy, filling, graph.peak(0)}) : kCounting;
  forecast.peak += static_cast<std::uint64_t>(n * perObject * 1.04 + strings);
  forecast.least += static_cast<std::uint64_t>(0.4 * n);
  return forecast;
}

}  // namespace openclaw
