#include "format/result.h"

#include <gtest/gtest.h>

#include "format/check.h"
#include "format/counters.h"
#include "format/ids.h"

namespace openclaw {
namespace {

TEST(Error, NamesCodePlaceAndReason) {
  Error error{ErrorCode::kDamaged, "checksum does not match", {"heap.bin", 40961, 12, true, true}};
  EXPECT_EQ(toText(error), "damaged: frame 12 at byte 40961 of heap.bin: checksum does not match");
  EXPECT_EQ(toText(Error{ErrorCode::kIo, "no space", {"heap.bin", 0, 0, false, false}}),
            "input/output error: heap.bin: no space");
  EXPECT_EQ(toText(Error{ErrorCode::kUnreachable, "no such process", {}}), "unreachable: no such process");
}

TEST(Error, HasTheExitCodeOfItsKind) {
  EXPECT_EQ(exitCodeOf(ErrorCode::kInvalidArgument), 2);
  EXPECT_EQ(exitCodeOf(ErrorCode::kAlreadyExists), 2);
  EXPECT_EQ(exitCodeOf(ErrorCode::kDamaged), 3);
  EXPECT_EQ(exitCodeOf(ErrorCode::kUnsupported), 3);
  EXPECT_EQ(exitCodeOf(ErrorCode::kUnreachable), 4);
  EXPECT_EQ(exitCodeOf(ErrorCode::kNotFinished), 5);
  EXPECT_EQ(exitCodeOf(ErrorCode::kIo), 5);
  EXPECT_EQ(exitCodeOf(ErrorCode::kCancelled), 130);
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalidArgument, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  OPENCLAW_TRY(int once, half(value));
  OPENCLAW_TRY(int twice, half(once));
  return twice;
}

TEST(Result, TryHandsTheErrorOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error().what, "odd");
}

TEST(CheckDeathTest, PrintsTheExpressionAndItsValuesAndAborts) {
  int block = 3;
  EXPECT_DEATH(OPENCLAW_CHECK(block == 4, block, 0xff), "check failed: block == 4 at .*result_test.cc:[0-9]+  3 \\(0x3\\)  255 \\(0xff\\)");
  OPENCLAW_CHECK(block == 3, block);
}

TEST(Counters, TheTableAndTheStructAgree) {
  HeapCounters counters;
  std::uint64_t n = 0;
  for (const CounterInfo& info : allCounters()) counters.*info.member = ++n;
  EXPECT_EQ(n * sizeof(std::uint64_t), sizeof(HeapCounters));
  EXPECT_EQ(counters.reservedBytes, 1u);
  EXPECT_EQ(counters.mallocFreeBytes, n);
}

TEST(Ids, KindsAreApartAndNoneIsNoElement) {
  static_assert(!std::is_convertible_v<TypeIndex, StackIndex>);
  EXPECT_TRUE(ObjectIndex().isNone());
  EXPECT_FALSE(ObjectIndex(0).isNone());
  IndexedVector<TypeIndex, int> values;
  EXPECT_EQ(values.nextIndex(), TypeIndex(0));
  values.push_back(7);
  EXPECT_EQ(values[TypeIndex(0)], 7);
}

}  // namespace
}  // namespace openclaw
