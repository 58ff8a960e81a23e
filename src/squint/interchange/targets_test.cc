#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/interchange.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Targets, AreTheFiveOfTheDesign) {
  EXPECT_THAT(TargetNames(),
              ElementsAre("x86", "arm", "tensorrt", "squint", "edge"));
  for (const std::string_view name : TargetNames()) {
    EXPECT_EQ(FindTarget(name).name, name);
  }
}

TEST(Targets, UnknownNameIsAnErrorThatListsThem) {
  try {
    FindTarget("mips");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("'mips'"));
    EXPECT_THAT(error.what(), HasSubstr("x86, arm, tensorrt, squint, edge"));
  }
}

TEST(Targets, CpuPresetsLeaveFloatWhatOnnxRuntimeCannotFuse) {
  for (const char* name : {"x86", "arm"}) {
    const Target& target = FindTarget(name);
    EXPECT_FALSE(target.all_integer);
    EXPECT_TRUE(target.operators.contains("Conv"));
    EXPECT_TRUE(target.operators.contains("Resize"));
    for (const char* never : {"ConvTranspose", "LayerNormalization", "Sub",
                              "Div", "ReduceMean", "HardSwish", "Tanh"}) {
      EXPECT_FALSE(target.operators.contains(never)) << never;
    }
  }
}

TEST(Targets, TypesSuitTheRuntimes) {
  EXPECT_EQ(FindTarget("x86").activation, DType::kUint8);
  EXPECT_EQ(FindTarget("arm").activation, DType::kInt8);
  EXPECT_FALSE(FindTarget("arm").symmetric_activation);
  EXPECT_TRUE(FindTarget("tensorrt").symmetric_activation);
  EXPECT_FALSE(FindTarget("tensorrt").quantize_bias);
  EXPECT_TRUE(FindTarget("squint").all_integer);
  EXPECT_EQ(FindTarget("edge").activation, DType::kInt8);
}

}  // namespace
}  // namespace squint
