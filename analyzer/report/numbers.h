// The one place that turns numbers of a dump into words for people; sizes and durations themselves are
// format/units.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "analyzer/snapshot.h"

namespace openclaw {

// "62.4 %", "<0.1 %" for something that is not nothing, ">99.9 %" for what is not all, "–" of nothing.
std::string percentText(std::uint64_t part, std::uint64_t whole);
std::string percentText(double share);
// "1 object", "12,301 objects".
std::string counted(std::uint64_t number, std::string_view one, std::string_view many);
// "exact" "≥" "≈" … as a prefix of the number: "", "≥ ", "≈ ", "~ ".
std::string_view certaintyPrefix(Certainty certainty);
const char* certaintyName(Certainty certainty);  // "exact", "lowerBound", … as in JSON
// "2026-11-22 21:45:08 UTC"; "unknown" for 0.
std::string unixText(std::uint64_t nanoseconds);
// "3 d 4 h", "1 h 2 min", "12 s".
std::string ageText(std::uint64_t nanoseconds);
const char* toText(Strength strength);
const char* toText(RootKind kind);
const char* toText(Consistency consistency);
std::string typeText(const Snapshot& snapshot, TypeIndex type);  // never empty
// "0x7f31c2004a80", or "@17" where ids are no addresses. inspect and paths take both.
std::string idText(const Snapshot& snapshot, ObjectIndex object);
std::string siteText(const Snapshot& snapshot, SiteIndex site);  // "session.cc:41 addMessage", "unknown"
// "the handle made at session.cc:41", "the stack of thread worker-2".
std::string rootText(const Snapshot& snapshot, const RootInfo& root);
// A slot's label as an access: ".next_", "[17].value".
std::string accessText(const std::string& label);
// One line for each function at a program counter, innermost first; module and offset where there is no
// symbol.
std::vector<std::string> codeText(const Snapshot& snapshot, std::uint64_t pc);

}  // namespace openclaw
