// Talks to a process over its control socket; used by occtl, tests and later the exporter.
//
//   OPENCLAW_TRY(auto target, findProcess(std::nullopt));              // the one process that answers
//   OPENCLAW_TRY(auto client, ControlClient::connect(target.socketPath));
//   OPENCLAW_TRY(auto reply, client.call(control::MemoryShowRequest{}));
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/control_messages.h"
#include "format/result.h"

namespace openclaw {

struct ControlTarget {
  std::uint32_t pid = 0;
  std::string socketPath;
  std::optional<control::InfoReply> info;   // absent: did not answer
  std::string problem;                      // why not
};
// All sockets of the three directories; dead ones too, with the problem.
std::vector<ControlTarget> listProcesses();
// By pid, or the only one that answers. kUnreachable says what is wrong and what to do next (dead socket, foreign
// process and user, several processes).
Result<ControlTarget> findProcess(std::optional<std::uint32_t> pid);

class ControlClient {
 public:
  static Result<ControlClient> connect(const std::string& socketPath);
  ControlClient(ControlClient&&) noexcept;
  ControlClient& operator=(ControlClient&&) noexcept;
  ~ControlClient();
  // Sends the request (and `descriptor` when >= 0), calls onProgress for progress replies, returns the final one; an
  // error reply comes back as the Error it carries. kUnreachable when the process goes away, with what it was doing.
  Result<control::Reply> call(const control::Request& request, int descriptor = -1,
                              const std::function<void(const control::DumpProgressReply&)>& onProgress = {},
                              std::chrono::milliseconds timeout = std::chrono::minutes(10));
  // From another thread or a signal-driven loop: asks the process to give up the dump under way.
  void cancel() noexcept;

 private:
  ControlClient();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace openclaw
