// Errors as values. A function that can fail for a reason outside the program returns Result<T>; a bug is
// OPENCLAW_CHECK (check.h); a loss that leaves a usable answer is a counter in a LoadReport.
//
//   Result<DumpReader> openDump(path);
//   OPENCLAW_TRY(auto reader, openDump(path));     // returns the error to the caller
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace openclaw {

// Few on purpose, exact in tests; they map to exit codes in the programs (DESIGN section 7).
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,  // exit 2: the caller's words are off, also a setting out of its range
  kAlreadyExists,    // exit 2: the output is there and --force was not given
  kDamaged,          // exit 3: the input is not what it says it is
  kUnsupported,      // exit 3: a version or kind that this build does not know
  kUnreachable,      // exit 4: no such process, dead socket, not permitted to talk to it
  kNotFinished,      // exit 5: disk full, refused, out of memory, timed out
  kCancelled,        // exit 130
  kIo,               // exit 5: an operating system call failed
};

// Where in which file; every part may be empty.
struct Where {
  std::string file;
  std::uint64_t offset = 0;      // bytes from the start
  std::uint64_t frame = 0;       // sequence number of the frame
  bool hasOffset = false;
  bool hasFrame = false;
};

struct Error {
  ErrorCode code = ErrorCode::kIo;
  std::string what;  // one sentence: what happened, to which file or process, what to do next
  Where where{};
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string what, Where where = {}) {
  return std::unexpected<Error>(Error{code, std::move(what), std::move(where)});
}

// "damaged: frame 12 at byte 40961 of heap.bin: checksum does not match"
std::string toText(const Error& error);
const char* toText(ErrorCode code);
// The exit code that DESIGN section 7 gives this error.
int exitCodeOf(ErrorCode code);

}  // namespace openclaw

#define OPENCLAW_CONCAT_(a, b) a##b
#define OPENCLAW_CONCAT(a, b) OPENCLAW_CONCAT_(a, b)
// Declares `declaration` from the value of `expression`, or returns its error. libstdc++ 12 has no monadic expected.
#define OPENCLAW_TRY(declaration, expression)                                         \
  auto OPENCLAW_CONCAT(openclawTry, __LINE__) = (expression);                         \
  if (!OPENCLAW_CONCAT(openclawTry, __LINE__))                                        \
    return std::unexpected(std::move(OPENCLAW_CONCAT(openclawTry, __LINE__)).error()); \
  declaration = *std::move(OPENCLAW_CONCAT(openclawTry, __LINE__))
// For Result<void>.
#define OPENCLAW_TRY_VOID(expression)                                                 \
  do {                                                                                \
    if (auto openclawTryVoid = (expression); !openclawTryVoid)                        \
      return std::unexpected(std::move(openclawTryVoid).error());                     \
  } while (false)
