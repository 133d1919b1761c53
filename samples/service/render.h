// Heap objects as JSON text. Reads only what is constant, so no lock is needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "samples/service/json_writer.h"
#include "samples/service/model.h"
#include "samples/service/search.h"

namespace openclaw::service {

// "s12", "m34"; the reverse answers nothing for other text.
std::string sessionId(std::uint64_t number);
std::string messageId(std::uint64_t number);
std::optional<std::uint64_t> numberOfSessionId(std::string_view id);
std::optional<std::uint64_t> numberOfMessageId(std::string_view id);

// The keys of a session without its messages, inside an object that the caller opened.
void renderSessionKeys(JsonWriter& json, const Session& session, std::size_t messages);
void renderMessage(JsonWriter& json, const Message& message);
void renderHit(JsonWriter& json, const Hit& hit);

}  // namespace openclaw::service
