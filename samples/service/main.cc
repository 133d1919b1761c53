// openclaw: the reference service. Wires heap, store, workers and server; prints one ready line; ends on SIGTERM or
// SIGINT. Exit codes: 0 fine, 2 usage, 5 the port or the heap could not be had, or requests were dropped at the end.
#include <fmt/format.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>

#include "runtime/openclaw.h"
#include "samples/service/api.h"
#include "samples/service/context_cache.h"
#include "samples/service/faults/fault_governor.h"
#include "samples/service/http_server.h"
#include "samples/service/options.h"
#include "samples/service/store.h"
#include "samples/service/worker_pool.h"

namespace openclaw::service {
namespace {

HeapOptions heapOptions(const Options& options) {
  HeapOptions heap;
  heap.settings = startSettings(options);
  heap.settingsOrigin = options.flagSettings.empty() && !options.stress ? "file" : "flag";
  heap.controlDirectory = options.controlDirectory;
  heap.dumpDirectory = options.dumpDirectory;
  return heap;
}

// Under another name first, so that whoever waits for the file never reads half a port.
Result<void> writePortFile(const std::string& path, std::uint16_t port) {
  std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  std::FILE* file = std::fopen(temporary.c_str(), "we");
  bool written = file != nullptr && std::fprintf(file, "%u\n", unsigned{port}) > 0;
  if (file != nullptr) written = std::fclose(file) == 0 && written;
  if (written && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  return fail(ErrorCode::kIo, fmt::format("{}: cannot be written: {}", path, std::strerror(errno)));
}

void printReady(const Heap& heap, std::uint16_t port) {
  std::string socket = heap.controlSocket();
  if (socket.empty()) fmt::print(stderr, "openclaw: no control socket: {}\n", heap.controlProblem());
  fmt::print("openclaw ready port={} pid={} control={}\n", port, getpid(), socket.empty() ? "none" : socket);
  std::fflush(stdout);
}

Result<bool> serve(const Options& options, Heap& heap, Api& api) {
  WorkerPool pool(heap, options.workers, options.maxWaiting);
  HttpServer server(api, pool, {.mostBodyBytes = options.maxBody, .drainSeconds = options.drainSeconds});
  OPENCLAW_TRY(std::uint16_t port, server.listen(options.port));
  if (!options.portFile.empty()) OPENCLAW_TRY_VOID(writePortFile(options.portFile, port));
  printReady(heap, port);
  bool drained = server.run();
  if (!options.portFile.empty()) unlink(options.portFile.c_str());
  return drained;
}

Result<bool> start(const Options& options) {
  OPENCLAW_TRY(std::unique_ptr<Heap> heap, Heap::create(heapOptions(options)));
  std::unique_ptr<Store> store;
  std::unique_ptr<ContextCache> cache;
  std::unique_ptr<FaultGovernor> governor;
  {
    ThreadScope thread(*heap, "main");  // only for this; from here on this thread is kj's and no heap thread
    store = std::make_unique<Store>(*heap);
    if (options.fault || options.cacheSize) cache = std::make_unique<ContextCache>(*heap, options.cacheSize.value_or(0));
    if (options.fault)
      governor = std::make_unique<FaultGovernor>(*heap, *store, *cache,
          FaultPlan{.kind = *options.fault, .sharePercent = options.faultShare, .boundFollows = !options.cacheSize});
  }
  Api api(*heap, *store, cache.get(), governor.get());
  return serve(options, *heap, api);
}

}  // namespace
}  // namespace openclaw::service

int main(int argc, char** argv) {
  using namespace openclaw;
  service::StartOutcome outcome = service::readOptions(argc, argv);
  if (!outcome.options) {
    fmt::print(outcome.exitCode == 0 ? stdout : stderr, "{}", outcome.text);
    return outcome.exitCode;
  }
  service::HttpServer::captureStopSignals();  // before the heap starts its control thread
  auto drained = service::start(*outcome.options);
  if (!drained) {
    fmt::print(stderr, "openclaw: {}\n", drained.error().what);
    return exitCodeOf(drained.error().code);
  }
  if (!*drained) {
    fmt::print(stderr, "openclaw: requests were still under way after {} s and were dropped\n", outcome.options->drainSeconds);
    return exitCodeOf(ErrorCode::kNotFinished);
  }
  return 0;
}
