// Where control sockets live, for both sides: $XDG_RUNTIME_DIR/openclaw, /run/openclaw, /tmp/openclaw-UID; or, when it
// is set, $OPENCLAW_SOCKET_DIR and nothing else (tests that must not see each other, containers with odd mounts).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/result.h"

namespace openclaw::internal {

// The first of the three that this process may put a socket into, made when missing. kNotFinished names what is wrong
// with the last one.
Result<std::string> socketDirectory();
// All folders worth looking into for user `uid`: the three, and for root those of other users.
std::vector<std::string> searchDirectories();
std::vector<std::string> directoriesOf(uid_t uid);

// "4711.sock" and "4711-2.sock" (a second heap in one process) -> 4711.
std::optional<std::uint32_t> pidOfSocket(const std::string& fileName);
// Effective user of a running process, nullopt when there is none.
std::optional<uid_t> ownerOfProcess(std::uint32_t pid);
// "nobody (uid 65534)".
std::string userText(uid_t uid);

}  // namespace openclaw::internal
