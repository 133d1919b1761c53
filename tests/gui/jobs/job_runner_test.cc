#include "gui/jobs/job_runner.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include <QSignalSpy>
#include <QTest>

#include <gtest/gtest.h>

namespace openclaw::gui {
namespace {

using namespace std::chrono_literals;

// Waits in a job until the job is asked to stop.
JobRunner::Delivery waitForStop(JobContext& job) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait(lock, job.stopToken(), [] { return false; });
  return [] {};
}

TEST(JobRunner, DeliversOnTheGuiThreadAndIsIdleThen) {
  JobRunner runner;
  QSignalSpy idle(&runner, &JobRunner::idle);
  const auto guiThread = std::this_thread::get_id();
  std::thread::id worked, delivered;
  runner.start([&](JobContext&) -> JobRunner::Delivery {
    worked = std::this_thread::get_id();
    return [&] { delivered = std::this_thread::get_id(); };
  });
  EXPECT_TRUE(runner.busy());
  ASSERT_TRUE(QTest::qWaitFor([&] { return idle.count() == 1; }));
  EXPECT_NE(worked, guiThread);
  EXPECT_EQ(delivered, guiThread);
  EXPECT_FALSE(runner.busy());
}

TEST(JobRunner, ResultsOfAnEarlierGenerationAreDropped) {
  JobRunner runner;
  int first = 0, second = 0;
  runner.start([&](JobContext& job) -> JobRunner::Delivery {
    waitForStop(job);
    return [&] { ++first; };
  });
  const auto generation = runner.start([&](JobContext&) -> JobRunner::Delivery { return [&] { ++second; }; });
  EXPECT_EQ(generation, 2u);
  ASSERT_TRUE(QTest::qWaitFor([&] { return second == 1; }));
  QCoreApplication::processEvents();
  EXPECT_EQ(first, 0);
}

TEST(JobRunner, CancellingDoesNotWaitForTheWork) {
  JobRunner runner;
  std::mutex gate;
  gate.lock();
  bool delivered = false;
  runner.start([&](JobContext&) -> JobRunner::Delivery {
    const std::scoped_lock wait(gate);  // deaf to the stop token
    return [&] { delivered = true; };
  });
  QSignalSpy idle(&runner, &JobRunner::idle);
  runner.cancel();
  EXPECT_FALSE(runner.busy());
  EXPECT_EQ(idle.count(), 1);
  gate.unlock();
  QTest::qWait(0);
  EXPECT_FALSE(delivered);
}

TEST(JobRunner, ProgressComesAtMostTenTimesASecondAndIsTheLatest) {
  JobRunner runner;
  QSignalSpy progress(&runner, &JobRunner::progressed);
  const auto started = std::chrono::steady_clock::now();
  runner.start([](JobContext& job) -> JobRunner::Delivery {
    for (int i = 0; i <= 100'000; ++i) job.report("counting", i / 100'000.0);
    return waitForStop(job);
  });
  ASSERT_TRUE(QTest::qWaitFor([&] { return progress.count() >= 3; }));
  EXPECT_GE(std::chrono::steady_clock::now() - started, 250ms);
  ASSERT_TRUE(QTest::qWaitFor([&] { return progress.last().at(1).toDouble() == 1.0; }));
  EXPECT_EQ(progress.last().at(0).toString(), "counting");
}

TEST(JobRunner, EndsWhileAJobRuns) {
  bool stopped = false;
  {
    JobRunner runner;
    runner.start([&](JobContext& job) -> JobRunner::Delivery {
      waitForStop(job);
      stopped = true;
      return [] { FAIL() << "delivered to a runner that is gone"; };
    });
  }
  EXPECT_TRUE(stopped);
  QCoreApplication::processEvents();
}

}  // namespace
}  // namespace openclaw::gui
