// A ControlHost over a FakeHeap: real settings from the table, made-up counters that add up, dumps by a real
// Snapshotter. Serves the tests of the control socket, in process and as a program for occtl.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "capture/control/server.h"
#include "fake_heap.h"

namespace openclaw::test {

class FakeControlHost final : public ControlHost {
 public:
  explicit FakeControlHost(FakeHeap& heap);
  std::atomic<int> idles{0}, calls{0}, collections{0};
  std::function<void()> beforeDump;     // on the control thread
  std::atomic<int> dumpsEnded{0};
  std::string lastCause, lastBy;
  bool seccomp = true;

  control::InfoReply info() override;
  Result<control::MemoryReply> memory() override;
  control::SettingsReply settings(const std::string& group) override;
  Result<void> set(const std::vector<control::SettingValue>& values, const std::string& by) override;
  Result<control::PauseRow> collect(const std::string& cause) override;
  control::PausesReply pauses(std::uint32_t newest) override;
  Result<control::DumpDoneReply> dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                      const std::function<void(const control::DumpProgressReply&)>& progress,
                                      std::stop_token stop) override;
  void idle() override { ++idles; }

 private:
  FakeHeap& heap_;
  FakeHost snapshotHost_;
  Snapshotter snapshotter_;
  std::map<SettingId, std::uint64_t> values_;
  std::vector<control::PauseRow> pauses_;
};

}  // namespace openclaw::test
