#include "analyzer/programs/heap-analyzer/export_command.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "analyzer/report/per_object.h"

namespace openclaw {

Result<void> runExport(const Snapshot& snapshot, const ExportOptions& options, std::stop_token stop) {
  const bool toFile = !options.output.empty();
  struct stat there {};
  const bool exists = toFile && ::lstat(options.output.c_str(), &there) == 0;
  if (exists && !options.force) return fail(ErrorCode::kInvalidArgument, "the file exists; --force replaces it", Where{.file = options.output});
  // A device, a pipe or a link is written to and never replaced.
  const bool direct = exists && !S_ISREG(there.st_mode);
  const std::string path = !toFile || direct ? options.output : fmt::format("{}.{}.tmp", options.output, ::getpid());
  std::FILE* file = !toFile ? stdout : std::fopen(path.c_str(), direct ? "wbe" : "wbxe");
  if (file == nullptr) return fail(ErrorCode::kIo, fmt::format("cannot be written: {}", std::strerror(errno)), Where{.file = path});
  int problem = 0;
  const bool whole = exportPerObject(
      snapshot,
      [&](std::string_view piece) {
        if (std::fwrite(piece.data(), 1, piece.size(), file) != piece.size()) problem = errno;
        return problem == 0;
      },
      stop);
  if (std::fflush(file) != 0 && problem == 0) problem = errno;
  if (toFile && std::fclose(file) != 0 && problem == 0) problem = errno;
  if (toFile && !direct && whole && problem == 0 && std::rename(path.c_str(), options.output.c_str()) != 0) problem = errno;
  if (whole && problem == 0) return {};
  if (toFile && !direct) std::remove(path.c_str());
  if (problem != 0)
    return fail(ErrorCode::kIo, fmt::format("could not be written: {}", std::strerror(problem)),
                Where{.file = toFile ? options.output : "standard output"});
  return fail(ErrorCode::kCancelled, "interrupted", Where{.file = snapshot.path()});
}

}  // namespace openclaw
