// What several text reports share: sizes with their certainty, the ledger's table, an owner in one line.
#pragma once

#include <string>

#include "analyzer/findings/finding.h"
#include "analyzer/snapshot.h"
#include "analyzer/views/scope.h"
#include "analyzer/views/ledger.h"

namespace openclaw {

// With the prefix of its certainty; what an incomplete dump says is a lower bound at best.
std::string bytesText(const Snapshot& snapshot, Bytes bytes, Certainty certainty);
std::string ledgerText(const Snapshot& snapshot, const Ledger& ledger);
// "a Root handle made at main.cc:12 → Server .sessions_ → Array<Session> [1] → Session": the shortest path to an object,
// its middle counted when it is long. "nothing: no root reaches it" when so. Cost: of findPathToRoot.
std::string ownerPathText(const Snapshot& snapshot, ObjectIndex object);
// A finding with its evidence, indented by two.
std::string findingText(const Snapshot& snapshot, const Finding& finding);
// What a report of a scope begins with: its labels, its share of the dump and what it retains. Empty without a scope.
std::string scopeText(const Snapshot& snapshot, const ScopeSelection* scope);
// Eight levels of fill as one character, "·" for none: "▁" up to an eighth, … "█".
const char* fillText(double share);

}  // namespace openclaw
