#include "gui/answers.h"

#include <gtest/gtest.h>

#include "tests/gui/test_dumps.h"

namespace openclaw::gui {
namespace {

TEST(Answers, AFunctionIsCalledByItsNameAndItsClass) {
  EXPECT_EQ(shortFunction("void openclaw::service::Store::add(Heap&, std::span<const Term>)"), "Store::add");
  EXPECT_EQ(shortFunction("openclaw::Member<service::Message> service::make(int)"), "service::make");
  EXPECT_EQ(shortFunction("std::vector<std::pair<int, int> > a::B<int, c::D>::list() const"), "B<int, c::D>::list");
  EXPECT_EQ(shortFunction("char* copy(const char*)"), "copy");
  EXPECT_EQ(shortFunction("main"), "main");
  EXPECT_EQ(shortFunction("bool operator<(const X&, const X&)"), "bool operator<(const X&, const X&)");
  EXPECT_EQ(shortFunction("void a::(anonymous namespace)::Exchange::answer(int)"), "Exchange::answer");
  EXPECT_EQ(shortFunction("a::(anonymous namespace)::leak(int)"), "leak");
  EXPECT_EQ(shortFunction("[no stack sampled]"), "[no stack sampled]");
  EXPECT_EQ(shortFunction(""), "");
}

TEST(Answers, TotalsSplitWhatIsReachableFromWhatIsNot) {
  const auto answers = test::answersOf("root->a; a:Node*64->b; b:Node*32; z:Lost*16");
  EXPECT_EQ(answers->totals.objects, 3u);
  EXPECT_EQ(answers->totals.bytes, Bytes(112));
  EXPECT_EQ(answers->totals.reachableObjects, 2u);
  EXPECT_EQ(answers->totals.reachableBytes, Bytes(96));
}

TEST(Answers, StoppingGivesNothing) {
  std::stop_source stop;
  stop.request_stop();
  const auto answers = test::answersOf("root->a; a:Node*64");
  EXPECT_EQ(computeAnswers(answers->snapshot, stop.get_token(), [](std::string_view, double) {}), nullptr);
}

TEST(Answers, AHolderIsNamedByFieldOrRootAndNotWhenThereAreSeveral) {
  const auto answers = test::answersOf({.sessions = 12, .messages = 3});
  const Snapshot& s = *answers->snapshot;
  int fields = 0, roots = 0, several = 0;
  for (std::uint32_t i = 0; i < s.objectCount(); ++i) {
    const ObjectIndex object(i);
    if (!s.reachable(object)) continue;
    const auto label = tryHolderLabel(s, object, 1000);
    if (!label) ++several;
    else if (s.dominator(object)) ++fields;
    else ++roots;
    EXPECT_TRUE(label || !s.isRoot(object));
  }
  EXPECT_GT(fields, 100);
  EXPECT_EQ(roots, 4);    // sessions_, searchIndex_, log_, and the stack's session
  EXPECT_GE(several, 1);  // a session that the index holds too
}

}  // namespace
}  // namespace openclaw::gui
