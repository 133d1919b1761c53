#include "gui/jobs/job_runner.h"

#include <utility>

#include <QMetaObject>

#include "gui/numbers.h"

namespace openclaw::gui {

void JobContext::report(std::string_view stage, double fraction) {
  const std::scoped_lock lock(mutex_);
  stage_.assign(stage);
  fraction_ = fraction;
}

JobRunner::JobRunner(QObject* parent) : QObject(parent) {
  progressTimer_.setInterval(std::chrono::milliseconds(100));
  connect(&progressTimer_, &QTimer::timeout, this, &JobRunner::showProgress);
}

JobRunner::~JobRunner() {
  for (Job& job : jobs_) job.thread.request_stop();
  jobs_.clear();  // joins
}

std::uint64_t JobRunner::start(Work work) {
  if (current_ != nullptr) current_->thread.request_stop();
  const std::uint64_t generation = ++generation_;
  Job& job = jobs_.emplace_back();
  current_ = &job;
  started_ = std::chrono::steady_clock::now();
  progressTimer_.start();
  job.thread = std::jthread([this, &job, generation, work = std::move(work)](const std::stop_token& stop) {
    job.context.stop_ = stop;
    Delivery delivery = work(job.context);
    QMetaObject::invokeMethod(
        this, [this, &job, generation, delivery = std::move(delivery)] { finished(&job, generation, delivery); },
        Qt::QueuedConnection);
  });
  return generation;
}

void JobRunner::cancel() {
  if (current_ == nullptr) return;
  current_->thread.request_stop();
  current_ = nullptr;
  ++generation_;
  progressTimer_.stop();
  Q_EMIT idle();
}

std::chrono::milliseconds JobRunner::elapsed() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_);
}

void JobRunner::finished(Job* job, std::uint64_t generation, const Delivery& delivery) {
  // The thread has posted its last message, so this join does not wait.
  jobs_.remove_if([job](const Job& candidate) { return &candidate == job; });
  if (generation != generation_) return;
  current_ = nullptr;
  progressTimer_.stop();
  delivery();
  Q_EMIT idle();
}

void JobRunner::showProgress() {
  if (current_ == nullptr) return;
  QString stage;
  double fraction = 0;
  {
    const std::scoped_lock lock(current_->context.mutex_);
    stage = numbers::text(current_->context.stage_);
    fraction = current_->context.fraction_;
  }
  Q_EMIT progressed(stage, fraction);
}

}  // namespace openclaw::gui
