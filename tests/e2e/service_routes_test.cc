// Every route of the reference service, over HTTP, in a process of its own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "samples/service/request_json.h"
#include "tests/e2e/service_json.h"
#include "tests/e2e/service_process.h"

namespace openclaw::e2e {
namespace {

// One service for all tests of this file; each test uses users and sessions of its own.
class ServiceRoutes : public testing::Test {
 protected:
  static void SetUpTestSuite() { service_ = new ServiceProcess; }
  static void TearDownTestSuite() {
    EXPECT_EQ(service_->end(SIGTERM), 0) << service_->errors();
    EXPECT_EQ(service_->errors(), "");
    delete service_;
  }

  static loadgen::HttpReply ask(std::string_view method, std::string_view target, std::string_view body = {}) {
    return service_->ask(method, target, body);
  }
  static std::string newSession(std::string_view user, std::string_view title = "a title") {
    auto reply = ask("POST", "/sessions", "{\"user\":" + quoted(user) + ",\"title\":" + quoted(title) + "}");
    EXPECT_EQ(reply.status, 201) << reply.body;
    return at(reply.body, "/id");
  }
  static loadgen::HttpReply append(const std::string& session, std::string_view body) {
    return ask("POST", "/sessions/" + session + "/messages", body);
  }

  static inline ServiceProcess* service_ = nullptr;
};

TEST_F(ServiceRoutes, HealthIsOk) {
  auto reply = ask("GET", "/healthz");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(at(reply.body, "/status"), "ok");
  EXPECT_EQ(reply.header("content-type"), "application/json");
}

TEST_F(ServiceRoutes, ASessionComesBackAsItWasMade) {
  std::string id = newSession("ada", "A trip to \"Turin\" \\ café 日本 🎈\n\t\x01");
  auto reply = ask("GET", "/sessions/" + id);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(at(reply.body, "/id"), id);
  EXPECT_EQ(at(reply.body, "/user"), "ada");
  EXPECT_EQ(at(reply.body, "/title"), "A trip to \"Turin\" \\ café 日本 🎈\n\t\x01");
  EXPECT_EQ(at(reply.body, "/messageCount"), "0");
  EXPECT_EQ(countAt(reply.body, "/messages"), 0u);
}

TEST_F(ServiceRoutes, OneMessageMayBeAppendedWithoutAnArray) {
  std::string id = newSession("grace");
  auto reply = append(id, R"({"role":"user","text":"hello"})");
  EXPECT_EQ(reply.status, 201);
  ASSERT_EQ(countAt(reply.body, "/ids"), 1u);
  auto session = ask("GET", "/sessions/" + id);
  EXPECT_EQ(at(session.body, "/messages/0/id"), at(reply.body, "/ids/0"));
  EXPECT_EQ(at(session.body, "/messages/0/role"), "user");
  EXPECT_EQ(at(session.body, "/messages/0/text"), "hello");
}

TEST_F(ServiceRoutes, ToolCallsKeepTextAsTextAndJsonAsJson) {
  std::string id = newSession("grace");
  ASSERT_EQ(append(id, R"([{"role":"assistant","text":"","toolCalls":[
      {"name":"search","arguments":{"q":["a",1,null,true,2.5]},"result":"three hits"},
      {"name":"clock"}]}])").status, 201);
  auto session = ask("GET", "/sessions/" + id);
  EXPECT_EQ(at(session.body, "/messages/0/toolCalls/0/arguments"), R"({"q":["a",1,null,true,2.5]})");
  EXPECT_EQ(at(session.body, "/messages/0/toolCalls/0/result"), "three hits");
  EXPECT_EQ(at(session.body, "/messages/0/toolCalls/1/name"), "clock");
  EXPECT_EQ(at(session.body, "/messages/0/toolCalls/1/arguments"), "");
}

TEST_F(ServiceRoutes, AttachmentsComeBackByteForByte) {
  std::string id = newSession("linus");
  auto reply = append(id, R"({"role":"user","text":"see files","attachments":[
      {"name":"a.txt","contentType":"text/plain","data":"aGVsbG8AAf8="},
      {"name":"large.bin","bytes":1000000},{"name":"empty","bytes":0}]})");
  ASSERT_EQ(reply.status, 201) << reply.body;
  std::string place = "/sessions/" + id + "/messages/" + at(reply.body, "/ids/0") + "/attachments/";

  auto small = ask("GET", place + "0");
  EXPECT_EQ(small.header("content-type"), "text/plain");
  EXPECT_EQ(small.body, std::string("hello\0\1\xff", 8));
  auto large = ask("GET", place + "1");  // past the limit of what lies in the heap: malloc memory
  EXPECT_EQ(large.header("content-type"), "application/octet-stream");
  EXPECT_TRUE(large.body == service::generatedBytes("large.bin", 1000000));
  EXPECT_EQ(ask("GET", place + "2").body, "");
  EXPECT_EQ(ask("GET", place + "3").status, 404);

  auto session = ask("GET", "/sessions/" + id);
  EXPECT_EQ(at(session.body, "/messages/0/attachments/0/bytes"), "8");
  EXPECT_EQ(at(session.body, "/messages/0/attachments/1/bytes"), "1000000");
}

TEST_F(ServiceRoutes, SessionsOfAUserAreListedNewestFirst) {
  std::string first = newSession("müller & söhne", "one"), second = newSession("müller & söhne", "two");
  append(first, R"({"role":"user","text":"x"})");
  auto reply = ask("GET", "/sessions?user=m%C3%BCller+%26+s%C3%B6hne");
  EXPECT_EQ(at(reply.body, "/total"), "2");
  ASSERT_EQ(countAt(reply.body, "/sessions"), 2u);
  EXPECT_EQ(at(reply.body, "/sessions/0/id"), second);
  EXPECT_EQ(at(reply.body, "/sessions/1/messageCount"), "1");
  EXPECT_EQ(countAt(ask("GET", "/sessions?limit=1&user=m%C3%BCller+%26+s%C3%B6hne").body, "/sessions"), 1u);
  EXPECT_EQ(at(ask("GET", "/sessions?user=nobody-at-all").body, "/total"), "0");
}

TEST_F(ServiceRoutes, SearchFindsMessagesThatHoldAllWordsBestFirst) {
  std::string id = newSession("search");
  auto ids = append(id, R"([{"role":"user","text":"xylophone once"},
      {"role":"assistant","text":"Xylophone, xylophone! and a zither"},{"role":"user","text":"only a zither, käse"}])");
  auto both = ask("GET", "/search?q=XYLOPHONE");
  EXPECT_EQ(at(both.body, "/total"), "2");
  EXPECT_EQ(at(both.body, "/hits/0/message"), at(ids.body, "/ids/1"));
  EXPECT_EQ(at(both.body, "/hits/0/score"), "2");
  EXPECT_EQ(at(both.body, "/hits/1/session"), id);
  EXPECT_EQ(at(ask("GET", "/search?q=zither%20xylophone").body, "/total"), "1");
  EXPECT_EQ(at(ask("GET", "/search?q=k%C3%A4se").body, "/hits/0/snippet"), "only a zither, käse");
  EXPECT_EQ(at(ask("GET", "/search?q=xylophone+nowhere").body, "/total"), "0");
  auto limited = ask("GET", "/search?q=xylophone&limit=1");
  EXPECT_EQ(countAt(limited.body, "/hits"), 1u);
  EXPECT_EQ(at(limited.body, "/total"), "2");
}

TEST_F(ServiceRoutes, ADeletedSessionIsGoneEverywhere) {
  std::string id = newSession("deleter");
  append(id, R"({"role":"user","text":"quagmire"})");
  ASSERT_EQ(at(ask("GET", "/search?q=quagmire").body, "/total"), "1");
  auto reply = ask("DELETE", "/sessions/" + id);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(at(reply.body, "/deleted"), "true");
  EXPECT_EQ(ask("GET", "/sessions/" + id).status, 404);
  EXPECT_EQ(ask("DELETE", "/sessions/" + id).status, 404);
  EXPECT_EQ(append(id, R"({"role":"user","text":"late"})").status, 404);
  EXPECT_EQ(at(ask("GET", "/search?q=quagmire").body, "/total"), "0");
  EXPECT_EQ(at(ask("GET", "/sessions?user=deleter").body, "/total"), "0");
}

TEST_F(ServiceRoutes, ALongSessionComesInPiecesAndWhole) {
  std::string id = newSession("long");
  std::string text(10000, 'x');
  for (int i = 0; i < 20; ++i) {
    std::string batch;
    for (int k = 0; k < 10; ++k) batch += (k ? "," : "[") + ("{\"role\":\"user\",\"text\":\"" + text + "\"}");
    ASSERT_EQ(append(id, batch + "]").status, 201);
  }
  auto reply = ask("GET", "/sessions/" + id);  // 2 MB: chunked, every piece from a worker
  EXPECT_EQ(reply.header("transfer-encoding"), "chunked");
  EXPECT_EQ(countAt(reply.body, "/messages"), 200u);
  EXPECT_EQ(at(reply.body, "/messages/199/text"), text);
}

TEST_F(ServiceRoutes, TheRequestIdOfTheClientComesBackAndElseANewOne) {
  auto client = service_->connect();
  EXPECT_EQ(client.request("GET", "/healthz", {}, "trip-42/ä?")->header("x-request-id").size(), 16u);  // not ASCII: replaced
  EXPECT_EQ(client.request("GET", "/healthz", {}, "trip-42")->header("x-request-id"), "trip-42");
  auto first = client.request("GET", "/healthz"), second = client.request("GET", "/healthz");
  EXPECT_EQ(first->header("x-request-id").size(), 16u);
  EXPECT_NE(first->header("x-request-id"), second->header("x-request-id"));
  EXPECT_EQ(at(client.request("GET", "/nowhere", {}, "trip-43")->body, "/error/requestId"), "trip-43");
}

TEST_F(ServiceRoutes, StatsCountSessionsMessagesRepliesAndTheHeap) {
  auto before = ask("GET", "/stats");
  std::string id = newSession("stats");
  append(id, R"([{"role":"user","text":"uniqueword1 uniqueword2"},{"role":"user","text":"uniqueword1"}])");
  auto after = ask("GET", "/stats");
  auto grew = [&](const char* place) { return numberAt(after.body, place) - numberAt(before.body, place); };
  EXPECT_EQ(grew("/store/sessions"), 1u);
  EXPECT_EQ(grew("/store/users"), 1u);
  EXPECT_EQ(grew("/store/messages"), 2u);
  EXPECT_EQ(grew("/store/terms"), 2u);
  EXPECT_EQ(grew("/replies/2xx"), 3u);  // the first stats too
  EXPECT_GE(grew("/heap/allocated_objects_total") + 4096, 4096u);
  EXPECT_GT(numberAt(after.body, "/heap/object_count"), 10u);
  EXPECT_EQ(at(after.body, "/pid"), std::to_string(service_->pid()));
}

TEST_F(ServiceRoutes, RequestsOnOneConnectionAreAnsweredInOrder) {
  auto client = service_->connect();
  ASSERT_TRUE(client.sendBytes("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n\r\n"
                               "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: b\r\n\r\n"));
  EXPECT_EQ(client.receive()->header("x-request-id"), "a");
  EXPECT_EQ(client.receive()->header("x-request-id"), "b");
}

TEST(ServiceProcess, BindsLoopbackOnlyAndTellsItsPortInAFile) {
  ServiceProcess service;
  EXPECT_EQ(readFile(service.folder() / "port"), std::to_string(service.port()) + "\n");
  // The kernel's own table: local address 0100007F = 127.0.0.1, state 0A = listening.
  char local[32];
  std::snprintf(local, sizeof local, "0100007F:%04X 00000000:0000 0A", unsigned{service.port()});
  EXPECT_NE(readFile("/proc/net/tcp").find(local), std::string::npos);
  EXPECT_EQ(service.end(SIGTERM), 0);
  EXPECT_FALSE(std::filesystem::exists(service.folder() / "port"));
}

TEST(ServiceProcess, EndsCleanlyOnSigtermAndSigint) {
  for (int signal : {SIGTERM, SIGINT}) {
    ServiceProcess service;
    auto idle = service.connect();  // a keep-alive connection must not hold it up
    ASSERT_EQ(idle.request("GET", "/healthz")->status, 200);
    EXPECT_EQ(service.end(signal), 0);
    EXPECT_EQ(service.errors(), "");
  }
}

TEST(ServiceProcess, ARequestUnderWayIsFinishedBeforeTheEnd) {
  ServiceProcess service({"--max-body", "64MiB"});
  std::string id = at(service.ask("POST", "/sessions", R"({"user":"u"})").body, "/id");
  std::string text(1 << 20, 'y');
  for (int i = 0; i < 24; ++i)
    ASSERT_EQ(service.ask("POST", "/sessions/" + id + "/messages", "{\"role\":\"user\",\"text\":\"" + text + "\"}").status, 201);
  auto slow = service.connect(4096);
  ASSERT_TRUE(slow.send("GET", "/sessions/" + id, {}, {}));
  ASSERT_EQ(service.ask("GET", "/healthz").status, 200);  // by now the large reply is under way
  kill(service.pid(), SIGTERM);
  auto reply = slow.receive();  // 24 MB do not fit the buffers: most is sent after the signal
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(countAt(reply->body, "/messages"), 24u);
  EXPECT_EQ(service.end(SIGTERM), 0);
}

TEST(ServiceProcess, ARestartedServiceIsEmptyAndWorks) {
  std::string id;
  for (int run = 0; run < 2; ++run) {
    ServiceProcess service;
    EXPECT_EQ(at(service.ask("GET", "/stats").body, "/store/sessions"), "0");
    id = at(service.ask("POST", "/sessions", R"({"user":"u"})").body, "/id");
    EXPECT_EQ(service.ask("GET", "/sessions/" + id).status, 200);
    EXPECT_EQ(service.end(), 0);
  }
}

TEST(ServiceProcess, TheTomlFileIsReadAndFlagsWinOverIt) {
  TemporaryFolder folder;
  std::ofstream(folder / "openclaw.toml") << "[service]\nworkers = 3\nmax-body = \"1KiB\"\n[memory]\nheap-limit = \"1GiB\"\n"
                                             "arena-size = \"32MiB\"\n[gc]\nstress-poison = true\n";
  ServiceProcess service({"--config", folder / "openclaw.toml", "--heap-limit", "512MiB"});
  auto stats = service.ask("GET", "/stats");
  EXPECT_EQ(at(stats.body, "/heap/heap_limit_bytes"), std::to_string(512u << 20));
  EXPECT_EQ(at(stats.body, "/heap/thread_count"), "3");
  EXPECT_EQ(service.ask("POST", "/sessions", std::string(2000, ' ')).status, 413);
}

}  // namespace
}  // namespace openclaw::e2e
