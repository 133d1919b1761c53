// Private to format/: how one row of records.h stands in a Cap'n Proto struct. `words` says how much room a row takes
// besides its fixed struct, exactly, so that a message can be sized before it is built; `fill` writes it. Both are
// used by the frame encoder (fixed buffers, no exceptions) and by the control messages.
#pragma once

#include <capnp/message.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "format/heap.capnp.h"
#include "format/records.h"

namespace openclaw::internal {

// Words of one struct of type T: what a list of n of them takes is 1 + n * this.
template <class T>
constexpr std::size_t structWords() {
  return T::_capnpPrivate::dataWordSize + T::_capnpPrivate::pointerCount;
}
// A null pointer stands for the empty text, blob and list, which take no room.
constexpr std::size_t textWords(std::string_view text) { return text.empty() ? 0 : (text.size() + 8) / 8; }
constexpr std::size_t dataWords(std::size_t bytes) { return (bytes + 7) / 8; }
template <class T>
constexpr std::size_t listWords(std::size_t count) {
  return count == 0 ? 0 : 1 + count * structWords<T>();
}

template <class Init>
void putText(std::string_view text, Init init) {
  if (!text.empty()) std::memcpy(init(static_cast<unsigned>(text.size())).begin(), text.data(), text.size());
}
template <class Init>
void putData(std::span<const std::uint8_t> data, Init init) {
  if (!data.empty()) std::memcpy(init(static_cast<unsigned>(data.size())).begin(), data.data(), data.size());
}
#define OPENCLAW_PUT_TEXT(builder, Field, text) \
  ::openclaw::internal::putText(text, [&](unsigned size) { return (builder).init##Field(size); })
#define OPENCLAW_PUT_DATA(builder, Field, data) \
  ::openclaw::internal::putData(data, [&](unsigned size) { return (builder).init##Field(size); })

// --- rows -----------------------------------------------------------------------------------------------------------

inline std::size_t words(const ModuleRecord& row) { return textWords(row.path) + dataWords(row.buildId.size()); }
inline void fill(schema::Module::Builder out, const ModuleRecord& row) {
  OPENCLAW_PUT_TEXT(out, Path, row.path);
  OPENCLAW_PUT_DATA(out, BuildId, row.buildId);
  out.setBase(row.base);
  out.setLow(row.low);
  out.setHigh(row.high);
}

inline std::size_t words(std::span<const FieldRecord> fields) {
  std::size_t total = listWords<schema::Field>(fields.size());
  for (const FieldRecord& field : fields) total += textWords(field.name) + textWords(field.targetType);
  return total;
}
inline void fill(capnp::List<schema::Field>::Builder out, std::span<const FieldRecord> fields) {
  for (unsigned i = 0; i < fields.size(); ++i) {
    OPENCLAW_PUT_TEXT(out[i], Name, fields[i].name);
    out[i].setOffset(fields[i].offset);
    out[i].setStrength(static_cast<schema::Strength>(fields[i].strength));
    OPENCLAW_PUT_TEXT(out[i], TargetType, fields[i].targetType);
  }
}

inline std::size_t words(const TypeRecord& row) {
  return textWords(row.name) + words(row.fields) + words(row.elementFields) + textWords(row.module);
}
inline void fill(schema::Type::Builder out, const TypeRecord& row) {
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  out.setSize(row.size);
  if (!row.fields.empty()) fill(out.initFields(static_cast<unsigned>(row.fields.size())), row.fields);
  out.setElementSize(row.elementSize);
  out.setElementOffset(row.elementOffset);
  if (!row.elementFields.empty())
    fill(out.initElementFields(static_cast<unsigned>(row.elementFields.size())), row.elementFields);
  out.setHasDestructor(row.hasDestructor);
  out.setPointerFree(row.pointerFree);
  out.setExternalOffset(row.externalOffset);
  OPENCLAW_PUT_TEXT(out, Module, row.module);
  out.setIsText(row.isText);
}

inline std::size_t words(const SiteRecord& row) { return textWords(row.file) + textWords(row.function); }
inline void fill(schema::Site::Builder out, const SiteRecord& row) {
  OPENCLAW_PUT_TEXT(out, File, row.file);
  out.setLine(row.line);
  out.setColumn(row.column);
  OPENCLAW_PUT_TEXT(out, Function, row.function);
  out.setAllocatedObjects(row.allocatedObjects);
  out.setAllocatedBytes(row.allocatedBytes);
  out.setCountsCertainty(static_cast<schema::Certainty>(row.countsCertainty));
}

inline std::size_t words(const ArenaRecord& row) { return textWords(row.name); }
inline void fill(schema::Arena::Builder out, const ArenaRecord& row) {
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  out.setSoftLimit(row.softLimit);
  out.setCommitted(row.committed);
  out.setOverflow(row.overflow);
  out.setObjectBytes(row.objectBytes);
  out.setObjectCount(row.objectCount);
  out.setFloatingBytes(row.floatingBytes);
  out.setHoleBytes(row.holeBytes);
  out.setEmptyBlockBytes(row.emptyBlockBytes);
  out.setTlabTailBytes(row.tlabTailBytes);
  out.setLargeSlackBytes(row.largeSlackBytes);
  out.setMetadataBytes(row.metadataBytes);
  out.setUnusableHoleBytes(row.unusableHoleBytes);
  out.setBlocks(row.blocks);
  out.setChunks(row.chunks);
}

inline std::size_t words(const ThreadRecord& row) { return textWords(row.name) + textWords(row.state); }
inline void fill(schema::Thread::Builder out, const ThreadRecord& row) {
  out.setTid(row.tid);
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  out.setStackLow(row.stackLow);
  out.setStackHigh(row.stackHigh);
  OPENCLAW_PUT_TEXT(out, State, row.state);
}

inline std::size_t words(const StackRecord& row) { return row.pcs.size(); }
inline void fill(schema::Stack::Builder out, const StackRecord& row) {
  if (!row.pcs.empty()) {
    auto pcs = out.initPcs(static_cast<unsigned>(row.pcs.size()));
    for (unsigned i = 0; i < row.pcs.size(); ++i) pcs.set(i, row.pcs[i]);
  }
  out.setSite(row.site);
  out.setAllocatedObjects(row.allocatedObjects);
  out.setAllocatedBytes(row.allocatedBytes);
  out.setFreedObjects(row.freedObjects);
  out.setFreedBytes(row.freedBytes);
  out.setSamples(row.samples);
  out.setTruncated(row.truncated);
}

inline std::size_t words(const PauseRecord& row) {
  std::size_t total = textWords(row.kind) + textWords(row.cause) + listWords<schema::Phase>(row.phases.size());
  for (const PhaseRecord& phase : row.phases) total += textWords(phase.name);
  return total;
}
inline void fill(schema::Pause::Builder out, const PauseRecord& row) {
  out.setNumber(row.number);
  OPENCLAW_PUT_TEXT(out, Kind, row.kind);
  OPENCLAW_PUT_TEXT(out, Cause, row.cause);
  out.setStartMonotonic(row.startMonotonic);
  out.setDuration(row.duration);
  if (!row.phases.empty()) {
    auto phases = out.initPhases(static_cast<unsigned>(row.phases.size()));
    for (unsigned i = 0; i < row.phases.size(); ++i) {
      OPENCLAW_PUT_TEXT(phases[i], Name, row.phases[i].name);
      phases[i].setDuration(row.phases[i].duration);
    }
  }
  out.setPredicted(row.predicted);
  out.setThreads(row.threads);
  out.setSignalled(row.signalled);
  out.setSlowestThread(row.slowestThread);
  out.setObjectsMarked(row.objectsMarked);
  out.setBytesMarked(row.bytesMarked);
  out.setRootsScanned(row.rootsScanned);
  out.setStackWords(row.stackWords);
  out.setCommittedBefore(row.committedBefore);
  out.setAllocatedSinceLast(row.allocatedSinceLast);
  out.setMinorFaults(row.minorFaults);
  out.setMajorFaults(row.majorFaults);
  out.setPreemptions(row.preemptions);
  out.setRunDelay(row.runDelay);
  out.setThrottled(row.throttled);
}

inline std::size_t words(const SettingRecord& row) {
  return textWords(row.name) + textWords(row.value) + textWords(row.defaultValue) + textWords(row.origin);
}
inline void fill(schema::Setting::Builder out, const SettingRecord& row) {
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  OPENCLAW_PUT_TEXT(out, Value, row.value);
  OPENCLAW_PUT_TEXT(out, DefaultValue, row.defaultValue);
  OPENCLAW_PUT_TEXT(out, Origin, row.origin);
}

inline std::size_t words(const SettingChangeRecord& row) {
  return textWords(row.name) + textWords(row.before) + textWords(row.after) + textWords(row.by);
}
inline void fill(schema::SettingChange::Builder out, const SettingChangeRecord& row) {
  out.setUnix(row.unixTime);
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  OPENCLAW_PUT_TEXT(out, Before, row.before);
  OPENCLAW_PUT_TEXT(out, After, row.after);
  OPENCLAW_PUT_TEXT(out, By, row.by);
}

inline std::size_t words(const CounterRecord& row) { return textWords(row.name); }
inline void fill(schema::Counter::Builder out, const CounterRecord& row) {
  OPENCLAW_PUT_TEXT(out, Name, row.name);
  out.setValue(row.value);
}

inline std::size_t words(const SymbolRecord& row) {
  std::size_t total = listWords<schema::CodeFrame>(row.frames.size());
  for (const CodeFrameRecord& frame : row.frames) total += textWords(frame.function) + textWords(frame.file);
  return total;
}
inline void fill(schema::Symbol::Builder out, const SymbolRecord& row) {
  out.setPc(row.pc);
  if (!row.frames.empty()) {
    auto frames = out.initFrames(static_cast<unsigned>(row.frames.size()));
    for (unsigned i = 0; i < row.frames.size(); ++i) {
      OPENCLAW_PUT_TEXT(frames[i], Function, row.frames[i].function);
      OPENCLAW_PUT_TEXT(frames[i], File, row.frames[i].file);
      frames[i].setLine(row.frames[i].line);
      frames[i].setInlined(row.frames[i].inlined);
    }
  }
  out.setModule(row.module);
}

inline std::size_t words(const TakenRecord& row) { return textWords(row.note); }
inline void fill(schema::Taken::Builder out, const TakenRecord& row) {
  out.setStopNanoseconds(row.stopNanoseconds);
  out.setTotalNanoseconds(row.totalNanoseconds);
  OPENCLAW_PUT_TEXT(out, Note, row.note);
}

// What an End takes besides its struct.
inline std::size_t words(const EndRecord& row) {
  std::size_t total = listWords<schema::Loss>(row.losses.size());
  for (const LossRecord& loss : row.losses) total += textWords(loss.name);
  return total;
}
inline void fill(schema::End::Builder out, const EndRecord& row) {
  out.setFrames(row.frames);
  out.setObjects(row.objects);
  out.setReferences(row.references);
  out.setRoots(row.roots);
  out.setRegions(row.regions);
  out.setStopNanoseconds(row.stopNanoseconds);
  out.setWalkNanoseconds(row.walkNanoseconds);
  if (!row.losses.empty()) {
    auto losses = out.initLosses(static_cast<unsigned>(row.losses.size()));
    for (unsigned i = 0; i < row.losses.size(); ++i) {
      OPENCLAW_PUT_TEXT(losses[i], Name, row.losses[i].name);
      losses[i].setCount(row.losses[i].count);
    }
  }
}

inline std::size_t words(const ProcessRecord& row) {
  std::size_t total = textWords(row.executable) + row.commandLine.size() + textWords(row.host) + textWords(row.kernel) +
                      dataWords(row.dumpId.size()) + dataWords(row.previousDumpId.size()) + textWords(row.source) +
                      textWords(row.generator) + textWords(row.requested) + textWords(row.convertedFrom) + textWords(row.policy);
  for (std::string_view argument : row.commandLine) total += textWords(argument);
  return total;
}
inline void fill(schema::Process::Builder out, const ProcessRecord& row) {
  out.setPid(row.pid);
  OPENCLAW_PUT_TEXT(out, Executable, row.executable);
  if (!row.commandLine.empty()) {
    auto arguments = out.initCommandLine(static_cast<unsigned>(row.commandLine.size()));
    for (unsigned i = 0; i < row.commandLine.size(); ++i)
      putText(row.commandLine[i], [&](unsigned size) { return arguments.init(i, size); });
  }
  OPENCLAW_PUT_TEXT(out, Host, row.host);
  OPENCLAW_PUT_TEXT(out, Kernel, row.kernel);
  out.setStartedUnix(row.startedUnix);
  out.setDumpedUnix(row.dumpedUnix);
  out.setDumpedMonotonic(row.dumpedMonotonic);
  OPENCLAW_PUT_DATA(out, DumpId, row.dumpId);
  OPENCLAW_PUT_DATA(out, PreviousDumpId, row.previousDumpId);
  out.setDumpNumber(row.dumpNumber);
  out.setConsistency(static_cast<schema::Consistency>(row.consistency));
  OPENCLAW_PUT_TEXT(out, Source, row.source);
  OPENCLAW_PUT_TEXT(out, Generator, row.generator);
  out.setPageSize(row.pageSize);
  out.setGranule(row.granule);
  OPENCLAW_PUT_TEXT(out, Requested, row.requested);
  OPENCLAW_PUT_TEXT(out, ConvertedFrom, row.convertedFrom);
  OPENCLAW_PUT_TEXT(out, Policy, row.policy);
}

}  // namespace openclaw::internal
