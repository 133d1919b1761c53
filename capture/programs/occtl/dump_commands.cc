// memory dump and symbolize: the commands that write a file.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "analyzer/symbolize/symbolize_dump.h"
#include "capture/programs/occtl/commands.h"
#include "capture/programs/occtl/text.h"
#include "format/dump_writer.h"
#include "format/units.h"

namespace openclaw::occtl {
namespace {

// What an interrupt does: the first one asks the process to give up and lets the program end in order, a second one
// removes the unfinished file and leaves at once. Only one lives at a time; the handler reads plain atomics.
class InterruptGuard {
 public:
  explicit InterruptGuard(const std::string& temporaryPath) {
    std::strncpy(path_, temporaryPath.c_str(), sizeof path_ - 1);
    interrupted_.store(false);
    struct sigaction action{};
    action.sa_handler = &InterruptGuard::handle;
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &action, &before_[i]);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  ~InterruptGuard() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) ::sigaction(kSignals[i], &before_[i], nullptr);
    client_.store(nullptr);
    path_[0] = 0;
  }
  // While this client waits for an answer, an interrupt is passed on through it.
  void watch(ControlClient* client) {
    client_.store(client);
    if (client != nullptr && interrupted_.load()) client->cancel();
  }
  bool interrupted() const { return interrupted_.load(); }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

  static void handle(int) {
    const int error = errno;
    if (interrupted_.exchange(true)) {
      if (path_[0] != 0) ::unlink(path_);
      ::_exit(130);
    }
    if (ControlClient* client = client_.load()) client->cancel();
    errno = error;
  }

  struct sigaction before_[std::size(kSignals)]{};
  static inline std::atomic<bool> interrupted_{false};
  static inline std::atomic<ControlClient*> client_{nullptr};
  static inline char path_[4096] = {};
};

std::unexpected<Error> cancelled(const std::string& what) { return fail(ErrorCode::kCancelled, what + "; nothing was left behind"); }

std::string symbolsText(const SymbolizeReport& r) {
  std::string text = fmt::format("symbols: {} addresses, {} with file and line, {} with a name only, {} unknown",
                                 withSeparators(r.addresses), withSeparators(r.withLine), withSeparators(r.nameOnly), withSeparators(r.unnamed + r.outside));
  for (const auto& problem : r.problems)
    text += fmt::format("\n  {} {}: {} addresses without a name", problem.path, problem.what, withSeparators(problem.addresses));
  if (r.damagedFrames != 0) text += fmt::format("\n  {} damaged frames could not be read", r.damagedFrames);
  return text + "\n";
}

void symbolsJson(Json& json, const SymbolizeReport& r) {
  json.beginObject().field("addresses", std::uint64_t{r.addresses}).field("withLine", std::uint64_t{r.withLine})
      .field("nameOnly", std::uint64_t{r.nameOnly}).field("unnamed", std::uint64_t{r.unnamed}).field("outside", std::uint64_t{r.outside})
      .field("inlinedFrames", std::uint64_t{r.inlinedFrames}).field("damagedFrames", r.damagedFrames)
      .field("alreadySymbolized", r.alreadySymbolized).key("problems").beginArray();
  for (const auto& problem : r.problems)
    json.beginObject().field("module", problem.path).field("what", problem.what).field("addresses", std::uint64_t{problem.addresses}).endObject();
  json.endArray().endObject();
}

void progressJson(const control::DumpProgressReply& p) {
  Json json;
  json.beginObject().key("progress").beginObject().field("phase", p.phase).field("objectsDone", p.objectsDone)
      .field("objectsTotal", p.objectsTotal).field("bytesWritten", p.bytesWritten).endObject().endObject();
  print(json.text() + "\n");
  std::fflush(stdout);
}

std::uint64_t sizeOf(int descriptor) {
  struct stat info{};
  return ::fstat(descriptor, &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

Result<void> runMemoryDump(const Arguments& arguments) {
  OPENCLAW_TRY(PendingFile file, PendingFile::create(arguments.output, arguments.force));
  InterruptGuard guard(file.temporaryPath());
  OPENCLAW_TRY(Session session, connectTo(arguments));
  ProgressBar bar;
  const auto onProgress = [&](const control::DumpProgressReply& p) {
    if (arguments.json && arguments.progress) progressJson(p);
    bar.show(p.phase, p.objectsDone, p.objectsTotal, withSeparators(p.objectsDone) + " objects, " + toText(Bytes(p.bytesWritten)));
  };
  guard.watch(&session.client);
  auto reply = session.client.call(control::DumpRequest{arguments.collect, arguments.method}, file.descriptor(), onProgress);
  guard.watch(nullptr);
  bar.clear();
  if (guard.interrupted()) return cancelled("interrupted");
  if (!reply) {
    Error error = std::move(reply).error();
    error.what += "; " + arguments.output + " was not written";
    return std::unexpected(std::move(error));
  }
  const auto* done = std::get_if<control::DumpDoneReply>(&*reply);
  if (done == nullptr)
    return fail(ErrorCode::kDamaged, "process " + std::to_string(session.target.pid) + " gave an answer of another kind; is it another version?");

  DumpSymbols symbols({}, {});
  std::string symbolProblem;
  if (!arguments.noSymbols) {
    auto named = symbolizeDump(file.descriptor(), arguments.output, [&](std::size_t at, std::size_t total) {
      bar.show("symbols", at, total, withSeparators(total) + " addresses");
      return !guard.interrupted();
    });
    bar.clear();
    if (named) symbols = *std::move(named);
    else if (guard.interrupted()) return cancelled("interrupted");
    else symbolProblem = toText(named.error());  // the dump is complete without them
  }
  if (auto appended = appendSymbolsAndIndex(file.descriptor(), arguments.output, symbols.records(), symbolizerName()); !appended)
    return appended;
  if (guard.interrupted()) return cancelled("interrupted");
  const std::uint64_t bytes = sizeOf(file.descriptor());
  OPENCLAW_TRY_VOID(file.commit());

  if (arguments.json) {
    Json json;
    json.beginObject().field("pid", session.target.pid).field("executable", session.target.info->executable)
        .field("file", arguments.output).field("bytes", bytes).field("consistency", done->consistency)
        .field("objects", done->end.objects).field("references", done->end.references).field("roots", done->end.roots)
        .field("regions", done->end.regions).field("frames", done->end.frames).field("stopNanoseconds", done->stopNanoseconds)
        .field("walkNanoseconds", done->end.walkNanoseconds).field("totalNanoseconds", done->totalNanoseconds).field("note", done->note);
    json.key("losses").beginObject();
    for (const control::Loss& loss : done->losses) json.field(loss.name, loss.count);
    json.endObject().key("symbols");
    if (arguments.noSymbols || !symbolProblem.empty()) json.null();
    else symbolsJson(json, symbols.report());
    json.field("symbolProblem", symbolProblem);
    print(json.endObject().text() + "\n");
    return {};
  }
  print(fmt::format("{}  {} objects, {} references, {}\n", bold(arguments.output), withSeparators(done->end.objects),
                    withSeparators(done->end.references), toText(Bytes(bytes))));
  print(fmt::format("process {} stood still for {} ({}); the dump took {}\n", session.target.pid, nanosecondsText(done->stopNanoseconds),
                    done->consistency, nanosecondsText(done->totalNanoseconds)));
  if (!done->note.empty()) print(warning("note: ") + done->note + "\n");
  for (const control::Loss& loss : done->losses)
    if (loss.count != 0) print(warning("lost: ") + fmt::format("{} {}\n", withSeparators(loss.count), loss.name));
  if (!symbolProblem.empty()) print(warning("no symbols: ") + symbolProblem + "\n");
  else if (!arguments.noSymbols && symbols.report().addresses != 0) print(symbolsText(symbols.report()));
  return {};
}

Result<void> runSymbolize(const Arguments& arguments) {
  const int descriptor = ::open(arguments.file.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0)
    return fail(errno == ENOENT ? ErrorCode::kInvalidArgument : ErrorCode::kIo,
                arguments.file + " cannot be opened for writing: " + std::strerror(errno));
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } closer{descriptor};
  ProgressBar bar;
  OPENCLAW_TRY(DumpSymbols symbols, symbolizeDump(descriptor, arguments.file, [&](std::size_t at, std::size_t total) {
                 bar.show("symbols", at, total, withSeparators(total) + " addresses");
                 return true;
               }));
  bar.clear();
  if (!symbols.report().alreadySymbolized) {
    OPENCLAW_TRY_VOID(appendSymbolsAndIndex(descriptor, arguments.file, symbols.records(), symbolizerName()));
    if (::fsync(descriptor) != 0) return fail(ErrorCode::kNotFinished, arguments.file + " could not be written: " + std::strerror(errno));
  }
  if (arguments.json) {
    Json json;
    json.beginObject().field("file", arguments.file).key("symbols");
    symbolsJson(json, symbols.report());
    print(json.endObject().text() + "\n");
  } else if (symbols.report().alreadySymbolized) {
    print(arguments.file + " has symbols already; it was left as it is\n");
  } else {
    print(symbolsText(symbols.report()));
  }
  return {};
}

}  // namespace openclaw::occtl
