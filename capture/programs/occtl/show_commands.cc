// Everything that only asks and prints: ps, memory show, gc show|run|log, set, config export.
#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <set>
#include <span>

#include "capture/programs/occtl/commands.h"
#include "capture/programs/occtl/text.h"
#include "format/counters.h"
#include "format/settings.h"
#include "format/units.h"

namespace openclaw::occtl {
namespace {

using Align = Table::Align;

struct Labelled {
  std::string_view counter, label;
};
// What committed bytes are made of (counters.def: they add up).
constexpr std::array<Labelled, 7> kParts = {{{"object_bytes", "objects"},
                                             {"floating_bytes", "floating garbage"},
                                             {"hole_bytes", "holes between objects"},
                                             {"empty_block_bytes", "empty blocks"},
                                             {"tlab_tail_bytes", "unused thread buffers"},
                                             {"large_slack_bytes", "rounding of large objects"},
                                             {"metadata_bytes", "metadata"}}};
struct Section {
  std::string_view title;
  std::vector<Labelled> rows;
};
const std::vector<Section>& sections() {
  static const std::vector<Section> list = {
      {"limits", {{"heap_limit_bytes", "heap limit"}, {"overflow_bytes", "above the arenas' soft sizes"}, {"reserved_bytes", "address space"}}},
      {"fragmentation", {{"fragmentation_ppm", "unusable"}, {"unusable_hole_bytes", "unusable holes"}, {"locked_ppm", "locked"}}},
      {"outside the heap", {{"external_bytes", "owned by heap objects"}}},
      {"in memory (resident set)",
       {{"resident_bytes", "process"}, {"resident_heap_bytes", "heap"}, {"resident_table_bytes", "collector's tables"},
        {"resident_stack_bytes", "stacks of heap threads"}, {"resident_file_bytes", "programs and libraries"},
        {"resident_other_bytes", "malloc and other"}, {"malloc_used_bytes", "malloc says: in use"}, {"malloc_free_bytes", "malloc says: free and kept"}}},
      {"since the start",
       {{"allocated_bytes_total", "allocated"}, {"allocated_objects_total", "allocated objects"}, {"freed_bytes_total", "freed"},
        {"freed_objects_total", "freed objects"}, {"collections_total", "collections"}, {"pauses_total", "pauses"},
        {"pause_ns_total", "paused in all"}, {"pause_ns_max", "longest pause"}, {"dumps_total", "dumps"}, {"dumps_failed_total", "dumps that failed"}}},
      {"now", {{"thread_count", "threads"}, {"root_count", "root handles"}, {"destructors_pending", "destructors to run"}}},
      {"samples and losses",
       {{"stack_samples_total", "stacks sampled"}, {"stack_samples_lost_total", "stack samples lost"},
        {"request_segments_lost_total", "request segments lost"}, {"pause_records_lost_total", "pause records lost"}}},
  };
  return list;
}

const CounterInfo* counterNamed(std::string_view name) {
  for (const CounterInfo& info : allCounters())
    if (info.name == name) return &info;
  return nullptr;
}

std::string counterText(const CounterInfo& info, std::uint64_t value) {
  if (info.unit == "bytes") return toText(Bytes(value));
  if (info.unit == "nanoseconds") return nanosecondsText(value);
  if (info.unit == "ppm") return ppmText(value);
  return withSeparators(value);
}

// The table's words, but for a unit that is shown as another.
std::string helpText(const CounterInfo& info) {
  std::string help(info.help);
  if (const std::size_t at = help.find(", in parts per million"); at != std::string::npos) help.resize(at);
  return help;
}

std::string heading(const Session& session) {
  return bold(fmt::format("process {}  {}", session.target.pid, session.target.info ? session.target.info->executable : "")) + "\n";
}

std::string ago(std::uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::uint64_t nowMonotonic() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

void printCounters(const HeapCounters& counters) {
  std::set<std::string_view> shown;
  const auto valueOf = [&](std::string_view name) { return counters.*counterNamed(name)->member; };
  const std::uint64_t committed = counters.committedBytes;
  std::uint64_t sum = 0;
  Table parts({Align::kLeft, Align::kRight, Align::kRight, Align::kLeft}, 2);
  for (const Labelled& part : kParts) {
    const std::uint64_t value = valueOf(part.counter);
    sum += value;
    shown.insert(part.counter);
    std::string beside;
    if (part.counter == "object_bytes") beside = withSeparators(counters.objectCount) + " objects";
    if (part.counter == "floating_bytes" && counters.floatingCount != 0) beside = withSeparators(counters.floatingCount) + " objects";
    parts.row({std::string(part.label), toText(Bytes(value)), percentText(value, committed), std::move(beside)});
  }
  for (const std::string_view name : {"object_count", "floating_count", "committed_bytes"}) shown.insert(name);
  const std::string verdict = sum == committed ? "= committed" : "differs from committed by " + toText(Bytes(std::max(sum, committed) - std::min(sum, committed)));
  parts.row({"sum", toText(Bytes(sum)), percentText(sum, committed), verdict});
  print(bold("committed") + "  " + toText(Bytes(committed)) + dim("  (" + withSeparators(committed) + " bytes)") + "\n" + parts.text());

  const auto printSection = [&](std::string_view title, const std::vector<Labelled>& rows) {
    Table table({Align::kLeft, Align::kRight, Align::kLeft}, 2);
    for (const Labelled& row : rows) {
      const CounterInfo* info = counterNamed(row.counter);
      if (info == nullptr) continue;
      shown.insert(row.counter);
      table.row({std::string(row.label), counterText(*info, counters.*info->member), helpText(*info)});
    }
    print("\n" + bold(title) + "\n" + table.text());
  };
  for (const Section& section : sections()) printSection(section.title, section.rows);
  // A counter that a newer table has and the lists above do not know yet is still shown.
  std::vector<Labelled> others;
  for (const CounterInfo& info : allCounters())
    if (!shown.contains(info.name)) others.push_back({info.name, info.name});
  if (!others.empty()) printSection("other", others);
}

struct ArenaColumn {
  const char* name;
  const char* title;
  std::uint64_t ArenaRecord::*bytes;
};
constexpr std::array<ArenaColumn, 11> kArenaColumns = {{
    {"committedBytes", "COMMITTED", &ArenaRecord::committed}, {"softLimitBytes", "SOFT SIZE", &ArenaRecord::softLimit},
    {"overflowBytes", "OVER", &ArenaRecord::overflow}, {"objectBytes", "OBJECTS", &ArenaRecord::objectBytes},
    {"floatingBytes", "FLOATING", &ArenaRecord::floatingBytes}, {"holeBytes", "HOLES", &ArenaRecord::holeBytes},
    {"unusableHoleBytes", "UNUSABLE", &ArenaRecord::unusableHoleBytes}, {"emptyBlockBytes", "EMPTY", &ArenaRecord::emptyBlockBytes},
    {"tlabTailBytes", "TLABS", &ArenaRecord::tlabTailBytes}, {"largeSlackBytes", "ROUNDING", &ArenaRecord::largeSlackBytes},
    {"metadataBytes", "METADATA", &ArenaRecord::metadataBytes},
}};

void printArenas(const std::vector<control::ArenaRow>& arenas) {
  std::vector<Align> align{Align::kLeft};
  std::vector<std::string> titles{"ARENA"};
  for (const ArenaColumn& column : kArenaColumns) align.push_back(Align::kRight), titles.emplace_back(column.title);
  align.insert(align.end(), 3, Align::kRight);
  titles.insert(titles.end(), {"COUNT", "BLOCKS", "CHUNKS"});
  Table table(align, 2);
  table.header(titles);
  for (const control::ArenaRow& arena : arenas) {
    std::vector<std::string> cells{arena.ownedName};
    for (const ArenaColumn& column : kArenaColumns) cells.push_back(toText(Bytes(arena.*column.bytes)));
    cells.insert(cells.end(), {withSeparators(arena.objectCount), std::to_string(arena.blocks), std::to_string(arena.chunks)});
    table.row(std::move(cells));
  }
  print("\n" + bold("arenas") + "\n" + table.text());
}

void printSettings(const std::vector<control::SettingRow>& rows) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft}, 2);
  table.header({"SETTING", "VALUE", "FROM", "TAKES EFFECT", "RANGE", ""});
  for (const control::SettingRow& row : rows) table.row({row.name, row.value, row.origin, row.effect, row.range, row.help});
  print("\n" + bold("settings") + "\n" + table.text());
}

void settingsJson(Json& json, const std::vector<control::SettingRow>& rows) {
  json.key("settings").beginArray();
  for (const control::SettingRow& row : rows)
    json.beginObject().field("group", row.group).field("name", row.name).field("value", row.value).field("default", row.defaultValue)
        .field("range", row.range).field("origin", row.origin).field("effect", row.effect).field("help", row.help).endObject();
  json.endArray();
}

void processJson(Json& json, const Session& session) {
  json.field("pid", session.target.pid).field("executable", session.target.info ? session.target.info->executable : "");
}

void pauseJson(Json& json, const control::PauseRow& p) {
  json.beginObject().field("number", p.number).field("kind", p.ownedKind).field("cause", p.ownedCause)
      .field("startMonotonicNanoseconds", p.startMonotonic).field("durationNanoseconds", p.duration);
  json.key("phases").beginArray();
  for (const control::Phase& phase : p.ownedPhases)
    json.beginObject().field("name", phase.name).field("nanoseconds", phase.duration).endObject();
  json.endArray();
  json.field("threads", p.threads).field("signalled", p.signalled).field("slowestThread", p.slowestThread)
      .field("objectsMarked", p.objectsMarked).field("bytesMarked", p.bytesMarked).field("rootsScanned", p.rootsScanned)
      .field("stackWords", p.stackWords).field("committedBeforeBytes", p.committedBefore).field("allocatedSinceLastBytes", p.allocatedSinceLast)
      .field("minorFaults", p.minorFaults).field("majorFaults", p.majorFaults).field("preemptions", p.preemptions)
      .field("runDelayNanoseconds", p.runDelay).field("throttledNanoseconds", p.throttled).endObject();
}

std::string phasesText(const control::PauseRow& pause) {
  std::string text;
  for (const control::Phase& phase : pause.ownedPhases)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", phase.name, nanosecondsText(phase.duration));
  return text;
}

// What the machine did to the pause, only what is not zero.
std::string disturbanceText(const control::PauseRow& p) {
  std::string text;
  const auto add = [&](std::uint64_t value, const std::string& words) {
    if (value != 0) text += (text.empty() ? "" : ", ") + words;
  };
  add(p.majorFaults, fmt::format("{} major faults", p.majorFaults));
  add(p.preemptions, fmt::format("{} preemptions", p.preemptions));
  add(p.runDelay, "waited " + nanosecondsText(p.runDelay) + " for a processor");
  add(p.throttled, "throttled " + nanosecondsText(p.throttled));
  return text;
}

Result<std::vector<control::SettingRow>> settingsOf(Session& session, const std::string& group) {
  OPENCLAW_TRY(control::SettingsReply reply, ask<control::SettingsReply>(session, control::SettingsShowRequest{group}));
  return std::move(reply.rows);
}

}  // namespace

Result<Session> connectTo(const Arguments& arguments) {
  OPENCLAW_TRY(ControlTarget target, findProcess(arguments.pid));
  OPENCLAW_TRY(ControlClient client, ControlClient::connect(target.socketPath));
  return Session{std::move(target), std::move(client)};
}

Result<void> runPs(const Arguments& arguments) {
  const std::vector<ControlTarget> targets = listProcesses();
  if (arguments.json) {
    Json json;
    json.beginObject().key("processes").beginArray();
    for (const ControlTarget& t : targets) {
      json.beginObject().field("pid", t.pid).field("socket", t.socketPath).field("answers", t.info.has_value());
      if (t.info)
        json.field("executable", t.info->executable).field("version", t.info->version).field("formatVersion", t.info->formatVersion)
            .field("startedUnix", t.info->startedUnix).field("committedBytes", t.info->committedBytes).field("objectBytes", t.info->objectBytes);
      else json.field("problem", t.problem);
      json.endObject();
    }
    json.endArray().endObject();
    print(json.text() + "\n");
    return {};
  }
  Table table({Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft});
  table.header({"PID", "COMMITTED", "OBJECTS", "UP", "VERSION", "PROGRAM"});
  bool any = false;
  std::string problems;
  const auto now = static_cast<std::uint64_t>(std::time(nullptr));
  for (const ControlTarget& t : targets) {
    if (!t.info) {
      problems += warning("does not answer: ") + t.problem + "\n";
      continue;
    }
    any = true;
    const std::uint64_t started = t.info->startedUnix / 1'000'000'000u;
    table.row({std::to_string(t.pid), toText(Bytes(t.info->committedBytes)), toText(Bytes(t.info->objectBytes)),
               ago(now > started ? now - started : 0), t.info->version, t.info->executable});
  }
  if (any) print(table.text());
  else print("no process answers\n");
  print(problems);
  return {};
}

Result<void> runMemoryShow(const Arguments& arguments) {
  OPENCLAW_TRY(Session session, connectTo(arguments));
  OPENCLAW_TRY(control::MemoryReply memory, ask<control::MemoryReply>(session, control::MemoryShowRequest{}));
  OPENCLAW_TRY(auto settings, settingsOf(session, "memory"));
  if (!arguments.json) {
    print(heading(session) + "\n");
    printCounters(memory.counters);
    printArenas(memory.arenas);
    printSettings(settings);
    print(dim(fmt::format("\nread at one safepoint; the program stood still for {}\n", nanosecondsText(memory.stopNanoseconds))));
    return {};
  }
  Json json;
  json.beginObject();
  processJson(json, session);
  std::uint64_t sum = 0;
  json.key("counters").beginObject();
  for (const CounterInfo& info : allCounters()) {
    json.field(info.name, memory.counters.*info.member);
    if (std::any_of(kParts.begin(), kParts.end(), [&](const Labelled& part) { return part.counter == info.name; }))
      sum += memory.counters.*info.member;
  }
  json.endObject().field("sumBytes", sum).field("sumMatches", sum == memory.counters.committedBytes);
  json.field("stopNanoseconds", memory.stopNanoseconds).key("arenas").beginArray();
  for (const control::ArenaRow& arena : memory.arenas) {
    json.beginObject().field("name", arena.ownedName);
    for (const ArenaColumn& column : kArenaColumns) json.field(column.name, arena.*column.bytes);
    json.field("objectCount", arena.objectCount).field("blocks", arena.blocks).field("chunks", arena.chunks).endObject();
  }
  json.endArray();
  settingsJson(json, settings);
  print(json.endObject().text() + "\n");
  return {};
}

Result<void> runGcShow(const Arguments& arguments) {
  OPENCLAW_TRY(Session session, connectTo(arguments));
  OPENCLAW_TRY(control::MemoryReply memory, ask<control::MemoryReply>(session, control::MemoryShowRequest{}));
  OPENCLAW_TRY(auto settings, settingsOf(session, "gc"));
  constexpr std::array<Labelled, 8> kTotals = {{{"collections_total", "collections"}, {"pauses_total", "pauses, dumps included"},
                                                {"pause_ns_total", "paused in all"}, {"pause_ns_max", "longest pause"},
                                                {"freed_bytes_total", "freed"}, {"freed_objects_total", "freed objects"},
                                                {"destructors_pending", "destructors to run"}, {"pause_records_lost_total", "pause records lost"}}};
  if (arguments.json) {
    Json json;
    json.beginObject();
    processJson(json, session);
    json.key("counters").beginObject();
    for (const Labelled& total : kTotals) json.field(total.counter, memory.counters.*counterNamed(total.counter)->member);
    json.endObject();
    settingsJson(json, settings);
    print(json.endObject().text() + "\n");
    return {};
  }
  Table table({Align::kLeft, Align::kRight}, 2);
  for (const Labelled& total : kTotals) {
    const CounterInfo& info = *counterNamed(total.counter);
    table.row({std::string(total.label), counterText(info, memory.counters.*info.member)});
  }
  print(heading(session) + "\n" + bold("since the start") + "\n" + table.text());
  printSettings(settings);
  return {};
}

Result<void> runSet(const Arguments& arguments, const std::string& group) {
  control::SettingsSetRequest request;
  for (const std::string& assignment : arguments.assignments) {
    const std::size_t equals = assignment.find('=');
    if (equals == 0 || equals == std::string::npos)
      return fail(ErrorCode::kInvalidArgument, "'" + assignment + "' is not NAME=VALUE; for example: occtl " + group +
                                                   (group == "gc" ? " set growth=150%" : " set arena-size=128MiB"));
    std::string name = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    const std::string other = group == "gc" ? "memory" : "gc";
    if (!findSetting(group, name) && findSetting(other, name))
      return fail(ErrorCode::kInvalidArgument, name + " is a " + other + " setting: occtl " + other + " set " + assignment);
    request.values.push_back({group, std::move(name), std::move(value)});
  }
  OPENCLAW_TRY(Session session, connectTo(arguments));
  OPENCLAW_TRY(auto before, settingsOf(session, group));
  OPENCLAW_TRY([[maybe_unused]] control::DoneReply done, ask<control::DoneReply>(session, request));
  OPENCLAW_TRY(auto after, settingsOf(session, group));

  const auto find = [](const std::vector<control::SettingRow>& rows, const std::string& name) {
    return std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.name == name; });
  };
  Json json;
  json.beginObject();
  processJson(json, session);
  json.key("changed").beginArray();
  for (const control::SettingValue& value : request.values) {
    const auto was = find(before, value.name), is = find(after, value.name);
    if (was == before.end() || is == after.end())
      return fail(ErrorCode::kDamaged, "process " + std::to_string(session.target.pid) + " does not list " + group + " " + value.name + " after setting it");
    json.beginObject().field("group", group).field("name", value.name).field("before", was->value).field("after", is->value)
        .field("effect", is->effect).endObject();
    if (!arguments.json)
      print(fmt::format("{} {}: {} -> {}{}\n", group, value.name, was->value, is->value,
                        is->effect == "now" ? "" : "  " + warning("(" + is->effect + ")")));
  }
  if (arguments.json) print(json.endArray().endObject().text() + "\n");
  return {};
}

Result<void> runGcRun(const Arguments& arguments) {
  OPENCLAW_TRY(Session session, connectTo(arguments));
  OPENCLAW_TRY(control::PausesReply reply, ask<control::PausesReply>(session, control::GcRunRequest{arguments.cause}));
  if (reply.rows.empty())
    return fail(ErrorCode::kDamaged, "process " + std::to_string(session.target.pid) + " collected but sent no pause record");
  const control::PauseRow& pause = reply.rows.front();
  if (arguments.json) {
    Json json;
    json.beginObject();
    processJson(json, session);
    json.key("pause");
    pauseJson(json, pause);
    print(json.endObject().text() + "\n");
    return {};
  }
  print(fmt::format("collected in {}: {} objects, {} marked; {} threads stopped\n", nanosecondsText(pause.duration),
                    withSeparators(pause.objectsMarked), toText(Bytes(pause.bytesMarked)), pause.threads));
  if (const std::string phases = phasesText(pause); !phases.empty()) print("  " + phases + "\n");
  if (const std::string disturbed = disturbanceText(pause); !disturbed.empty()) print("  " + warning(disturbed) + "\n");
  return {};
}

Result<void> runGcLog(const Arguments& arguments) {
  OPENCLAW_TRY(Session session, connectTo(arguments));
  OPENCLAW_TRY(control::PausesReply reply, ask<control::PausesReply>(session, control::GcLogRequest{arguments.newest}));
  if (arguments.json) {
    Json json;
    json.beginObject();
    processJson(json, session);
    json.field("total", reply.total).key("pauses").beginArray();
    for (const control::PauseRow& pause : reply.rows) pauseJson(json, pause);
    print(json.endArray().endObject().text() + "\n");
    return {};
  }
  if (reply.rows.empty()) {
    print("no pauses yet\n");
    return {};
  }
  Table table({Align::kRight, Align::kRight, Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft});
  table.header({"NUMBER", "AGO", "KIND", "PAUSE", "OBJECTS", "MARKED", "THREADS", "CAUSE", "PHASES"});
  const std::uint64_t now = nowMonotonic();
  for (const control::PauseRow& p : reply.rows) {
    std::string phases = phasesText(p);
    if (const std::string disturbed = disturbanceText(p); !disturbed.empty()) phases += " (" + disturbed + ")";
    table.row({std::to_string(p.number), ago(now > p.startMonotonic ? (now - p.startMonotonic) / 1'000'000'000u : 0), p.ownedKind,
               nanosecondsText(p.duration), withSeparators(p.objectsMarked), toText(Bytes(p.bytesMarked)), std::to_string(p.threads),
               p.ownedCause, std::move(phases)});
  }
  print(table.text());
  if (reply.rows.size() < reply.total) print(dim(fmt::format("{} of {} pauses of the process\n", reply.rows.size(), reply.total)));
  return {};
}

Result<void> runConfigExport(const Arguments& arguments) {
  OPENCLAW_TRY(Session session, connectTo(arguments));
  OPENCLAW_TRY(auto rows, settingsOf(session, ""));
  if (arguments.json) {
    Json json;
    json.beginObject();
    processJson(json, session);
    settingsJson(json, rows);
    print(json.endObject().text() + "\n");
    return {};
  }
  std::string out = fmt::format("# memory.toml: settings of process {} ({})\n", session.target.pid, session.target.info->executable);
  std::string group;
  for (const control::SettingRow& row : rows) {
    if (row.group != group) out += fmt::format("\n[{}]\n", group = row.group);
    const bool number = !row.value.empty() && std::all_of(row.value.begin(), row.value.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    const std::string value = number ? row.value : row.value == "on" ? "true" : row.value == "off" && row.range == "on or off" ? "false" : "\"" + row.value + "\"";
    out += fmt::format("# {}\n# {}; default {}{}\n{} = {}\n", row.help, row.range, row.defaultValue,
                       row.effect == "now" ? "" : "; " + row.effect, row.name, value);
  }
  print(out);
  return {};
}

}  // namespace openclaw::occtl
