// Looks into JSON by pointer (RFC 6901), so that tests read as facts:
//
//   EXPECT_EQ(at(reply.body, "/messages/0/text"), "hello");
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace openclaw::e2e {

// Text as it is, other values as JSON; "(absent)" when there is none, "(not JSON)" when the body is none.
std::string at(std::string_view json, std::string_view pointer);
// Elements of the array or object there; 0 when absent.
std::size_t countAt(std::string_view json, std::string_view pointer);
// The number there; throws std::runtime_error when it is none.
std::uint64_t numberAt(std::string_view json, std::string_view pointer);
// Of the array of objects there: key field -> number field. {"rows":[{"type":"A","objects":3}]} -> {{"A", 3}}.
std::map<std::string, std::uint64_t> tableAt(std::string_view json, std::string_view pointer, const std::string& key,
                                             const std::string& value);
// `text` as a JSON string, quotes included.
std::string quoted(std::string_view text);

}  // namespace openclaw::e2e
