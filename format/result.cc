#include "format/result.h"

#include <fmt/format.h>

namespace openclaw {

const char* toText(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kAlreadyExists: return "already exists";
    case ErrorCode::kDamaged: return "damaged";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kUnreachable: return "unreachable";
    case ErrorCode::kNotFinished: return "not finished";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kIo: return "input/output error";
  }
  return "unknown error";
}

int exitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kAlreadyExists: return 2;
    case ErrorCode::kDamaged:
    case ErrorCode::kUnsupported: return 3;
    case ErrorCode::kUnreachable: return 4;
    case ErrorCode::kNotFinished:
    case ErrorCode::kIo: return 5;
    case ErrorCode::kCancelled: return 130;
  }
  return 5;
}

std::string toText(const Error& error) {
  std::string place;
  if (error.where.hasFrame) place += fmt::format("frame {}", error.where.frame);
  if (error.where.hasOffset) place += fmt::format("{}at byte {}", place.empty() ? "" : " ", error.where.offset);
  if (!error.where.file.empty()) place += fmt::format("{}{}", place.empty() ? "" : " of ", error.where.file);
  if (!place.empty()) place += ": ";
  return fmt::format("{}: {}{}", toText(error.code), place, error.what);
}

}  // namespace openclaw
