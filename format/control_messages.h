// The control protocol as plain values (control.capnp has the wire form). Only this file and its .cc know that it is
// Cap'n Proto; sockets are capture/control's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "format/counters.h"
#include "format/records.h"
#include "format/result.h"

namespace openclaw::control {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kMaxMessageBytes = 16u << 20;

struct SettingValue { std::string group, name, value; };

struct InfoRequest {};
struct MemoryShowRequest {};
struct SettingsShowRequest { std::string group; };
struct SettingsSetRequest { std::vector<SettingValue> values; };
struct DumpRequest { bool collectFirst = false; std::string consistency; };
struct GcRunRequest { std::string cause; };
struct GcLogRequest { std::uint32_t newest = 0; };
struct CancelRequest {};
using Request = std::variant<InfoRequest, MemoryShowRequest, SettingsShowRequest, SettingsSetRequest, DumpRequest,
                             GcRunRequest, GcLogRequest, CancelRequest>;

struct InfoReply {
  std::uint32_t pid = 0;
  std::string executable, version;
  std::uint32_t formatVersion = 0;
  std::uint64_t startedUnix = 0, committedBytes = 0, objectBytes = 0;
};
// ArenaRecord with owned text.
struct ArenaRow : ArenaRecord { std::string ownedName; };  // name stays empty here
struct MemoryReply { HeapCounters counters; std::vector<ArenaRow> arenas; std::uint64_t stopNanoseconds = 0; };
struct SettingRow { std::string group, name, value, defaultValue, range, origin, effect, help; };
struct SettingsReply { std::vector<SettingRow> rows; };
struct DoneReply { std::string text; };
struct DumpProgressReply { std::string phase; std::uint64_t objectsDone = 0, objectsTotal = 0, bytesWritten = 0; };
struct Loss { std::string name; std::uint64_t count = 0; };
struct DumpDoneReply {
  EndRecord end;             // losses stay empty here
  std::vector<Loss> losses;
  std::string consistency;   // "clone" or "stop-the-world"
  std::uint64_t stopNanoseconds = 0, totalNanoseconds = 0;
  std::string note;          // why it fell back, what may grow; empty = nothing to say
};
struct Phase { std::string name; std::uint64_t duration = 0; };
struct PauseRow : PauseRecord { std::string ownedKind, ownedCause; std::vector<Phase> ownedPhases; };
struct PausesReply { std::uint64_t total = 0; std::vector<PauseRow> rows; };
using Reply = std::variant<InfoReply, MemoryReply, SettingsReply, DoneReply, DumpProgressReply, DumpDoneReply,
                           PausesReply, Error>;

// A whole Cap'n Proto message, without the length in front.
std::vector<std::byte> encode(const Request& request);
std::vector<std::byte> encode(const Reply& reply);
// kDamaged for bytes that are no such message, kUnsupported for a newer request or reply kind. Memory is bounded by
// the message's size.
Result<Request> decodeRequest(std::span<const std::byte> bytes);
Result<Reply> decodeReply(std::span<const std::byte> bytes);

}  // namespace openclaw::control
