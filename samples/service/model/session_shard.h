// A part of the sessions with their own index, under one lock: requests to different shards do not wait for each other.
#pragma once

#include <cstdint>

#include "runtime/openclaw.h"
#include "samples/service/model/search_index.h"
#include "samples/service/model/session.h"

namespace openclaw::service {

struct SessionShard {
  HashMap<std::uint64_t, Member<Session>> sessions;
  Member<SearchIndex> index;
  OPENCLAW_TYPE(SessionShard, sessions, index)
};

}  // namespace openclaw::service
