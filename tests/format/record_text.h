// Every field of every row as text: two rows are the same when their texts are. For round trips, for "a damaged byte
// never changes what is read", and for the golden dump.
#pragma once

#include <string>

#include "format/dump_reader.h"
#include "format/records.h"

namespace openclaw::test {

std::string textOf(const ProcessRecord& row);
std::string textOf(const ModuleRecord& row);
std::string textOf(const TypeRecord& row);
std::string textOf(const SiteRecord& row);
std::string textOf(const ArenaRecord& row);
std::string textOf(const RegionRecord& row);
std::string textOf(const FloatingRecord& row);
std::string textOf(const RootRecord& row);
std::string textOf(const ThreadRecord& row);
std::string textOf(const StackRecord& row);
std::string textOf(const PauseRecord& row);
std::string textOf(const SettingRecord& row);
std::string textOf(const SettingChangeRecord& row);
std::string textOf(const CounterRecord& row);
std::string textOf(const RequestRecord& row);
std::string textOf(const SymbolRecord& row);
std::string textOf(const EndRecord& row);
std::string textOf(const ObjectColumns& columns);
std::string textOf(const ReferenceColumns& columns);

// All rows of one frame, a line each; or the error of decoding it, which begins with "error: ".
std::string textOfFrame(const DumpReader& reader, const FrameInfo& frame);
// Header and all frames.
std::string textOfDump(const DumpReader& reader);

}  // namespace openclaw::test
