#include "samples/loadgen/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "format/units.h"
#include "samples/loadgen/http_client.h"
#include "samples/loadgen/message_json.h"
#include "samples/loadgen/text_source.h"

namespace openclaw::loadgen {
namespace {

using Clock = std::chrono::steady_clock;

// The number after `"name":` in `json`; enough for the flat replies that are read here.
std::optional<std::uint64_t> numberAfter(std::string_view json, std::string_view name) {
  std::string key = fmt::format("\"{}\":", name);
  std::size_t at = json.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  json.remove_prefix(at + key.size());
  std::uint64_t number = 0;
  auto [end, problem] = std::from_chars(json.data(), json.data() + json.size(), number);
  if (problem != std::errc()) return std::nullopt;
  return number;
}

std::string textAfter(std::string_view json, std::string_view name) {
  std::string key = fmt::format("\"{}\":\"", name);
  std::size_t at = json.find(key);
  if (at == std::string_view::npos) return {};
  json.remove_prefix(at + key.size());
  return std::string(json.substr(0, json.find('"')));
}

// What all threads share.
struct Run {
  explicit Run(const LoadOptions& o) : options(o), words(8000, o.seed) {}
  const LoadOptions& options;
  const Vocabulary words;
  std::atomic<std::uint64_t> sessionsBegun{0};
  std::stop_source stop;

  bool mayBegin() {
    if (stop.stop_requested()) return false;
    return options.sessions == 0 || sessionsBegun.fetch_add(1) < options.sessions;
  }
};

// One thread with one connection. Its report is merged when it is done.
class Client {
 public:
  Client(Run& run, unsigned number) : run_(run), number_(number), source_(run.words, run.options.seed, number) {}

  void work() {
    while (run_.mayBegin()) oneSession();
  }
  LoadReport& report() { return report_; }

 private:
  struct Made {
    std::string id, user;
    std::vector<std::string> texts;
  };

  void oneSession() {
    Made made;
    made.user = fmt::format("user{}", static_cast<std::uint64_t>(std::pow(500.0, source_.share())));
    auto reply = ask("POST", "/sessions", sessionJson(source_, made.user), 201);
    if (!reply) return;
    made.id = textAfter(reply->body, "id");
    ++report_.sessionsMade;
    append(made);
    if (source_.chance(0.3)) checkSession(made);
    if (source_.chance(0.3)) searchFor(made);
    if (source_.chance(0.1)) ask("GET", "/sessions?user=" + made.user, {}, 200);
    keepOrDelete(made.id);
  }

  void append(Made& made) {
    std::size_t left = source_.size(static_cast<double>(run_.options.messages));
    while (left > 0 && !run_.stop.stop_requested()) {
      Batch batch = batchJson(source_, std::min<std::size_t>(left, run_.options.batch));
      auto reply = ask("POST", fmt::format("/sessions/{}/messages", made.id), batch.json, 201);
      left -= batch.texts.size();
      if (!reply) continue;
      report_.messagesMade += batch.texts.size();
      for (std::string& text : batch.texts) made.texts.push_back(std::move(text));
    }
  }

  // Every text that was sent stands in the reply, in order.
  void checkSession(const Made& made) {
    auto reply = ask("GET", "/sessions/" + made.id, {}, 200);
    if (!reply) return;
    ++report_.repliesChecked;
    std::size_t at = 0;
    for (const std::string& text : made.texts) {
      std::string expected = fmt::format("\"text\":\"{}\"", text);
      std::size_t found = reply->body.find(expected, at);
      if (found == std::string::npos) return problem("a session came back without a message that was sent");
      at = found + expected.size();
    }
    if (numberAfter(reply->body, "messageCount") != made.texts.size()) problem("a session came back with another messageCount");
  }

  void searchFor(const Made& made) {
    if (made.texts.empty()) return;
    const std::string& text = made.texts[source_.below(made.texts.size())];
    std::string word = text.substr(0, text.find_first_of(" ,."));
    auto reply = ask("GET", fmt::format("/search?q={}&limit=10", percentEncoded(word)), {}, 200);
    if (!reply) return;
    ++report_.repliesChecked;
    if (numberAfter(reply->body, "total").value_or(0) == 0) problem("a word that was sent is not found");
  }

  // A share of the sessions goes again, not the newest but one that has lived for a while.
  void keepOrDelete(const std::string& id) {
    kept_.push_back(id);
    if (!source_.chance(run_.options.deletes)) return;
    std::swap(kept_[source_.below(kept_.size())], kept_.back());
    std::string target = "/sessions/" + kept_.back();
    kept_.pop_back();
    if (!ask("DELETE", target, {}, 200)) return;
    ++report_.sessionsDeleted;
    if (source_.chance(0.1)) ask("GET", target, {}, 404);
  }

  void problem(const std::string& what) {
    ++report_.errors;
    ++report_.problems[what];
  }

  std::optional<HttpReply> ask(std::string_view method, const std::string& target, std::string_view body, int expected) {
    if (!connection_) {
      auto connected = HttpClient::connect(run_.options.port);
      if (!connected) return lost(connected.error());
      connection_.emplace(*std::move(connected));
    }
    std::string id = fmt::format("{:08x}{:08x}", number_ + 1, ++asked_);
    auto start = Clock::now();
    auto reply = connection_->request(method, target, body, id);
    if (!reply) return lost(reply.error());
    auto taken = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
    report_.latencies.push_back(static_cast<std::uint64_t>(taken.count()));
    if (reply->header("x-request-id") != id) problem("a reply carries another request's id");
    if (reply->status == expected) return *std::move(reply);
    problem(fmt::format("{} answered {} instead of {}", method, reply->status, expected));
    if (reply->status == 503) run_.stop.request_stop();  // full: more load would say nothing new
    return std::nullopt;
  }

  // The service is gone or broken: without it there is nothing left to do.
  std::nullopt_t lost(const Error& error) {
    problem(error.what);
    run_.stop.request_stop();
    connection_.reset();
    return std::nullopt;
  }

  Run& run_;
  const unsigned number_;
  TextSource source_;
  std::optional<HttpClient> connection_;
  std::uint32_t asked_ = 0;
  std::vector<std::string> kept_;
  LoadReport report_;
};

Result<std::pair<std::uint64_t, std::uint64_t>> heapOf(HttpClient& client) {
  OPENCLAW_TRY(HttpReply reply, client.request("GET", "/stats"));
  auto objects = numberAfter(reply.body, "object_count"), bytes = numberAfter(reply.body, "object_bytes");
  if (reply.status != 200 || !objects || !bytes)
    return fail(ErrorCode::kUnreachable, fmt::format("/stats answered {} without heap counters", reply.status));
  return std::pair(*objects, *bytes);
}

// Ends the run when its time is over or the heap holds enough.
void watch(Run& run, HttpClient& client, Clock::time_point start, std::stop_token done) {
  std::mutex mutex;
  std::condition_variable_any changed;
  while (!done.stop_requested()) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, done, std::chrono::milliseconds(100), [] { return false; });
    std::chrono::duration<double> elapsed = Clock::now() - start;
    if (run.options.seconds > 0 && elapsed.count() >= run.options.seconds) run.stop.request_stop();
    if (run.options.untilObjects == 0) continue;
    auto heap = heapOf(client);
    if (heap && heap->first >= run.options.untilObjects) run.stop.request_stop();
  }
}

void merge(LoadReport& sum, const LoadReport& part) {
  sum.errors += part.errors;
  sum.sessionsMade += part.sessionsMade;
  sum.sessionsDeleted += part.sessionsDeleted;
  sum.messagesMade += part.messagesMade;
  sum.repliesChecked += part.repliesChecked;
  for (const auto& [what, count] : part.problems) sum.problems[what] += count;
  sum.latencies.insert(sum.latencies.end(), part.latencies.begin(), part.latencies.end());
}

}  // namespace

std::uint64_t LoadReport::latency(double rank) const {
  if (latencies.empty()) return 0;
  auto index = static_cast<std::size_t>(std::ceil(rank * static_cast<double>(latencies.size())));
  return latencies[std::clamp<std::size_t>(index, 1, latencies.size()) - 1];
}

Result<LoadReport> runLoad(const LoadOptions& given) {
  LoadOptions options = given;
  if (options.sessions == 0 && options.seconds == 0 && options.untilObjects == 0) options.sessions = 100;
  OPENCLAW_TRY(HttpClient watcher, HttpClient::connect(options.port));
  OPENCLAW_TRY_VOID(heapOf(watcher));

  Run run(options);
  std::vector<Client> clients;
  clients.reserve(options.threads);
  for (unsigned number = 0; number < options.threads; ++number) clients.emplace_back(run, number);
  auto start = Clock::now();
  {
    std::jthread watching([&](std::stop_token done) { watch(run, watcher, start, done); });
    std::vector<std::jthread> threads;
    for (Client& client : clients) threads.emplace_back([&client] { client.work(); });
  }  // first the clients end, then the watcher
  LoadReport report;
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  for (Client& client : clients) merge(report, client.report());
  report.requests = report.latencies.size();
  std::ranges::sort(report.latencies);
  if (auto heap = heapOf(watcher)) std::tie(report.heapObjects, report.heapBytes) = *heap;
  else ++report.errors, ++report.problems[heap.error().what];
  return report;
}

std::string reportText(const LoadReport& report) {
  auto time = [&](double rank) { return toText(std::chrono::nanoseconds(report.latency(rank))); };
  std::string text = fmt::format("{} requests in {:.2f} s: {:.0f} requests/s, {} errors\n", withSeparators(report.requests),
                                 report.seconds, report.requestsPerSecond(), withSeparators(report.errors));
  text += fmt::format("latency  p50 {}  p95 {}  p99 {}  max {}\n", time(0.5), time(0.95), time(0.99), time(1));
  text += fmt::format("made {} sessions with {} messages, deleted {} sessions, checked {} replies\n",
                      withSeparators(report.sessionsMade), withSeparators(report.messagesMade),
                      withSeparators(report.sessionsDeleted), withSeparators(report.repliesChecked));
  text += fmt::format("heap of the service: {} objects, {}\n", withSeparators(report.heapObjects), toText(Bytes(report.heapBytes)));
  for (const auto& [what, count] : report.problems) text += fmt::format("error ({} times): {}\n", withSeparators(count), what);
  return text;
}

std::string reportJson(const LoadReport& report) {
  return fmt::format(
      R"({{"seconds":{:.3f},"requests":{},"requestsPerSecond":{:.1f},"errors":{},"latencyNanoseconds":{{"p50":{},"p95":{},"p99":{},"max":{}}},)"
      R"("sessionsMade":{},"sessionsDeleted":{},"messagesMade":{},"repliesChecked":{},"heapObjects":{},"heapBytes":{}}})"
      "\n",
      report.seconds, report.requests, report.requestsPerSecond(), report.errors, report.latency(0.5), report.latency(0.95),
      report.latency(0.99), report.latency(1), report.sessionsMade, report.sessionsDeleted, report.messagesMade,
      report.repliesChecked, report.heapObjects, report.heapBytes);
}

}  // namespace openclaw::loadgen
