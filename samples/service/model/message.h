// One message of a session, with the tool calls and attachments that came with it. Constant once it is in a session.
#pragma once

#include <cstdint>

#include "runtime/openclaw.h"
#include "samples/service/model/attachment.h"
#include "samples/service/model/tool_call.h"
#include "samples/service/requests.h"

namespace openclaw::service {

struct Session;

struct Message {
  Member<String> text;
  Member<Array<Member<ToolCall>>> toolCalls;      // null: none
  Member<Array<Member<Attachment>>> attachments;  // null: none
  WeakMember<Session> session;                    // null once the session was deleted and collected
  std::uint64_t number = 0;                       // unique in the process, rising within a shard
  std::uint64_t unixNanoseconds = 0;
  Role role = Role::kUser;
  OPENCLAW_TYPE(Message, text, toolCalls, attachments, session)
};

}  // namespace openclaw::service
