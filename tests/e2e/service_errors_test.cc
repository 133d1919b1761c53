// What the reference service says when it cannot do what is asked: never a crash, always JSON with a status and an id.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "tests/e2e/service_json.h"
#include "tests/e2e/service_process.h"

namespace openclaw::e2e {
namespace {

class ServiceErrors : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    service_ = new ServiceProcess({"--max-body", "1MiB"});
    session_ = at(service_->ask("POST", "/sessions", R"({"user":"u"})").body, "/id");
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(service_->ask("GET", "/healthz").status, 200);
    EXPECT_EQ(service_->end(SIGTERM), 0);
    EXPECT_EQ(service_->errors(), "");
    delete service_;
  }
  static void expectError(const loadgen::HttpReply& reply, int status, std::string_view part = {}) {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(at(reply.body, "/error/status"), std::to_string(status)) << reply.body;
    EXPECT_EQ(at(reply.body, "/error/requestId"), reply.header("x-request-id"));
    EXPECT_FALSE(reply.header("x-request-id").empty());
    EXPECT_NE(at(reply.body, "/error/message").find(part), std::string::npos) << reply.body;
  }
  static loadgen::HttpReply ask(std::string_view method, std::string_view target, std::string_view body = {}) {
    return service_->ask(method, target, body);
  }

  static inline ServiceProcess* service_ = nullptr;
  static inline std::string session_;
};

struct BadBody {
  const char *body, *message;
};

TEST_F(ServiceErrors, ABadSessionIsRefusedWithItsPlace) {
  for (auto [body, message] : std::vector<BadBody>{
           {"", "not JSON"}, {"{", "not JSON"}, {"nul", "not JSON"}, {"\"\xff\"", "not JSON"}, {"{\"user\":\"\xc0\x80\"}", "not JSON"},
           {"[]", "session: must be an object"}, {"7", "session: must be an object"}, {"{}", "session.user: is missing"},
           {R"({"user":""})", "session.user: is empty"}, {R"({"user":7})", "session.user: must be text"},
           {R"({"user":"u","title":null})", "session.title: must be text"}, {R"({"user":"u","tittle":"x"})", "unknown key 'tittle'"},
           {R"({"user":1e999})", "not JSON"}})
    expectError(ask("POST", "/sessions", body), 400, message);
  expectError(ask("POST", "/sessions", "{\"user\":\"" + std::string(1025, 'u') + "\"}"), 400, "at most 1024");
}

TEST_F(ServiceErrors, BadMessagesAreRefusedWithTheirPlaceAndNoneIsAppended) {
  std::string target = "/sessions/" + session_ + "/messages";
  for (auto [body, message] : std::vector<BadBody>{
           {"[]", "the array is empty"}, {"[1]", "messages[0]: must be an object"}, {R"([{"role":"user"},{"text":"x"}])", "messages[1].role: is missing"},
           {R"({"role":"queen"})", "unknown role 'queen'"}, {R"({"role":"user","text":5})", "message.text: must be text"},
           {R"({"role":"user","toolCalls":{}})", "toolCalls: must be an array"}, {R"({"role":"user","toolCalls":[{}]})", "toolCalls[0].name: is missing"},
           {R"({"role":"user","attachments":[{"name":"f"}]})", "needs either"},
           {R"({"role":"user","attachments":[{"name":"f","bytes":1,"data":""}]})", "needs either"},
           {R"({"role":"user","attachments":[{"name":"f","bytes":-1}]})", "must be a whole number"},
           {R"({"role":"user","attachments":[{"name":"f","bytes":99999999999}]})", "must be a whole number"},
           {R"({"role":"user","attachments":[{"name":"f","data":"abc"}]})", "no multiple of four"},
           {R"({"role":"user","attachments":[{"name":"f","data":"ab=c"}]})", "character 2"},
           {R"({"role":"user","attachments":[{"name":"f","data":"","contentType":"a\r\nX: y"}]})", "printable ASCII"}})
    expectError(ask("POST", target, body), 400, message);
  std::string many = "[";
  for (int i = 0; i < 10001; ++i) many += i == 0 ? R"({"role":"user"})" : R"(,{"role":"user"})";
  expectError(ask("POST", target, many + "]"), 400, "at most 10000");
  EXPECT_EQ(at(ask("GET", "/sessions/" + session_).body, "/messageCount"), "0");
}

TEST_F(ServiceErrors, DeepJsonIsRefusedWithoutACrash) {
  std::string deep(400000, '[');
  expectError(ask("POST", "/sessions", deep), 400, "not JSON");
  deep = std::string(200000, '[') + std::string(200000, ']');
  expectError(ask("POST", "/sessions", deep), 400, "must be an object");
}

TEST_F(ServiceErrors, UnknownThingsAre404) {
  for (const char* target : {"/", "/nothing", "/sessions/s999999", "/sessions/999999", "/sessions/s", "/sessions/s-1", "/sessions/s1x",
                             "/sessions/s99999999999999999999999", "/sessions/%F0%9F%8E%88", "/search/x", "/sessions/s1/messages/m1/attachments",
                             "/sessions/s1/messages/m1/attachments/0", "/sessions/s1/messages/x/attachments/0", "/sessions/a/b/c/d/e/f/g"})
    expectError(ask("GET", target), 404);
  expectError(ask("DELETE", "/sessions/s999999"), 404, "no such session");
  expectError(ask("POST", "/sessions/s999999/messages", R"({"role":"user"})"), 404, "no such session");
}

TEST_F(ServiceErrors, WrongMethodsAre405AndNameTheRightOnes) {
  struct Case { const char *method, *target, *allow; };
  for (auto [method, target, allow] : {Case{"DELETE", "/sessions", "GET, POST"}, {"PUT", "/sessions/s1", "GET, DELETE"}, {"GET", "/sessions/s1/messages", "POST"},
                                       {"POST", "/search", "GET"}, {"POST", "/healthz", "GET"}, {"PATCH", "/stats", "GET"}}) {
    auto reply = ask(method, target);
    expectError(reply, 405, method);
    EXPECT_EQ(reply.header("allow"), allow);
  }
}

TEST_F(ServiceErrors, BadQueriesAre400) {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "w" + std::to_string(i) + "+";
  expectError(ask("GET", "/search"), 400, "no word");
  expectError(ask("GET", "/search?q=%20.,"), 400, "no word");
  expectError(ask("GET", "/search?q=" + many), 400, "at most 16");
  for (const char* limit : {"0", "1001", "-1", "x", "", "5x", "99999999999999999999"})
    expectError(ask("GET", std::string("/search?q=a&limit=") + limit), 400, "limit");
  expectError(ask("GET", "/sessions"), 400, "user: is missing");
  expectError(ask("GET", "/sessions?user=%zz"), 400, "percent escape");
  expectError(ask("GET", "/sessions?user=%"), 400, "percent escape");
  expectError(ask("GET", "/sessions?user=%ff"), 400, "not UTF-8");
}

TEST_F(ServiceErrors, ATooLongBodyIs413WithAndWithoutALength) {
  expectError(ask("POST", "/sessions", std::string((1 << 20) + 1, ' ')), 413, "1048576");
  auto client = service_->connect();
  ASSERT_TRUE(client.sendBytes("POST /sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  for (int i = 0; i < 17; ++i) ASSERT_TRUE(client.sendBytes(chunk));
  ASSERT_TRUE(client.sendBytes("0\r\n\r\n"));
  auto reply = client.receive();
  ASSERT_TRUE(reply) << reply.error().what;
  expectError(*reply, 413);
  expectError(ask("POST", "/sessions", std::string(1 << 20, ' ')), 400, "not JSON");  // exactly the limit is read
}

TEST_F(ServiceErrors, BytesThatAreNoHttpAreAnsweredAndTheServiceLivesOn) {
  for (const char* bytes : {"hello\r\n\r\n", "GET\r\n\r\n", "\r\n\r\n\r\n", "GET / HTTP/1.1\r\nno colon here\r\n\r\n", "\x16\x03\x01\x02\x01\x01\r\n\r\n"}) {
    auto client = service_->connect();
    ASSERT_TRUE(client.sendBytes(bytes));
    auto reply = client.receive();
    if (reply) {  // else the connection was closed, which is an answer too
      EXPECT_GE(reply->status, 400) << bytes;
    }
  }
  auto client = service_->connect();
  ASSERT_TRUE(client.sendBytes("BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n"));
  auto reply = client.receive();
  ASSERT_TRUE(reply) << reply.error().what;
  expectError(*reply, 501);
}

TEST_F(ServiceErrors, AClientThatGoesAwayHarmsNobody) {
  for (int i = 0; i < 20; ++i) {
    auto client = service_->connect();
    ASSERT_TRUE(client.sendBytes("POST /sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{\"user\":"));
    auto other = service_->connect();
    ASSERT_TRUE(other.send("GET", "/stats", {}, {}));
  }
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST(ServiceLimits, AFullHeapIs503AndDeletingHelps) {
  ServiceProcess service({"--heap-limit", "48MiB", "--arena-size", "16MiB", "--workers", "3"});
  std::string batch = "[";
  for (int i = 0; i < 100; ++i) batch += std::string(i ? "," : "") + R"({"role":"user","text":")" + std::string(4000, 'f') + " word" + std::to_string(i) + "\"}";
  batch += "]";
  std::vector<std::string> sessions;
  loadgen::HttpReply reply;
  for (int i = 0; i < 1000 && reply.status != 503; ++i) {
    reply = service.ask("POST", "/sessions", R"({"user":"u"})");
    std::string id = at(reply.body, "/id");
    if (reply.status == 201) reply = service.ask("POST", "/sessions/" + id + "/messages", batch);
    if (reply.status == 201) sessions.push_back(id);
  }
  ASSERT_EQ(reply.status, 503) << reply.body;
  EXPECT_NE(at(reply.body, "/error/message").find("heap limit"), std::string::npos);
  EXPECT_EQ(reply.header("retry-after"), "1");
  ASSERT_GT(sessions.size(), 20u);
  // What was refused left nothing behind: the counts say so.
  EXPECT_EQ(numberAt(service.ask("GET", "/stats").body, "/store/messages"), sessions.size() * 100);
  for (std::size_t i = 0; i < sessions.size() / 2; ++i) ASSERT_EQ(service.ask("DELETE", "/sessions/" + sessions[i]).status, 200);
  std::string id = at(service.ask("POST", "/sessions", R"({"user":"u"})").body, "/id");
  EXPECT_EQ(service.ask("POST", "/sessions/" + id + "/messages", batch).status, 201);
  EXPECT_EQ(countAt(service.ask("GET", "/sessions/" + sessions.back()).body, "/messages"), 100u);
  EXPECT_EQ(service.end(), 0);
}

TEST(ServiceStart, BadFlagsAndFilesAreExplainedWithExitCode2) {
  TemporaryFolder folder;
  std::ofstream(folder / "key.toml") << "[service]\nports = 1\n";
  std::ofstream(folder / "range.toml") << "[memory]\nheap-limit = \"1KiB\"\n";
  std::ofstream(folder / "not.toml") << "[memory\n";
  struct Case { std::vector<std::string> arguments; const char* message; };
  for (const auto& [arguments, message] : std::vector<Case>{{{"--port", "70000"}, "0 to 65535"}, {{"--workers", "0"}, "1 to 256"},
           {{"--heap-limit", "1KiB"}, "range"}, {{"--no-such-flag"}, "no-such-flag"}, {{"--max-body", "lots"}, "1KiB to 1GiB"},
           {{"--config", folder / "key.toml"}, "unknown key ports"}, {{"--config", folder / "range.toml"}, "heap-limit"},
           {{"--config", folder / "not.toml"}, "not TOML"}, {{"extra"}, "extra"}}) {
    std::vector<std::string> command{OPENCLAW_SERVICE};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Finished finished = runProgram(command);
    EXPECT_EQ(finished.exitCode, 2) << arguments[0];
    EXPECT_NE(finished.errors.find(message), std::string::npos) << finished.errors;
    EXPECT_EQ(finished.out, "");
  }
}

TEST(ServiceStart, HelpNamesEverySettingAndAnExample) {
  Finished help = runProgram({OPENCLAW_SERVICE, "--help"});
  EXPECT_EQ(help.exitCode, 0);
  for (const char* part : {"--port-file", "--heap-limit", "--stress-verify", "--pause-log", "Example:", "--config"})
    EXPECT_NE(help.out.find(part), std::string::npos) << part;
  EXPECT_TRUE(runProgram({OPENCLAW_SERVICE, "--version"}).out.starts_with("openclaw "));
}

TEST(ServiceStart, ATakenPortIsExplainedWithExitCode5) {
  ServiceProcess service;
  Finished second = runProgram({OPENCLAW_SERVICE, "--port", std::to_string(service.port())});
  EXPECT_EQ(second.exitCode, 5);
  EXPECT_NE(second.errors.find("cannot listen on 127.0.0.1:"), std::string::npos) << second.errors;
}

}  // namespace
}  // namespace openclaw::e2e
