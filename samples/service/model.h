// The data of the service, all of it objects of the heap. One concept a file; arrows are strong, dotted ones weak:
//
//   SessionShard ──► Session ──► Message ──► ToolCall ──► String
//     │               │  ▲ ▲······┘  └─────► Attachment ──► Array<byte> (small) or malloc memory (large)
//     │               ▼  │ session
//     │              User┘ (UserDirectory ──► User)
//     └──► SearchIndex ──► Postings ──► Message
//
// Messages, tool calls and attachments never change once they are in a session, so they are read without a lock.
// Sessions, users and indexes change under the lock of their shard or directory (store.h).
#pragma once

#include "samples/service/model/attachment.h"
#include "samples/service/model/message.h"
#include "samples/service/model/reply_cursor.h"
#include "samples/service/model/search_index.h"
#include "samples/service/model/session.h"
#include "samples/service/model/session_shard.h"
#include "samples/service/model/tool_call.h"
#include "samples/service/model/user.h"
