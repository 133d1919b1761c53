// The load: many clients that create sessions, append messages in batches, read, search and delete, and check what
// they get back. What was asked of the service and how it answered comes out as one report.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "format/result.h"

namespace openclaw::loadgen {

// The first of the set ends is reached: sessions, seconds or objects. All unset: 100 sessions.
struct LoadOptions {
  std::uint16_t port = 0;
  std::uint64_t sessions = 0;      // sessions to create; 0 = no such end
  double seconds = 0;              // 0 = no such end
  std::uint64_t untilObjects = 0;  // objects in the service's heap; 0 = no such end
  std::uint64_t messages = 40;     // of a session, median
  unsigned threads = 4;            // one connection each
  unsigned batch = 20;             // messages in one request
  double deletes = 0.15;           // share of the sessions that are deleted again
  std::uint64_t seed = 1;
};

struct LoadReport {
  double seconds = 0;
  std::uint64_t requests = 0, errors = 0;
  std::uint64_t sessionsMade = 0, sessionsDeleted = 0, messagesMade = 0, repliesChecked = 0;
  std::map<std::string, std::uint64_t> problems;  // what went wrong, how often
  std::vector<std::uint64_t> latencies;           // nanoseconds, one a request, sorted
  std::uint64_t heapObjects = 0, heapBytes = 0;   // of the service when the load ended

  double requestsPerSecond() const { return seconds > 0 ? static_cast<double>(requests) / seconds : 0; }
  // The latency that the share `rank` of requests stayed within, in nanoseconds; 0 without requests.
  std::uint64_t latency(double rank) const;
};

// kUnreachable: nobody answers on the port. What goes wrong later is counted in the report.
Result<LoadReport> runLoad(const LoadOptions& options);

std::string reportText(const LoadReport& report);
std::string reportJson(const LoadReport& report);

}  // namespace openclaw::loadgen
