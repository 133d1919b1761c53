// loadSnapshot: what kind of dump is it, who reads it, and what an exception on the way means.
#include <fmt/format.h>

#include <array>
#include <new>
#include <stdexcept>

#include "analyzer/load/heapbin.h"
#include "analyzer/load/hprof/hprof.h"
#include "analyzer/load/source_bytes.h"
#include "analyzer/load/stages.h"
#include "analyzer/load/v8/v8.h"
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

template <class Fill>
Result<std::shared_ptr<const Snapshot>> build(const std::string& name, DumpKind kind, const LoadOptions& options, Fill fill) {
  const Policy policy = options.policy;
  if (!fits(policy, kind))
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("policy {} is not for a {}", toText(policy), toText(kind)), Where{.file = name});
  try {
    SnapshotBuilder builder;
    builder.state().path = name;
    builder.state().kind = kind;
    builder.state().policy = policy;
    fill(builder.state());
    return builder.build();
  } catch (const LoadFailure& failure) {
    return fail(failure.code, failure.message, Where{.file = name});
  } catch (const Cancelled&) {
    return fail(ErrorCode::kCancelled, "loading was cancelled", Where{.file = name});
  } catch (const FileChanged&) {
    return fail(ErrorCode::kDamaged,
                "the file changed while it was read; read it again when its writer is done",
                Where{.file = name});
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNotFinished, "memory did not suffice; loading takes about 60 bytes an object",
                Where{.file = name});
  } catch (const std::length_error& e) {
    return fail(ErrorCode::kUnsupported, std::string("past the limits of this version: ") + e.what(),
                Where{.file = name});
  }
}

Result<std::shared_ptr<const Snapshot>> load(const SourceBytes& bytes, const LoadOptions& options,
                                             const LoadProgressSink& progress, const std::stop_token& stop,
                                             const std::function<Result<DumpReader>()>& openHeapbin) {
  const DumpKind kind = kindOf(bytes);
  if (kind == DumpKind::kOpenclaw) {
    const Result<DumpReader> reader = openHeapbin();
    if (!reader) return std::unexpected(reader.error());
    return build(bytes.name(), kind, options,
                 [&](SnapshotState& state) { loadHeapbin(*reader, options, progress, stop, state); });
  }
  return build(bytes.name(), kind, options, [&](SnapshotState& state) {
    const LoadStages stages(options.threads, progress, stop);
    if (kind == DumpKind::kHprof) loadHprof(bytes, options, stages, state);
    else loadV8Snapshot(bytes, options, stages, state);
  });
}

}  // namespace

Result<std::shared_ptr<const Snapshot>> loadSnapshot(const std::string& path, const LoadOptions& options,
                                                     const LoadProgressSink& progress, std::stop_token stop) {
  OPENCLAW_TRY(const std::unique_ptr<SourceBytes> bytes, openFileSource(path));
  return load(*bytes, options, progress, stop, [&] { return DumpReader::open(path); });
}

Result<std::shared_ptr<const Snapshot>> loadSnapshot(std::span<const std::byte> bytes, std::string name,
                                                     const LoadOptions& options) {
  return load(*memorySource(bytes, name), options, {}, {}, [&] { return DumpReader::fromMemory(bytes, name); });
}

}  // namespace openclaw
