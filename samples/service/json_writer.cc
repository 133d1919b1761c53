#include "samples/service/json_writer.h"

namespace openclaw::service {

void JsonWriter::appendText(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out_ += '"';
  std::size_t plain = 0;  // start of the run that needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out_.append(text, plain, i - plain);
    plain = i + 1;
    if (c == '"' || c == '\\') (out_ += '\\') += text[i];
    else if (c == '\n') out_ += "\\n";
    else if (c == '\t') out_ += "\\t";
    else ((out_ += "\\u00") += kHex[c >> 4]) += kHex[c & 15];
  }
  out_.append(text, plain, text.size() - plain);
  out_ += '"';
}

}  // namespace openclaw::service
