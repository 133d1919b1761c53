// What an agent asked a tool for, and what came back.
#pragma once

#include "runtime/openclaw.h"

namespace openclaw::service {

struct ToolCall {
  Member<String> name, arguments, result;
  bool argumentsAreJson = false, resultIsJson = false;  // else text
  OPENCLAW_TYPE(ToolCall, name, arguments, result)
};

}  // namespace openclaw::service
