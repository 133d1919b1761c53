#include "gui/command_line.h"

#include <gtest/gtest.h>

namespace openclaw::gui {
namespace {

TEST(CommandLine, NothingOpensAnEmptyWindow) {
  const auto line = parseCommandLine({});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->action, CommandLine::Action::kOpen);
  EXPECT_EQ(line->dump, "");
}

TEST(CommandLine, GrabTakesViewFolderAndDumpInThisOrder) {
  const auto line = parseCommandLine({"--grab", "all", "pictures", "heap.bin", "--dark"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->action, CommandLine::Action::kGrab);
  EXPECT_EQ(line->view, "all");
  EXPECT_EQ(line->folder, "pictures");
  EXPECT_EQ(line->dump, "heap.bin");
  EXPECT_TRUE(line->dark);
}

TEST(CommandLine, WordsThatAreOffAreNamed) {
  const auto unknown = parseCommandLine({"--zoom"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(unknown.error().what.find("--zoom"), std::string::npos);
  EXPECT_FALSE(parseCommandLine({"--grab", "all", "pictures"}));
  EXPECT_FALSE(parseCommandLine({"a.bin", "b.bin"}));
}

TEST(CommandLine, AScopeIsOfKindsAndValues) {
  const auto line = parseCommandLine({"--scope", "type=a::B", "--scope", "age=2-5", "--scope", "type=C", "heap.bin"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->scope.types, (std::vector<std::string>{"a::B", "C"}));
  EXPECT_EQ(line->scope.ages, std::vector<std::string>{"2-5"});
  EXPECT_EQ(line->dump, "heap.bin");
  EXPECT_FALSE(parseCommandLine({"--scope", "colour=red", "heap.bin"}));
  EXPECT_FALSE(parseCommandLine({"heap.bin", "--scope"}));
  EXPECT_FALSE(parseCommandLine({"--scope", "age=1"}));
}

TEST(CommandLine, AfterTwoDashesEverythingIsAFile) {
  const auto line = parseCommandLine({"--", "--help"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->action, CommandLine::Action::kOpen);
  EXPECT_EQ(line->dump, "--help");
}

TEST(CommandLine, PolicyTakesAName) {
  const auto line = parseCommandLine({"--policy", "visualvm", "server.hprof"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->policy, Policy::kVisualvm);
  EXPECT_EQ(line->dump, "server.hprof");
  EXPECT_EQ(parseCommandLine({"server.hprof"})->policy, Policy::kStrict);
  EXPECT_EQ(parseCommandLine({"--grab", "all", "--policy", "mat", "pictures", "server.hprof"})->policy, Policy::kMat);
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--policy"}, {"--policy", "eclipse", "a.hprof"}, {"--policy", "mat"}})
    EXPECT_FALSE(parseCommandLine(wrong));
  EXPECT_NE(parseCommandLine({"--policy", "eclipse", "a.hprof"}).error().what.find("v8-devtools"), std::string::npos);
}

TEST(CommandLine, SizeIsWidthAndHeight) {
  const auto line = parseCommandLine({"--grab", "all", "pictures", "heap.bin", "--size", "1280x800"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->width, 1280);
  EXPECT_EQ(line->height, 800);
  for (const char* wrong : {"1280", "1280x", "x800", "1280x800x2", "-5x800", "10x10", "99999x800", "1280X800"})
    EXPECT_FALSE(parseCommandLine({"--grab", "all", "pictures", "heap.bin", "--size", wrong})) << wrong;
}

}  // namespace
}  // namespace openclaw::gui
