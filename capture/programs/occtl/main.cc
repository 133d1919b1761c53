// occtl: asks running programs about their heaps and takes dumps. See README.md.
#include "capture/programs/occtl/arguments.h"
#include "capture/programs/occtl/commands.h"
#include "capture/programs/occtl/text.h"

namespace openclaw::occtl {
namespace {

Result<void> run(const Arguments& arguments) {
  switch (arguments.command) {
    case Command::kPs: return runPs(arguments);
    case Command::kMemoryShow: return runMemoryShow(arguments);
    case Command::kMemorySet: return runSet(arguments, "memory");
    case Command::kMemoryDump: return runMemoryDump(arguments);
    case Command::kGcShow: return runGcShow(arguments);
    case Command::kGcSet: return runSet(arguments, "gc");
    case Command::kGcRun: return runGcRun(arguments);
    case Command::kGcLog: return runGcLog(arguments);
    case Command::kConfigExport: return runConfigExport(arguments);
    case Command::kSymbolize: return runSymbolize(arguments);
  }
  return {};
}

}  // namespace
}  // namespace openclaw::occtl

int main(int count, char** values) {
  using namespace openclaw;
  auto parsed = occtl::parseArguments(count, values);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto& arguments = std::get<occtl::Arguments>(parsed);
  const Result<void> done = occtl::run(arguments);
  if (done) return 0;
  const int code = exitCodeOf(done.error().code);
  occtl::complain(toText(done.error()));
  if (arguments.json) {
    occtl::Json json;
    json.beginObject().key("error").beginObject();
    json.field("code", toText(done.error().code)).field("text", done.error().what).field("exitCode", static_cast<std::uint32_t>(code));
    json.endObject().endObject();
    occtl::print(json.text() + "\n");
  }
  return code;
}
