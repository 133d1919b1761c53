// Every object of a dump as a line of text, for joining with what another tool says of the same dump.
//
//   id  type  shallow  retained  dominator  reachable
//
// Tab-separated, a header line, then objects in the snapshot's order. id and dominator: as the dump numbers objects
// (0x… where these are addresses, decimal where not); dominator 0 = only the roots, or unreachable; reachable 1 or 0; sizes in
// bytes. In a type's name tab, newline and backslash stand as \t, \n and \\.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>

#include "analyzer/snapshot.h"

namespace openclaw {

// Calls `write` with pieces of about a megabyte, until it answers false or `stop` fires. False: not all was written.
// Cost: about 0.2 us and 60 bytes an object.
bool exportPerObject(const Snapshot& snapshot, const std::function<bool(std::string_view)>& write, std::stop_token stop);

}  // namespace openclaw
