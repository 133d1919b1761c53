// Addresses of this very program, named through the files it was made from.
#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "analyzer/symbolize/symbolize_dump.h"
#include "capture/snapshotter.h"
#include "capture/stacks/module_list.h"
#include "capture/stacks/recorder.h"
#include "fake_heap.h"
#include "format/dump_reader.h"
#include "format/dump_writer.h"

namespace openclaw::test {

struct Here {
  std::array<std::uint64_t, 64> pcs{};
  std::size_t count = 0;
  std::uint32_t innerLine = 0, outerLine = 0;
};

// The call of unwindHere stands in a function that is always inlined into another.
[[gnu::always_inline]] inline void innermostCall(Here& here) {
  here.innerLine = __LINE__ + 1;
  here.count = unwindHere(here.pcs, 0);
}
[[gnu::noinline]] void surroundingFunction(Here& here, const char*) {
  here.outerLine = __LINE__ + 1;
  innermostCall(here);
  asm volatile("" ::: "memory");
}
namespace {
[[gnu::noinline]] std::uint32_t callerLine(Here& here) {
  const std::uint32_t line = __LINE__ + 1;
  surroundingFunction(here, "x");
  asm volatile("" ::: "memory");
  return line;
}

using ::testing::EndsWith;
using ::testing::HasSubstr;

std::vector<ModuleFile> ownModules() {
  std::vector<ModuleFile> files;
  const ModuleList list = ModuleList::current();
  for (const ModuleRecord& m : list.records())
    files.push_back({std::string(m.path), {m.buildId.begin(), m.buildId.end()}, m.base, m.low, m.high});
  return files;
}

TEST(Symbolizer, NamesFunctionFileLineAndInlinedFrames) {
  Here here;
  const std::uint32_t line = callerLine(here);
  ASSERT_GE(here.count, 3u);
  Symbolizer symbolizer(ownModules());
  const Symbol inner = symbolizer.lookup(here.pcs[0], false);
  ASSERT_EQ(inner.frames.size(), 2u);
  EXPECT_THAT(inner.frames[0].function, HasSubstr("innermostCall(openclaw::test::Here&)"));
  EXPECT_THAT(inner.frames[0].file, EndsWith("symbolize_test.cc"));
  EXPECT_EQ(inner.frames[0].line, here.innerLine);
  EXPECT_TRUE(inner.frames[0].inlined);
  EXPECT_EQ(inner.frames[1].function, "openclaw::test::surroundingFunction(openclaw::test::Here&, char const*)");
  EXPECT_THAT(inner.frames[1].file, EndsWith("symbolize_test.cc"));
  EXPECT_EQ(inner.frames[1].line, here.outerLine);
  EXPECT_FALSE(inner.frames[1].inlined);
  const Symbol caller = symbolizer.lookup(here.pcs[1], true);
  ASSERT_FALSE(caller.frames.empty());
  EXPECT_THAT(caller.frames[0].function, HasSubstr("callerLine"));
  EXPECT_EQ(caller.frames[0].line, line);
  EXPECT_THAT(symbolizer.modules()[inner.module].path, HasSubstr("symbolize_test"));
}

TEST(Symbolizer, ALibraryWithoutDebugInformationGivesItsNames) {
  const auto pc = reinterpret_cast<std::uint64_t>(::dlsym(RTLD_DEFAULT, "qsort_r"));
  ASSERT_NE(pc, 0u);
  Symbolizer symbolizer(ownModules());
  const Symbol symbol = symbolizer.lookup(pc + 1, false);
  ASSERT_FALSE(symbol.frames.empty());
  EXPECT_THAT(symbol.frames.back().function, HasSubstr("qsort_r"));
}

TEST(Symbolizer, AFileThatWasReplacedGivesNoNames) {
  std::vector<ModuleFile> modules = ownModules();
  const auto pc = reinterpret_cast<std::uint64_t>(&surroundingFunction);
  std::uint32_t number = 0;
  for (std::uint32_t i = 0; i < modules.size(); ++i)
    if (pc >= modules[i].low && pc < modules[i].high) number = i;
  ASSERT_FALSE(modules[number].buildId.empty()) << "this program has no build id";
  modules[number].buildId[0] ^= 1;
  Symbolizer symbolizer(modules);
  EXPECT_TRUE(symbolizer.lookup(pc, false).frames.empty());
  EXPECT_THAT(symbolizer.problem(number), HasSubstr("build id differs"));
  modules[number].path = "/nowhere/at/all";
  Symbolizer missing(modules);
  EXPECT_TRUE(missing.lookup(pc, false).frames.empty());
  EXPECT_THAT(missing.problem(number), HasSubstr("cannot be opened"));
}

TEST(Symbolizer, AddressesOutsideEveryModuleHaveNone) {
  Symbolizer symbolizer(ownModules());
  for (const std::uint64_t pc : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    const Symbol symbol = symbolizer.lookup(pc, true);
    EXPECT_EQ(symbol.module, Symbol::kNoModule);
    EXPECT_TRUE(symbol.frames.empty());
  }
  EXPECT_THAT(symbolizerName(), HasSubstr("libdw"));
}

TEST(SymbolizeDump, StacksOfADumpGetTheirSymbolsAppended) {
  StackRecorder recorder(100);
  const std::uint32_t stack = recorder.record(1, 1, 1, 0);
  const ModuleList modules = ModuleList::current();
  const std::uint64_t odd[] = {0x10, 0x20};
  StackRecord outside;
  outside.pcs = odd;
  const StackRecord stacks[] = {recorder.row(stack), outside};
  FakeHeap heap = FakeHeap::random(41, 500);
  heap.tablesRow.modules = modules.records();
  heap.tablesRow.stacks = stacks;
  FakeHost host(heap);
  TemporaryFolder folder;
  const std::string path = folder.file("heap.bin");
  const int out = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_TRUE(Snapshotter(host).dump(out, {}, {}, {}));

  auto symbols = symbolizeDump(out, "heap.bin");
  ASSERT_TRUE(symbols) << toText(symbols.error());
  const SymbolizeReport& report = symbols->report();
  EXPECT_EQ(report.addresses, stacks[0].pcs.size() + 2);
  EXPECT_EQ(report.withLine + report.nameOnly + report.unnamed + report.outside, report.addresses);
  EXPECT_EQ(report.outside, 2u);
  EXPECT_GE(report.withLine, 1u);
  EXPECT_TRUE(report.problems.empty());
  ASSERT_TRUE(appendSymbolsAndIndex(out, path, symbols->records(), symbolizerName()));
  ::close(out);

  const ReadBack dump = readBack(path);
  EXPECT_EQ(difference(heap, dump), "");
  EXPECT_TRUE(dump.complete);
  EXPECT_TRUE(dump.indexUsed);
  EXPECT_EQ(dump.symbols, report.addresses);
  auto reader = DumpReader::open(path);
  ASSERT_TRUE(reader);
  bool found = false;
  for (const FrameInfo& frame : reader->frames())
    if (frame.kind == FrameKind::kSymbols) {
      auto decoded = reader->decode(frame);
      ASSERT_TRUE(decoded);
      decoded->forEachSymbol([&](const SymbolRecord& symbol) {
        if (symbol.pc != stacks[0].pcs[0]) return;
        ASSERT_FALSE(symbol.frames.empty());
        EXPECT_THAT(std::string(symbol.frames.back().function), HasSubstr("openclaw::test::(anonymous namespace)::SymbolizeDump_StacksOfADumpGetTheirSymbolsAppended_Test::TestBody"));
        found = true;
      });
    }
  EXPECT_TRUE(found);
  auto again = symbolizeDump(path);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->report().alreadySymbolized);
  EXPECT_TRUE(again->records().empty());
}

TEST(SymbolizeDump, CanBeCancelledAndRefusesWhatIsNoDump) {
  TemporaryFolder folder;
  FILE* file = std::fopen(folder.file("x").c_str(), "w");
  std::fputs("not a dump at all", file);
  std::fclose(file);
  auto none = symbolizeDump(folder.file("x"));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kDamaged);

  FakeHeap heap = FakeHeap::random(42, 10);
  const std::uint64_t pcs[] = {1, 2, 3};
  StackRecord stack;
  stack.pcs = pcs;
  heap.tablesRow.stacks = {&stack, 1};
  FakeHost host(heap);
  const int out = ::open(folder.file("y").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_TRUE(Snapshotter(host).dump(out, {}, {}, {}));
  ::close(out);
  auto cancelled = symbolizeDump(folder.file("y"), [](std::size_t done, std::size_t) { return done < 1; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace openclaw::test
