// The parts of the reference service that need no heap: URLs, words, request ids, base64, JSON out.
#include <gtest/gtest.h>

#include <string>

#include "samples/loadgen/text_source.h"
#include "samples/service/json_writer.h"
#include "samples/service/options.h"
#include "samples/service/request_id.h"
#include "samples/service/request_json.h"
#include "samples/service/target.h"
#include "samples/service/tokenizer.h"

namespace openclaw::service {
namespace {

TEST(Target, IsDecodedPieceByPiece) {
  auto target = parseTarget("/a%2Fb//c+d/?x=1+2&y&x=%C3%A9&=z#rest");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (std::vector<std::string>{"a/b", "c+d"}));
  EXPECT_EQ(target->parameter("x"), "1 2");
  EXPECT_EQ(target->parameter("y"), "");
  EXPECT_EQ(target->parameter("q"), std::nullopt);
  EXPECT_EQ(target->query[2].second, "é");
}

TEST(Target, RefusesBadEscapesAndBytesThatAreNoUtf8) {
  for (const char* bad : {"/%", "/%4", "/%4g", "/?a=%f", "/%ff", "/%c0%80", "/%ed%a0%80", "/%f4%90%80%80", "/%e2%82"})
    EXPECT_FALSE(parseTarget(bad)) << bad;
  EXPECT_TRUE(parseTarget("/%f4%8f%bf%bf"));
  EXPECT_TRUE(parseTarget(""));
}

TEST(TermCounts, FoldsAsciiCaseAndCounts) {
  EXPECT_EQ(termCounts("To be, or NOT to be"), (std::vector<TermCount>{{"be", 2}, {"not", 1}, {"or", 1}, {"to", 2}}));
  EXPECT_EQ(termCounts(" .,!\n"), std::vector<TermCount>{});
  EXPECT_EQ(termCounts("käse日本"), (std::vector<TermCount>{{"käse日本", 1}}));
}

TEST(TermCounts, CutsLongWordsAtACharactersEnd) {
  std::string word;
  for (int i = 0; i < 30; ++i) word += "日";  // three bytes each: 64 is in the middle of one
  auto terms = termCounts(word);
  ASSERT_EQ(terms.size(), 1u);
  EXPECT_EQ(terms[0].term.size(), 63u);
  EXPECT_TRUE(isUtf8(terms[0].term));
  EXPECT_EQ(termCounts(std::string(100, 'a'))[0].term.size(), kLongestTerm);
}

TEST(RequestId, SixteenHexDigitsStandForThemselves) {
  EXPECT_EQ(requestIdOf("00000000000000ff").number, 255u);
  EXPECT_NE(requestIdOf("trip").number, requestIdOf("trap").number);
  EXPECT_EQ(requestIdOf("trip").text, "trip");
  for (std::string bad : {std::string(), std::string("a b"), std::string("a\n"), std::string(129, 'x'), std::string("ä")})
    EXPECT_NE(requestIdOf(bad).text, bad);
  EXPECT_NE(newRequestId().number, newRequestId().number);
}

TEST(Base64, ReadsTheVectorsOfTheRfcAndRefusesTheRest) {
  EXPECT_EQ(decodeBase64(""), "");
  EXPECT_EQ(decodeBase64("Zg=="), "f");
  EXPECT_EQ(decodeBase64("Zm8="), "fo");
  EXPECT_EQ(decodeBase64("Zm9vYmFy"), "foobar");
  for (const char* bad : {"Z", "Zg=", "Z===", "====", "Zm9v=", "Zm 9", "Zg==Zg==", "Zm9_"}) EXPECT_FALSE(decodeBase64(bad)) << bad;
}

TEST(JsonWriter, EscapesWhatMustBeEscapedAndPutsCommas) {
  std::string out;
  JsonWriter(out).open('{').key("a").text("q\"\\\n\t\x01 é").key("b").open('[').number(1).boolean(true).raw("null").close(']').close('}');
  EXPECT_EQ(out, "{\"a\":\"q\\\"\\\\\\n\\t\\u0001 é\",\"b\":[1,true,null]}");
}

TEST(Options, StressSetsItsThreeSettingsAndFlagsWin) {
  const char* argv[] = {"openclaw", "--stress", "--stress-collect", "77", "--workers", "2"};
  StartOutcome outcome = readOptions(6, argv);
  ASSERT_TRUE(outcome.options) << outcome.text;
  EXPECT_EQ(outcome.options->workers, 2u);
  EXPECT_EQ(startSettings(*outcome.options), (std::vector<SettingAssignment>{{SettingId::stressCollect, 77}, {SettingId::stressPoison, 1}, {SettingId::stressVerify, 1}}));
}

TEST(Options, EverySettingOfTheTableIsAFlag) {
  for (const SettingInfo& info : allSettings()) {
    std::string flag = "--" + std::string(info.name), value = settingText(info.id, info.minimum);
    const char* argv[] = {"openclaw", flag.c_str(), value.c_str()};
    StartOutcome outcome = readOptions(3, argv);
    ASSERT_TRUE(outcome.options) << flag << " " << value << ": " << outcome.text;
    EXPECT_EQ(startSettings(*outcome.options), (std::vector<SettingAssignment>{{info.id, info.minimum}}));
  }
}

TEST(TextSource, TheSameSeedGivesTheSameTextAndWordsFollowZipf) {
  loadgen::Vocabulary words(1000, 3);
  loadgen::TextSource one(words, 5, 1), same(words, 5, 1), other(words, 5, 2);
  std::string text = one.text(50);
  EXPECT_EQ(text, same.text(50));
  EXPECT_NE(text, other.text(50));
  int first = 0, tenth = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string& word = one.word();
    first += word == words.word(0);
    tenth += word == words.word(9);
  }
  EXPECT_GT(first, 2 * tenth);
  EXPECT_GT(tenth, 20);
}

}  // namespace
}  // namespace openclaw::service
