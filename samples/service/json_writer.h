// JSON out, appended to a string: replies are written straight from heap objects, without a tree in between.
//
//   JsonWriter json(body);
//   json.open('{').key("id").text(id).key("count").number(3).close('}');
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace openclaw::service {

// Puts the commas. Does not check that keys and values alternate. Text must be UTF-8 (request_json.h refuses other).
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& open(char bracket) { return begin().put(bracket, false); }
  JsonWriter& close(char bracket) { return put(bracket, true); }
  JsonWriter& key(std::string_view name) {
    begin();
    appendText(name);
    return put(':', false);
  }
  JsonWriter& text(std::string_view value) {
    begin();
    appendText(value);
    return done();
  }
  // `value` is JSON already.
  JsonWriter& raw(std::string_view value) {
    begin();
    out_ += value;
    return done();
  }
  JsonWriter& number(std::uint64_t value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  // The next element follows others that another writer put out: an array that is continued.
  JsonWriter& continued(bool hasElements) {
    comma_ = hasElements;
    return *this;
  }

 private:
  JsonWriter& begin() {
    if (comma_) out_ += ',';
    return *this;
  }
  JsonWriter& put(char c, bool commaNext) {
    out_ += c;
    comma_ = commaNext;
    return *this;
  }
  JsonWriter& done() {
    comma_ = true;
    return *this;
  }
  void appendText(std::string_view text);

  std::string& out_;
  bool comma_ = false;
};

}  // namespace openclaw::service
