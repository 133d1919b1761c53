// The service under real load in its stress mode: a collection every 500 allocations of a thread, freed memory
// poisoned, every invariant of the heap verified after each collection (a broken one ends the process). If a promise,
// a queue or a thread of kj held a heap pointer that the heap does not know of, its object would be gone by then.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/e2e/service_json.h"
#include "tests/e2e/service_process.h"

namespace openclaw::e2e {
namespace {

TEST(ServiceStress, LoadIsAnsweredWithoutAnErrorWhileTheHeapIsCollectedPoisonedAndVerified) {
  ServiceProcess service({"--stress"});
  Finished load = runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--sessions", "60", "--messages", "10",
                              "--threads", "4", "--seed", "3", "--json"});
  EXPECT_EQ(load.exitCode, 0) << load.out << load.errors << service.errors();
  EXPECT_EQ(at(load.out, "/errors"), "0");
  EXPECT_EQ(at(load.out, "/sessionsMade"), "60");
  EXPECT_GT(numberAt(load.out, "/repliesChecked"), 10u);
  auto stats = service.ask("GET", "/stats");
  EXPECT_GT(numberAt(stats.body, "/heap/collections_total"), 20u);
  EXPECT_EQ(numberAt(stats.body, "/store/sessions"), 60 - numberAt(load.out, "/sessionsDeleted"));
  EXPECT_EQ(service.end(), 0);
  EXPECT_EQ(service.errors(), "");
}

TEST(ServiceStress, AReplyThatWaitsInAPromiseOutlivesItsSession) {
  ServiceProcess service({"--stress", "--max-body", "16MiB"});
  std::string id = at(service.ask("POST", "/sessions", R"({"user":"u"})").body, "/id");
  for (int i = 0; i < 16; ++i) {
    std::string text(1 << 20, static_cast<char>('a' + i));
    ASSERT_EQ(service.ask("POST", "/sessions/" + id + "/messages", "{\"role\":\"user\",\"text\":\"" + text + "\"}").status, 201);
  }
  // A slow reader: the socket's buffers fill and the rest of the reply waits in a promise of the event loop.
  auto slow = service.connect(4096);
  ASSERT_TRUE(slow.send("GET", "/sessions/" + id, {}, {}));
  ASSERT_EQ(service.ask("GET", "/healthz").status, 200);
  ASSERT_EQ(service.ask("DELETE", "/sessions/" + id).status, 200);
  std::uint64_t before = numberAt(service.ask("GET", "/stats").body, "/heap/collections_total");
  // More load, so that the deleted session's memory would be collected, poisoned and used again.
  Finished load = runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--sessions", "10", "--messages", "10"});
  EXPECT_EQ(load.exitCode, 0) << load.out << load.errors;
  EXPECT_GT(numberAt(service.ask("GET", "/stats").body, "/heap/collections_total"), before + 3);
  auto reply = slow.receive();
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(countAt(reply->body, "/messages"), 16u);
  for (int i = 0; i < 16; ++i)
    EXPECT_NE(reply->body.find("\"text\":\"" + std::string(1 << 20, static_cast<char>('a' + i)) + "\""), std::string::npos) << i;
  EXPECT_EQ(service.end(), 0);
  EXPECT_EQ(service.errors(), "");
}

TEST(ServiceStress, KjsThreadIsNotRegisteredWithTheHeap) {
  ServiceProcess service({"--workers", "5"});
  EXPECT_EQ(at(service.ask("GET", "/stats").body, "/heap/thread_count"), "5");
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceLoad, ManyConnectionsAreServedWithoutAnError) {
  ServiceProcess service;
  Finished load = runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--seconds", "3", "--threads", "16"});
  EXPECT_EQ(load.exitCode, 0) << load.out << load.errors;
  EXPECT_NE(load.out.find("requests/s, 0 errors"), std::string::npos) << load.out;
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceLoad, TheLoadGeneratorStopsAtTheAskedObjects) {
  ServiceProcess service;
  Finished load = runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--until-objects", "50000", "--json"});
  EXPECT_EQ(load.exitCode, 0) << load.out << load.errors;
  EXPECT_GE(numberAt(load.out, "/heapObjects"), 45000u);  // a collection may come between the end and the last look
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceLoad, TheLoadGeneratorReportsErrorsAndASilentPort) {
  {
    ServiceProcess service({"--heap-limit", "16MiB", "--arena-size", "8MiB"});  // soon full
    Finished load = runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port()), "--seconds", "20"});
    EXPECT_EQ(load.exitCode, 1) << load.out;
    EXPECT_NE(load.out.find("answered 503 instead of 201"), std::string::npos) << load.out;
    EXPECT_TRUE(service.running());
    EXPECT_EQ(service.end(), 0);
    EXPECT_EQ(runProgram({OPENCLAW_LOAD, "--port", std::to_string(service.port())}).exitCode, 4);
  }
  EXPECT_EQ(runProgram({OPENCLAW_LOAD, "--port", "0"}).exitCode, 2);
  EXPECT_EQ(runProgram({OPENCLAW_LOAD}).exitCode, 2);
}

}  // namespace
}  // namespace openclaw::e2e
