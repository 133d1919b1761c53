// loadSnapshot: what kind of dump is it, who reads it, and what an exception on the way means.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "analyzer/index/index_file.h"
#include "analyzer/load/forecast.h"
#include "analyzer/load/heapbin.h"
#include "analyzer/load/hprof/hprof.h"
#include "analyzer/load/source_bytes.h"
#include "analyzer/load/stages.h"
#include "analyzer/load/v8/v8.h"
#include "analyzer/memory_limit.h"
#include "analyzer/snapshot_state.h"

namespace openclaw {
namespace {

DumpKind kindOf(const SourceBytes& bytes) {
  std::array<std::byte, 4096> buffer;
  const std::span<const std::byte> head(buffer.data(), bytes.read(0, buffer));
  if (looksLikeHprof(head)) return DumpKind::kHprof;
  if (looksLikeV8Snapshot(head)) return DumpKind::kV8;
  return DumpKind::kOpenclaw;   // its reader says what is wrong with anything else, and salvages what has lost its head
}

// Runs `load`, and makes an Error of what it throws.
template <class Load>
Result<std::shared_ptr<const Snapshot>> catching(const std::string& name, Load load) {
  try {
    return load();
  } catch (const LoadFailure& failure) {
    return fail(failure.code, failure.message, Where{.file = name});
  } catch (const Cancelled&) {
    return fail(ErrorCode::kCancelled, "loading was cancelled", Where{.file = name});
  } catch (const FileChanged&) {
    return fail(ErrorCode::kDamaged,
                "the file changed while it was read; read it again when its writer is done",
                Where{.file = name});
  } catch (const SpillFailed& failure) {
    return fail(ErrorCode::kNotFinished, failure.message, Where{.file = name});
  } catch (const MemoryLimitExceeded& exceeded) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("a memory limit of {} is too small for this dump: {} of it cannot lie in files; try --memory-limit {}",
                            toText(Bytes(exceeded.limit)), toText(Bytes(exceeded.resident)), toText(Bytes(exceeded.resident + exceeded.resident / 2))),
                Where{.file = name});
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNotFinished, "memory did not suffice; with --memory-limit SIZE tables that do not fit lie in files",
                Where{.file = name});
  } catch (const std::length_error& e) {
    return fail(ErrorCode::kUnsupported, std::string("past the limits of this version: ") + e.what(),
                Where{.file = name});
  }
}

template <class Fill>
Result<std::shared_ptr<const Snapshot>> build(const std::string& name, DumpKind kind, const LoadOptions& options, Fill fill) {
  const Policy policy = options.policy;
  if (!fits(policy, kind))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("policy {} is not for a {}", toText(policy), toText(kind)), Where{.file = name});
  return catching(name, [&] {
    SnapshotBuilder builder;
    builder.state().path = name;
    builder.state().kind = kind;
    builder.state().policy = policy;
    fill(builder.state());
    return builder.build();
  });
}

// Says what the load will take, and sets the limit that it gets.
Result<MemoryPlan> announceMemory(const SourceBytes& bytes, DumpKind kind, const DumpReader* reader, const LoadOptions& options) {
  MemoryPlan plan;
  try {
    plan = planMemory(forecastMemory(bytes, kind, reader, options), measureRoom(), options);
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNotFinished, "memory does not even suffice to look at the dump", Where{.file = bytes.name()});
  }
  if (plan.refused)
    return fail(options.memoryLimit == kMemoryLimitAsFree ? ErrorCode::kNotFinished : ErrorCode::kInvalidArgument, plan.sentence, Where{.file = bytes.name()});
  if (plan.limit != 0) {
    OPENCLAW_TRY_VOID(setMemoryLimit({.bytes = plan.limit, .spillDirectory = options.spillDirectory, .spill = plan.spill}));
  }
  if (options.announce) options.announce(plan);
  return plan;
}

// The index beside a dump: asked before loading, and written behind it when that is worth it.
class IndexBeside {
 public:
  IndexBeside(const std::string& dump, DumpKind kind, const LoadOptions& options, const LoadStages& stages)
      : dump_(dump), kind_(kind), options_(options), stages_(stages), path_(indexPathOf(dump, options.policy)) {
    if (options.index == IndexUse::kOff || options.dump != 0 || !fits(options.policy, kind)) return;
    auto seal = Seal::ofUser();
    if (!seal) {
      note_ = "no index: " + toText(seal.error());
      return;
    }
    auto identity = identityOf(dump, *seal);
    if (!identity) return;   // loading says why
    seal_ = *seal;
    identity_ = *identity;
  }

  // The snapshot as the index has it; null: load. Throws Cancelled, std::bad_alloc.
  std::shared_ptr<const Snapshot> open() {
    if (!seal_) return nullptr;
    SnapshotBuilder builder;
    SnapshotState& state = builder.state();
    state.path = dump_;
    state.kind = kind_;
    state.policy = options_.policy;
    const IndexAnswer answer = readIndex(path_, identity_, options_.policy, *seal_, stages_, state);
    if (!answer.used) {
      if (!answer.why.empty()) note_ = fmt::format("{} is not used: {}", name(), answer.why);
      return nullptr;
    }
    state.report.index = "opened from " + name();
    return builder.build();
  }

  // After loading into `state`. Throws Cancelled.
  void keep(SnapshotState& state) {
    using Seconds = std::chrono::duration<double>;
    const double took = Seconds(std::chrono::steady_clock::now() - begin_).count();
    if (seal_ && options_.dominators && options_.referrers && (options_.index == IndexUse::kWrite || took >= kSecondsWorthAnIndex)) write(state);
    state.report.index = note_;
  }

 private:
  std::string name() const { return std::filesystem::path(path_).filename(); }
  void write(const SnapshotState& state) {
    const auto still = identityOf(dump_, *seal_);
    if (!still || *still != identity_) {
      note_ = "no index: the dump changed while it was read";
      return;
    }
    const auto written = writeIndex(path_, identity_, options_.policy, *seal_, stages_, state);
    const std::string before = note_.empty() ? "" : note_ + "; ";
    note_ = written ? fmt::format("{}{} written, {}: the next open maps it", before, name(), toText(*written))
                    : fmt::format("{}{} could not be written: {}", before, name(), written.error().what);
  }

  const std::string& dump_;
  const DumpKind kind_;
  const LoadOptions& options_;
  const LoadStages& stages_;
  const std::string path_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::optional<Seal> seal_;
  DumpIdentity identity_;
  std::string note_;
};

Result<std::shared_ptr<const Snapshot>> load(const SourceBytes& bytes, DumpKind kind, const LoadOptions& options,
                                             const LoadProgressSink& progress, const std::stop_token& stop,
                                             const std::function<Result<DumpReader>()>& openHeapbin, bool announced,
                                             const std::function<void(SnapshotState&)>& loaded) {
  if (options.dump != 0 && kind != DumpKind::kHprof)
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("dump number {} was asked for; only Java files may hold several, and this is a {}", options.dump, toText(kind)),
                Where{.file = bytes.name()});
  std::optional<DumpReader> reader;
  if (kind == DumpKind::kOpenclaw) {
    OPENCLAW_TRY(DumpReader opened, openHeapbin());
    reader.emplace(std::move(opened));
  }
  MemoryPlan plan;
  if (announced && fits(options.policy, kind)) {
    OPENCLAW_TRY(plan, announceMemory(bytes, kind, reader ? &*reader : nullptr, options));
  }
  const auto run = [&] {
    return build(bytes.name(), kind, options, [&](SnapshotState& state) {
      if (kind == DumpKind::kOpenclaw) {
        loadHeapbin(*reader, options, progress, stop, state);
      } else {
        const LoadStages stages(options.threads, progress, stop);
        if (kind == DumpKind::kHprof) loadHprof(bytes, options, stages, state);
        else loadV8Snapshot(bytes, options, stages, state);
      }
      state.report.announcedPeak = plan.forecast.peak;
      if (loaded) loaded(state);
    });
  };
  auto result = run();
  if (result || plan.limit == 0 || plan.spill || result.error().code != ErrorCode::kInvalidArgument) return result;
  // It was thought to fit, and did not: again, with tables in files from the start.
  OPENCLAW_TRY_VOID(setMemoryLimit({.bytes = plan.limit, .spillDirectory = options.spillDirectory, .spill = true}));
  return run();
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> loadSnapshot(const std::string& path, const LoadOptions& options,
                                                     const LoadProgressSink& progress, std::stop_token stop) {
  OPENCLAW_TRY(const std::unique_ptr<SourceBytes> bytes, openFileSource(path));
  // What is free is asked when it is known what is needed; a limit that was named holds for all that follows.
  const bool named = options.memoryLimit != 0 && options.memoryLimit != kMemoryLimitAsFree;
  if (const auto limited = setMemoryLimit({.bytes = named ? options.memoryLimit : 0, .spillDirectory = options.spillDirectory}); !limited)
    return std::unexpected(limited.error());
  const DumpKind kind = kindOf(*bytes);
  const LoadStages stages(options.threads, progress, stop);
  IndexBeside index(path, kind, options, stages);
  try {
    if (auto snapshot = index.open()) return snapshot;
  } catch (const Cancelled&) {
    return fail(ErrorCode::kCancelled, "loading was cancelled", Where{.file = path});
  } catch (const std::bad_alloc&) {   // so will loading, and it says so
  }
  return load(*bytes, kind, options, progress, stop, [&] { return DumpReader::open(path); }, true,
              [&](SnapshotState& state) { index.keep(state); });
}

Result<std::shared_ptr<const Snapshot>> loadSnapshot(std::span<const std::byte> bytes, std::string name,
                                                     const LoadOptions& options) {
  const auto source = memorySource(bytes, name);
  return load(*source, kindOf(*source), options, {}, {}, [&] { return DumpReader::fromMemory(bytes, name); }, false, {});
}

}  // namespace openclaw
