#include "gui/jobs/open_dump.h"

#include <new>
#include <utility>

#include <QThreadPool>

namespace openclaw::gui {
namespace {

// Of the whole job: loading reads the file and builds the graph, the rest are a few passes over the objects.
constexpr double kLoadingShare = 0.9;

}  // namespace

Result<std::shared_ptr<const Answers>> openDumpFile(const std::string& path, Policy policy, JobContext& job) {
  try {
    const LoadProgressSink progress = [&job](const LoadProgress& p) { job.report(p.stage, p.fraction * kLoadingShare); };
    LoadOptions options;
    options.policy = policy;
    options.index = IndexUse::kAuto;
    OPENCLAW_TRY(auto snapshot, loadSnapshot(path, options, progress, job.stopToken()));
    auto answers = computeAnswers(std::move(snapshot), job.stopToken(), [&job](std::string_view stage, double fraction) {
      job.report(stage, kLoadingShare + fraction * (1 - kLoadingShare));
    });
    if (!answers) return fail(ErrorCode::kCancelled, "cancelled");
    return answers;
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kNotFinished, "not enough memory to hold this dump; close other programs or use a larger machine",
                {.file = path});
  }
}

void releaseOffThread(std::shared_ptr<const void> value) {
  if (value) QThreadPool::globalInstance()->start([value = std::move(value)]() mutable { value.reset(); });
}

}  // namespace openclaw::gui
