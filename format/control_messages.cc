#include "format/control_messages.h"

#include <capnp/serialize.h>
#include <fmt/format.h>

#include "format/control.capnp.h"
#include "format/schema_rows.h"

namespace openclaw::control {
namespace {

using namespace openclaw::internal;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

std::string text(capnp::Text::Reader reader) { return std::string(reader.begin(), reader.size()); }

std::vector<std::byte> finish(capnp::MallocMessageBuilder& builder) {
  kj::Array<capnp::word> flat = capnp::messageToFlatArray(builder);
  auto bytes = flat.asBytes();
  auto* begin = reinterpret_cast<const std::byte*>(bytes.begin());
  return std::vector<std::byte>(begin, begin + bytes.size());
}

// Runs `read` over the root of the message. Everything that Cap'n Proto objects to becomes kDamaged here: nowhere
// else in the program a kj::Exception is seen.
template <class Root, class T, class Read>
Result<T> readMessage(std::span<const std::byte> bytes, const char* what, Read read) {
  auto damaged = [&](std::string_view why) {
    return fail(ErrorCode::kDamaged, fmt::format("control socket: this is no {}: {}", what, why));
  };
  if (bytes.size() > kMaxMessageBytes) return damaged("longer than the protocol allows");
  if (bytes.size() < 2 * sizeof(capnp::word)) return damaged("it is empty");  // Cap'n Proto would read defaults
  if (bytes.size() % sizeof(capnp::word) != 0) return damaged("not a whole number of 8-byte words");
  // The socket's buffer need not be aligned.
  kj::Array<capnp::word> words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
  if (!bytes.empty()) std::memcpy(words.begin(), bytes.data(), bytes.size());
  try {
    capnp::ReaderOptions options;
    options.traversalLimitInWords = words.size() + 64;  // everything is read once
    options.nestingLimit = 16;
    capnp::FlatArrayMessageReader reader(words, options);
    return read(reader.getRoot<Root>());
  } catch (const kj::Exception& problem) {
    return damaged(problem.getDescription().cStr());
  }
}

std::unexpected<Error> newerKind(const char* what) {
  return fail(ErrorCode::kUnsupported,
              fmt::format("control socket: a {} of a newer version; use the occtl that came with the process", what));
}

// --- rows of replies that own their texts ---------------------------------------------------------------------------

void fillSetting(schema::SettingRow::Builder out, const SettingRow& row) {
  OPENCLAW_PUT_TEXT(out, Group, row.group);
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  OPENCLAW_PUT_TEXT(out, Value, row.value);
  OPENCLAW_PUT_TEXT(out, DefaultValue, row.defaultValue);
  OPENCLAW_PUT_TEXT(out, Range, row.range);
  OPENCLAW_PUT_TEXT(out, Origin, row.origin);
  OPENCLAW_PUT_TEXT(out, Effect, row.effect);
  OPENCLAW_PUT_TEXT(out, Help, row.help);
}

SettingRow readSetting(schema::SettingRow::Reader in) {
  return {text(in.getGroup()),        text(in.getName()),  text(in.getValue()),  text(in.getDefaultValue()),
          text(in.getRange()), text(in.getOrigin()), text(in.getEffect()), text(in.getHelp())};
}

ArenaRow readArena(schema::Arena::Reader in) {
  ArenaRow row;
  row.ownedName = text(in.getName());
  row.softLimit = in.getSoftLimit();
  row.committed = in.getCommitted();
  row.overflow = in.getOverflow();
  row.objectBytes = in.getObjectBytes();
  row.objectCount = in.getObjectCount();
  row.floatingBytes = in.getFloatingBytes();
  row.holeBytes = in.getHoleBytes();
  row.emptyBlockBytes = in.getEmptyBlockBytes();
  row.tlabTailBytes = in.getTlabTailBytes();
  row.largeSlackBytes = in.getLargeSlackBytes();
  row.metadataBytes = in.getMetadataBytes();
  row.unusableHoleBytes = in.getUnusableHoleBytes();
  row.blocks = in.getBlocks();
  row.chunks = in.getChunks();
  return row;
}

PauseRow readPause(schema::Pause::Reader in) {
  PauseRow row;
  row.number = in.getNumber();
  row.ownedKind = text(in.getKind());
  row.ownedCause = text(in.getCause());
  row.startMonotonic = in.getStartMonotonic();
  row.duration = in.getDuration();
  for (auto phase : in.getPhases()) row.ownedPhases.push_back({text(phase.getName()), phase.getDuration()});
  row.predicted = in.getPredicted();
  row.threads = in.getThreads();
  row.signalled = in.getSignalled();
  row.slowestThread = in.getSlowestThread();
  row.objectsMarked = in.getObjectsMarked();
  row.bytesMarked = in.getBytesMarked();
  row.rootsScanned = in.getRootsScanned();
  row.stackWords = in.getStackWords();
  row.committedBefore = in.getCommittedBefore();
  row.allocatedSinceLast = in.getAllocatedSinceLast();
  row.minorFaults = in.getMinorFaults();
  row.majorFaults = in.getMajorFaults();
  row.preemptions = in.getPreemptions();
  row.runDelay = in.getRunDelay();
  row.throttled = in.getThrottled();
  return row;
}

// An owning row as the borrowed record that `fill` takes. Whoever put borrowed texts in gets those.
PauseRecord borrowed(const PauseRow& row, std::vector<PhaseRecord>& phases) {
  PauseRecord record = row;
  if (!row.ownedKind.empty()) record.kind = row.ownedKind;
  if (!row.ownedCause.empty()) record.cause = row.ownedCause;
  if (!row.ownedPhases.empty()) {
    for (const Phase& phase : row.ownedPhases) phases.push_back({phase.name, phase.duration});
    record.phases = phases;
  }
  return record;
}

// A text that is itself the case of a union: it is made even when empty, since making it picks the case.
template <class Init>
void putUnionText(std::string_view value, Init init) {
  auto out = init(static_cast<unsigned>(value.size()));
  if (!value.empty()) std::memcpy(out.begin(), value.data(), value.size());
}

unsigned sizeOf(const auto& container) { return static_cast<unsigned>(container.size()); }

void fillReply(schema::ControlReply::Builder out, const Reply& reply) {
  std::visit(
      Overloaded{
          [&](const InfoReply& r) {
            auto info = out.initInfo();
            info.setPid(r.pid);
            OPENCLAW_PUT_TEXT(info, Executable, r.executable);
            OPENCLAW_PUT_TEXT(info, Version, r.version);
            info.setFormatVersion(r.formatVersion);
            info.setStartedUnix(r.startedUnix);
            info.setCommittedBytes(r.committedBytes);
            info.setObjectBytes(r.objectBytes);
          },
          [&](const MemoryReply& r) {
            auto memory = out.initMemory();
            auto counters = memory.initCounters(sizeOf(allCounters()));
            for (unsigned i = 0; i < counters.size(); ++i) {
              const CounterInfo& info = allCounters()[i];
              fill(counters[i], CounterRecord{info.name, r.counters.*info.member});
            }
            auto arenas = memory.initArenas(sizeOf(r.arenas));
            for (unsigned i = 0; i < arenas.size(); ++i) {
              ArenaRecord record = r.arenas[i];
              if (!r.arenas[i].ownedName.empty()) record.name = r.arenas[i].ownedName;
              fill(arenas[i], record);
            }
            memory.setStopNanoseconds(r.stopNanoseconds);
          },
          [&](const SettingsReply& r) {
            auto rows = out.initSettings(sizeOf(r.rows));
            for (unsigned i = 0; i < rows.size(); ++i) fillSetting(rows[i], r.rows[i]);
          },
          [&](const DoneReply& r) { putUnionText(r.text, [&](unsigned size) { return out.initDone(size); }); },
          [&](const DumpProgressReply& r) {
            auto progress = out.initDumpProgress();
            OPENCLAW_PUT_TEXT(progress, Phase, r.phase);
            progress.setObjectsDone(r.objectsDone);
            progress.setObjectsTotal(r.objectsTotal);
            progress.setBytesWritten(r.bytesWritten);
          },
          [&](const DumpDoneReply& r) {
            auto done = out.initDumpDone();
            EndRecord end = r.end;
            std::vector<LossRecord> losses(r.end.losses.begin(), r.end.losses.end());
            for (const Loss& loss : r.losses) losses.push_back({loss.name, loss.count});
            end.losses = losses;
            fill(done.initEnd(), end);
            OPENCLAW_PUT_TEXT(done, Consistency, r.consistency);
            done.setStopNanoseconds(r.stopNanoseconds);
            done.setTotalNanoseconds(r.totalNanoseconds);
            OPENCLAW_PUT_TEXT(done, Note, r.note);
          },
          [&](const PausesReply& r) {
            auto pauses = out.initPauses();
            pauses.setTotal(r.total);
            auto rows = pauses.initPauses(sizeOf(r.rows));
            for (unsigned i = 0; i < rows.size(); ++i) {
              std::vector<PhaseRecord> phases;
              fill(rows[i], borrowed(r.rows[i], phases));
            }
          },
          [&](const Error& r) {
            auto error = out.initError();
            error.setCode(static_cast<std::uint16_t>(r.code));
            // The place travels as text: the other side has no use for offsets into files it did not open.
            std::string what = r.where.file.empty() ? r.what : fmt::format("{} ({})", r.what, r.where.file);
            OPENCLAW_PUT_TEXT(error, Text, what);
          }},
      reply);
}

Result<Reply> readReply(schema::ControlReply::Reader in) {
  using Which = schema::ControlReply::Which;
  switch (in.which()) {
    case Which::INFO: {
      auto info = in.getInfo();
      return InfoReply{info.getPid(),         text(info.getExecutable()), text(info.getVersion()),
                       info.getFormatVersion(), info.getStartedUnix(),      info.getCommittedBytes(),
                       info.getObjectBytes()};
    }
    case Which::MEMORY: {
      auto memory = in.getMemory();
      MemoryReply reply;
      for (auto counter : memory.getCounters()) {
        auto name = counter.getName();
        for (const CounterInfo& info : allCounters())
          if (info.name == std::string_view(name.begin(), name.size()))
            reply.counters.*info.member = counter.getValue();
      }
      for (auto arena : memory.getArenas()) reply.arenas.push_back(readArena(arena));
      reply.stopNanoseconds = memory.getStopNanoseconds();
      return reply;
    }
    case Which::SETTINGS: {
      SettingsReply reply;
      for (auto row : in.getSettings()) reply.rows.push_back(readSetting(row));
      return reply;
    }
    case Which::DONE: return DoneReply{text(in.getDone())};
    case Which::DUMP_PROGRESS: {
      auto progress = in.getDumpProgress();
      return DumpProgressReply{text(progress.getPhase()), progress.getObjectsDone(), progress.getObjectsTotal(),
                               progress.getBytesWritten()};
    }
    case Which::DUMP_DONE: {
      auto done = in.getDumpDone();
      auto end = done.getEnd();
      DumpDoneReply reply;
      reply.end = {end.getFrames(),  end.getObjects(),         end.getReferences(),      end.getRoots(),
                   end.getRegions(), end.getStopNanoseconds(), end.getWalkNanoseconds(), {}};
      for (auto loss : end.getLosses()) reply.losses.push_back({text(loss.getName()), loss.getCount()});
      reply.consistency = text(done.getConsistency());
      reply.stopNanoseconds = done.getStopNanoseconds();
      reply.totalNanoseconds = done.getTotalNanoseconds();
      reply.note = text(done.getNote());
      return reply;
    }
    case Which::PAUSES: {
      PausesReply reply;
      reply.total = in.getPauses().getTotal();
      for (auto pause : in.getPauses().getPauses()) reply.rows.push_back(readPause(pause));
      return reply;
    }
    case Which::ERROR: {
      auto error = in.getError();
      // A code that this version does not know still is an error: as one of the input.
      auto code = error.getCode() <= static_cast<std::uint16_t>(ErrorCode::kIo) ? static_cast<ErrorCode>(error.getCode())
                                                                                 : ErrorCode::kUnsupported;
      return Reply(Error{code, text(error.getText()), {}});
    }
  }
  return newerKind("reply");
}

}  // namespace

std::vector<std::byte> encode(const Request& request) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<schema::ControlRequest>();
  out.setVersion(kProtocolVersion);
  std::visit(Overloaded{[&](const InfoRequest&) { out.setInfo(); },
                        [&](const MemoryShowRequest&) { out.setMemoryShow(); },
                        [&](const SettingsShowRequest& r) { putUnionText(r.group, [&](unsigned size) { return out.initSettingsShow(size); }); },
                        [&](const SettingsSetRequest& r) {
                          auto values = out.initSettingsSet(sizeOf(r.values));
                          for (unsigned i = 0; i < values.size(); ++i) {
                            OPENCLAW_PUT_TEXT(values[i], Group, r.values[i].group);
                            OPENCLAW_PUT_TEXT(values[i], Name, r.values[i].name);
                            OPENCLAW_PUT_TEXT(values[i], Value, r.values[i].value);
                          }
                        },
                        [&](const DumpRequest& r) {
                          auto dump = out.initDump();
                          dump.setCollectFirst(r.collectFirst);
                          OPENCLAW_PUT_TEXT(dump, Consistency, r.consistency);
                        },
                        [&](const GcRunRequest& r) { putUnionText(r.cause, [&](unsigned size) { return out.initGcRun(size); }); },
                        [&](const GcLogRequest& r) { out.setGcLog(r.newest); },
                        [&](const CancelRequest&) { out.setCancel(); }},
             request);
  return finish(builder);
}

std::vector<std::byte> encode(const Reply& reply) {
  capnp::MallocMessageBuilder builder;
  fillReply(builder.initRoot<schema::ControlReply>(), reply);
  return finish(builder);
}

Result<Request> decodeRequest(std::span<const std::byte> bytes) {
  return readMessage<schema::ControlRequest, Request>(bytes, "request", [](schema::ControlRequest::Reader in) -> Result<Request> {
    using Which = schema::ControlRequest::Which;
    if (in.getVersion() > kProtocolVersion) return newerKind("request");
    switch (in.which()) {
      case Which::INFO: return InfoRequest{};
      case Which::MEMORY_SHOW: return MemoryShowRequest{};
      case Which::SETTINGS_SHOW: return SettingsShowRequest{text(in.getSettingsShow())};
      case Which::SETTINGS_SET: {
        SettingsSetRequest request;
        for (auto value : in.getSettingsSet())
          request.values.push_back({text(value.getGroup()), text(value.getName()), text(value.getValue())});
        return request;
      }
      case Which::DUMP: return DumpRequest{in.getDump().getCollectFirst(), text(in.getDump().getConsistency())};
      case Which::GC_RUN: return GcRunRequest{text(in.getGcRun())};
      case Which::GC_LOG: return GcLogRequest{in.getGcLog()};
      case Which::CANCEL: return CancelRequest{};
    }
    return newerKind("request");
  });
}

Result<Reply> decodeReply(std::span<const std::byte> bytes) {
  return readMessage<schema::ControlReply, Reply>(bytes, "reply", readReply);
}

}  // namespace openclaw::control
