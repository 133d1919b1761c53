// The commands of occtl: each asks the process, prints, and returns; main turns an Error into a message and an exit code.
#pragma once

#include "capture/control/client.h"
#include "capture/programs/occtl/arguments.h"
#include "format/result.h"

namespace openclaw::occtl {

// The process meant by --pid (or the only one that answers), connected.
struct Session {
  ControlTarget target;
  ControlClient client;
};
Result<Session> connectTo(const Arguments& arguments);
// Asks and takes the answer out; another kind of answer is kDamaged.
template <class Answer>
Result<Answer> ask(Session& session, const control::Request& request) {
  OPENCLAW_TRY(control::Reply reply, session.client.call(request));
  if (auto* answer = std::get_if<Answer>(&reply)) return std::move(*answer);
  return fail(ErrorCode::kDamaged, "process " + std::to_string(session.target.pid) + " gave an answer of another kind; is it another version?");
}

Result<void> runPs(const Arguments& arguments);
Result<void> runMemoryShow(const Arguments& arguments);
Result<void> runGcShow(const Arguments& arguments);
Result<void> runSet(const Arguments& arguments, const std::string& group);
Result<void> runGcRun(const Arguments& arguments);
Result<void> runGcLog(const Arguments& arguments);
Result<void> runConfigExport(const Arguments& arguments);
Result<void> runMemoryDump(const Arguments& arguments);
Result<void> runSymbolize(const Arguments& arguments);

}  // namespace openclaw::occtl
