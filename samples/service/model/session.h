// A conversation of one user with an agent.
#pragma once

#include <cstdint>

#include "runtime/openclaw.h"
#include "samples/service/model/message.h"
#include "samples/service/model/user.h"

namespace openclaw::service {

struct Session {
  // Constant after creation.
  Member<String> title;
  Member<User> user;
  std::uint64_t number = 0;  // its shard is number % Store::kShards
  std::uint64_t unixNanoseconds = 0;
  // Guarded by the shard's lock.
  Vector<Member<Message>> messages;
  OPENCLAW_TYPE(Session, title, user, messages)
};

}  // namespace openclaw::service
