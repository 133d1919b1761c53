// Work off the GUI thread, one job at a time: each has a generation number, a result of an older generation is dropped,
// progress arrives at most ten times a second, and cancelling returns at once whatever the work is doing.
//
//   runner.start([path](JobContext& job) -> JobRunner::Delivery {
//     auto dump = loadSnapshot(path, {}, job.sink(), job.stopToken());          // in a thread of its own
//     return [this, dump] { show(dump); };                                      // on the GUI thread, if still wanted
//   });
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <QObject>
#include <QString>
#include <QTimer>

namespace openclaw::gui {

// What a job may do while it runs. Threads: any number of the job's own.
class JobContext {
 public:
  const std::stop_token& stopToken() const { return stop_; }
  bool cancelled() const { return stop_.stop_requested(); }
  // Cheap enough to call often: keeps the latest, the window looks at it ten times a second.
  void report(std::string_view stage, double fraction);

 private:
  friend class JobRunner;
  std::stop_token stop_;
  std::mutex mutex_;
  std::string stage_;   // guarded by mutex_
  double fraction_ = 0;  // guarded by mutex_
};

// Threads: the GUI thread. Owns: the threads of its jobs; its end waits for them, after asking them to stop.
class JobRunner : public QObject {
  Q_OBJECT

 public:
  using Delivery = std::function<void()>;
  using Work = std::function<Delivery(JobContext&)>;

  explicit JobRunner(QObject* parent = nullptr);
  ~JobRunner() override;

  // Cancels what runs. Returns the new generation.
  std::uint64_t start(Work work);
  // The window is free at once; the thread ends when its work looks at the stop token.
  void cancel();
  bool busy() const { return current_ != nullptr; }
  std::uint64_t generation() const { return generation_; }
  std::chrono::milliseconds elapsed() const;

 Q_SIGNALS:
  void progressed(const QString& stage, double fraction);
  // Nothing is running any more: delivered, or cancelled.
  void idle();

 private:
  struct Job {
    JobContext context;
    std::jthread thread;
  };
  void finished(Job* job, std::uint64_t generation, const Delivery& delivery);
  void showProgress();

  std::list<Job> jobs_;      // the current one and cancelled ones that still wind up
  Job* current_ = nullptr;
  std::uint64_t generation_ = 0;
  std::chrono::steady_clock::time_point started_;
  QTimer progressTimer_;
};

}  // namespace openclaw::gui
