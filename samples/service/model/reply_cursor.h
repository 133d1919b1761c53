// The rest of a reply that is too long for one piece. It waits in a promise of the event loop while the client reads,
// so it is held by a Root; the session may be deleted meanwhile, and the reply still ends as it began.
#pragma once

#include <cstddef>

#include "runtime/openclaw.h"
#include "samples/service/model/message.h"

namespace openclaw::service {

struct ReplyCursor {
  Member<Array<Member<Message>>> messages;
  std::size_t next = 0;
  OPENCLAW_TYPE(ReplyCursor, messages)
};

}  // namespace openclaw::service
