// Opening a dump as one job: load, then compute what the views say. Runs in a job's thread.
#pragma once

#include <memory>
#include <string>

#include "format/result.h"
#include "gui/answers.h"
#include "gui/jobs/job_runner.h"

namespace openclaw::gui {

// Errors: those of loadSnapshot (kInvalidArgument: the policy is for another kind of dump), and kNotFinished when memory runs out.
Result<std::shared_ptr<const Answers>> openDumpFile(const std::string& path, Policy policy, JobContext& job);

// Lets go of something large without making the GUI thread wait for it.
void releaseOffThread(std::shared_ptr<const void> value);

}  // namespace openclaw::gui
