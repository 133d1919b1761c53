// Planted faults: they reach their share while load runs, hold it, grow with the load, and stand beside a larger healthy
// cache. Measured in dumps: what their owner retains, of what is reachable.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/e2e/service_json.h"
#include "tests/e2e/service_process.h"

namespace openclaw::e2e {
namespace {

using Table = std::map<std::string, std::uint64_t>;

struct Kind {
  std::string name, owner, unit;
  unsigned share;
};
constexpr double kMostOff = 1.0;                 // points
constexpr double kHoleBytes = 224, kPinsAHole = 33.0 / 32;  // of large-between-small: see large_between_small.cc

void load(const ServiceProcess& service, const std::string& sessions, const std::string& seed) {
  Finished done = runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--sessions", sessions, "--seed", seed});
  EXPECT_EQ(done.exitCode, 0) << done.out << done.errors << service.errors();
}

// The most that any type retains whose name holds one of `parts`. Not only the owner: a stale word on a worker's stack may
// point to the table inside, and then the table keeps what it holds.
std::uint64_t mostRetained(const Table& retained, const std::vector<std::string>& parts) {
  std::uint64_t most = 0;
  for (const auto& [type, bytes] : retained)
    for (const std::string& part : parts)
      if (type.find("::" + part) != std::string::npos) most = std::max(most, bytes);
  return most;
}

// What a dump says about the fault and the cache, in percent of the reachable bytes.
struct Shares {
  double fault = 0, cache = 0, unusable = 0;
  std::uint64_t reachable = 0, collections = 0, faultTypes = 0, evictions = 0;
};

Shares sharesOf(const ServiceProcess& service, const Kind& kind) {
  std::string dump = service.folder() / "heap.bin";
  Finished taken = service.run({OPENCLAW_OCCTL, "--pid", std::to_string(service.pid()), "memory", "dump", "--collect", "--force", "--output", dump});
  EXPECT_EQ(taken.exitCode, 0) << taken.errors;
  Finished summary = runProgram({OPENCLAW_ANALYZER, "summary", "--json", dump});
  Finished histogram = runProgram({OPENCLAW_ANALYZER, "histogram", "--json", "--top", "1000", dump});
  EXPECT_EQ(summary.exitCode, 0) << summary.errors;
  Table retained = tableAt(histogram.out, "/rows", "type", "retainedBytes"), objects = tableAt(histogram.out, "/rows", "type", "objects");
  Shares shares;
  shares.reachable = numberAt(summary.out, "/heap/reachableBytes");
  shares.collections = numberAt(summary.out, "/counters/collections_total");
  shares.evictions = numberAt(service.ask("GET", "/stats").body, "/contextCache/evictions");
  auto percent = [&](double bytes) { return 100 * bytes / static_cast<double>(shares.reachable); };
  shares.cache = percent(static_cast<double>(mostRetained(retained, {"ContextDocument"})));
  shares.unusable = percent(static_cast<double>(numberAt(summary.out, "/counters/unusable_hole_bytes")));
  for (const char* owner : {"DeliveryEvents", "SuggestionDesk", "AuditTrail", "TokenHistory"})
    shares.faultTypes += objects.contains(std::string("openclaw::service::") + owner) ? 1 : 0;
  shares.fault = kind.name == "large-between-small"
                     ? percent(static_cast<double>(objects["openclaw::service::ParseToken"]) / kPinsAHole * kHoleBytes)
                     : percent(static_cast<double>(mostRetained(retained, {kind.owner, kind.unit})));
  return shares;
}

// The governor looks after each collection, and a fault never shrinks: on a machine that is busy with other things the share may
// be off for a while, until load has made the heap that it was planned for.
Shares settledShares(const ServiceProcess& service, const Kind& kind) {
  Shares shares = sharesOf(service, kind);
  for (int more = 0; more < 4 && std::abs(shares.fault - kind.share) > kMostOff; ++more) {
    load(service, "60", std::to_string(10 + more));
    shares = sharesOf(service, kind);
  }
  return shares;
}

// A small heap, so that many collections happen in little time.
std::vector<std::string> arguments(const Kind& kind) {
  return {"--fault", kind.name, "--fault-share", std::to_string(kind.share), "--minimum-allocation", "8MiB"};
}

class PlantedFault : public testing::TestWithParam<Kind> {};

TEST_P(PlantedFault, HoldsItsShareWhileLoadRunsBesideALargerCache) {
  const Kind& kind = GetParam();
  ServiceProcess service(arguments(kind));
  load(service, "150", "3");
  Shares first = settledShares(service, kind);
  load(service, "150", "4");
  Shares second = settledShares(service, kind);
  for (const Shares& shares : {first, second}) {
    EXPECT_NEAR(shares.fault, kind.share, kMostOff);
    EXPECT_GT(shares.cache, shares.fault);
    EXPECT_EQ(shares.faultTypes, 1u);
    if (kind.name != "large-between-small") continue;
    EXPECT_GT(shares.unusable, shares.fault * 0.95);  // the pool counts them as holes nobody can use
  }
  EXPECT_GT(second.reachable, first.reachable * 3 / 2);   // it grew with the load
  EXPECT_GE(first.collections, 5u);
  EXPECT_GE(second.collections, first.collections + 3);
  EXPECT_GT(second.evictions, 500u);                      // the cache is bounded
  EXPECT_EQ(service.end(), 0);
  EXPECT_EQ(service.errors(), "");
}

INSTANTIATE_TEST_SUITE_P(Kinds, PlantedFault,
                         testing::Values(Kind{"listeners", "DeliveryEvents", "DeliveryListener", 5},
                                         Kind{"unbounded-cache", "SuggestionDesk", "Suggestion", 40},
                                         Kind{"deep-list", "AuditTrail", "AuditEntry", 20},
                                         Kind{"large-between-small", "TokenHistory", "ParseToken", 10}),
                         [](const auto& kind) {
                           std::string name = kind.param.name;
                           std::erase(name, '-');
                           return name;
                         });

TEST(NoFault, LeavesOnlyTheCacheBehind) {
  Kind none{"none", "none", "none", 20};
  ServiceProcess service(arguments(none));
  load(service, "150", "3");
  Shares shares = sharesOf(service, none);
  EXPECT_EQ(shares.faultTypes, 0u);
  EXPECT_GT(shares.cache, 20);
  EXPECT_GT(shares.evictions, 100u);
  EXPECT_EQ(service.end(), 0);
}

TEST(PlantedFaults, SurviveStress) {
  for (const char* kind : {"listeners", "unbounded-cache", "deep-list", "large-between-small"}) {
    ServiceProcess service({"--fault", kind, "--fault-share", "40", "--stress"});
    load(service, "2", "5");
    EXPECT_EQ(service.end(), 0) << kind;
    EXPECT_EQ(service.errors(), "") << kind;
  }
}

TEST(FaultOptions, AreKeysOfTheFileAndRefusedOutsideTheirRange) {
  TemporaryFolder folder;
  std::ofstream(folder / "openclaw.toml") << "[service]\nfault = \"deep-list\"\nfault-share = 12\ncache-size = \"4MiB\"\n";
  ServiceProcess service({"--config", folder / "openclaw.toml"});
  EXPECT_EQ(numberAt(service.ask("GET", "/stats").body, "/contextCache/bound"), 4u << 20);
  EXPECT_EQ(service.end(), 0);
  for (const auto& [flag, value] : {std::pair{"--fault", "leak"}, {"--fault-share", "4"}, {"--fault-share", "41"}, {"--cache-size", "1"}}) {
    Finished refused = runProgram({OPENCLAW_SERVICE, flag, value});
    EXPECT_EQ(refused.exitCode, 2) << flag;
    EXPECT_NE((refused.out + refused.errors).find("range"), std::string::npos) << refused.out << refused.errors;
  }
}

}  // namespace
}  // namespace openclaw::e2e
