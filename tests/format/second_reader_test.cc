// The reader in plain Python, written from FORMAT.md and heap.capnp alone, sees the same heap as the model that was
// written.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>

#include "tests/support/dump_model.h"
#include "tests/support/frame_surgery.h"
#include "tests/support/seed.h"

namespace openclaw {
namespace {

using namespace test;

struct Output {
  std::string text;
  int exitCode = -1;
};

Output runSecondReader(std::span<const std::byte> dump) {
  char path[] = "/tmp/openclaw-second-reader-XXXXXX";
  int file = ::mkstemp(path);
  EXPECT_GE(file, 0);
  for (std::size_t done = 0; done < dump.size();) {
    ssize_t n = ::write(file, dump.data() + done, dump.size() - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::close(file);
  std::string command = std::string("python3 ") + OPENCLAW_SOURCE_DIR + "/tests/e2e/second_reader.py " + path + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  Output output;
  char buffer[4096];
  while (std::size_t n = std::fread(buffer, 1, sizeof(buffer), pipe)) output.text.append(buffer, n);
  int status = ::pclose(pipe);
  output.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ::unlink(path);
  return output;
}

std::string histogramOf(const DumpModel& model) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> rows;
  for (const ModelObject& object : model.objects) {
    auto& row = rows[model.types[object.type]];
    ++row.first;
    row.second += object.size;
  }
  std::vector<std::pair<std::string, std::pair<std::uint64_t, std::uint64_t>>> sorted(rows.begin(), rows.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return a.second.second > b.second.second; });
  std::string text;
  for (auto& [name, row] : sorted) text += name + "\t" + std::to_string(row.first) + "\t" + std::to_string(row.second) + "\n";
  return text;
}

TEST(SecondReader, PrintsTheHistogramOfTheModel) {
  std::uint64_t seed = seedFromEnvironment();
  SCOPED_TRACE("OPENCLAW_SEED=" + std::to_string(seed));
  DumpModel model = randomModel(seed, 30'000);
  model.types[0] = "std::map<int, \"quoted\\\"> \xc3\xa4";
  for (bool index : {true, false}) {
    Output output = runSecondReader(encodeDump(model, {.index = index}));
    EXPECT_EQ(output.text, histogramOf(model));
    EXPECT_EQ(output.exitCode, 0);
  }
}

TEST(SecondReader, SalvagesACutDumpAndSaysSo) {
  auto dump = dumpOf("root->a; a:Session*64->b; b:Text*48", {.index = false});
  Output output = runSecondReader(std::span(dump).first(dump.size() - 10));
  EXPECT_EQ(output.exitCode, 3);
  EXPECT_NE(output.text.find("Session\t1\t64\nText\t1\t48\n"), std::string::npos) << output.text;
  EXPECT_NE(output.text.find("missing end frame"), std::string::npos) << output.text;
}

TEST(SecondReader, CopiesOfFramesCountOnceAndLoseNothing) {
  const DumpModel model = randomModel(4, 500);
  LooseDump dump = takeApart(encodeDump(model, {.index = false}));
  const LooseFrame copy = dump.frames[dump.find(FrameKind::kObjects)];
  dump.frames.insert(dump.frames.begin(), copy);
  dump.frames.push_back(copy);
  dump.frames.back().header.sequence = dump.frames[dump.frames.size() - 2].header.sequence + 1;
  Output output = runSecondReader(putTogether(dump));
  EXPECT_EQ(output.exitCode, 0) << output.text;
  EXPECT_NE(output.text.find(histogramOf(model)), std::string::npos) << output.text;
  EXPECT_NE(output.text.find("duplicate frames"), std::string::npos) << output.text;
}

TEST(SecondReader, RefusesWhatIsNoDump) {
  std::string text = "JAVA PROFILE 1.0.2";
  Output output = runSecondReader(std::as_bytes(std::span(text)));
  EXPECT_EQ(output.exitCode, 3);
}

}  // namespace
}  // namespace openclaw
