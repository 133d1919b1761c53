// Behind this file: nlohmann json (heavy to compile).
#include "tests/e2e/service_json.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

namespace openclaw::e2e {
namespace {

using Json = nlohmann::json;

Json find(std::string_view json, std::string_view pointer) {
  Json parsed = Json::parse(json, nullptr, false);
  Json::json_pointer place{std::string(pointer)};
  if (parsed.is_discarded() || !parsed.contains(place)) return Json(Json::value_t::discarded);
  return parsed[place];
}

}  // namespace

std::string at(std::string_view json, std::string_view pointer) {
  if (!Json::accept(json)) return "(not JSON)";
  Json value = find(json, pointer);
  if (value.is_discarded()) return "(absent)";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::size_t countAt(std::string_view json, std::string_view pointer) {
  Json value = find(json, pointer);
  return value.is_structured() ? value.size() : 0;
}

std::uint64_t numberAt(std::string_view json, std::string_view pointer) {
  Json value = find(json, pointer);
  if (!value.is_number_unsigned()) throw std::runtime_error("no number at " + std::string(pointer));
  return value.get<std::uint64_t>();
}

std::map<std::string, std::uint64_t> tableAt(std::string_view json, std::string_view pointer, const std::string& key,
                                             const std::string& value) {
  std::map<std::string, std::uint64_t> table;
  Json rows = find(json, pointer);
  if (!rows.is_array()) throw std::runtime_error("no array at " + std::string(pointer));
  for (const Json& row : rows) table[row.at(key).get<std::string>()] += row.at(value).get<std::uint64_t>();
  return table;
}

std::string quoted(std::string_view text) { return Json(text).dump(); }

}  // namespace openclaw::e2e
