// The control socket of a process: one plain poll(2) thread that checks who asks, answers from a ControlHost, and
// takes dumps. Where the socket lives: DESIGN.md section 5 (Control): $XDG_RUNTIME_DIR/openclaw/PID.sock, or
// /run/openclaw/, or /tmp/openclaw-UID (0700, owner checked). Peer credentials: same user, root, or group `openclaw`.
//
//   OPENCLAW_TRY(auto server, ControlServer::start(host, options));   // until destroyed
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "format/control_messages.h"
#include "format/result.h"
#include "format/settings.h"

namespace openclaw {

// What a process answers. Called on the control thread, one call at a time; may stop the world.
class ControlHost {
 public:
  virtual control::InfoReply info() = 0;
  virtual Result<control::MemoryReply> memory() = 0;
  virtual control::SettingsReply settings(const std::string& group) = 0;
  // All or none. kInvalidArgument with the range.
  virtual Result<void> set(const std::vector<control::SettingValue>& values, const std::string& by) = 0;
  virtual Result<control::PauseRow> collect(const std::string& cause) = 0;
  virtual control::PausesReply pauses(std::uint32_t newest) = 0;
  virtual Result<control::DumpDoneReply> dump(int descriptor, const control::DumpRequest& request, const std::string& by,
                                              const std::function<void(const control::DumpProgressReply&)>& progress,
                                              std::stop_token stop) = 0;
  // Called about every 50 ms when nothing else is to do: background sweeping, huge pages.
  virtual void idle() = 0;

 protected:
  ~ControlHost() = default;
};

class ControlServer {
 public:
  struct Options {
    std::string directory;        // empty: the first usable of the three
    bool listen = true;           // false: only the thread, for idle() and submit()
  };
  static Result<std::unique_ptr<ControlServer>> start(ControlHost& host, Options options);
  ~ControlServer();               // joins the thread, unlinks the socket
  const std::string& socketPath() const;
  // Runs `work` on the control thread and waits for it (dumpHeap from any thread uses it: the child must be cloned
  // from a long-lived thread).
  void run(const std::function<void()>& work);
  bool onControlThread() const;

 private:
  ControlServer();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openclaw
