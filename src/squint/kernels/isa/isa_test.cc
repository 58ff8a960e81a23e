#include "squint/kernels/isa/isa.h"

#include <gtest/gtest.h>

#include <map>

#include "squint/base/error.h"
#include "squint/kernels/peak/peak.h"

namespace squint {
namespace {

// As the code that was reached calls itself.
TEST(UseInstructionSet, MakesKernelsRunWithItOrSaysThatTheCpuLacksIt) {
  const std::map<std::string, std::string> spelled = {
      {"sse4", "SSE4"},
      {"avx2", "AVX2"},
      {"avxvnni", "AVX2 with VNNI"},
      {"avx512", "AVX3"},
      {"avx512vnni", "AVX3 with VNNI"},
      {"avx512bf16", "AVX3 with VNNI and bf16"},
      {"neon", "NEON"},
      {"neondot", "NEON with dot products"}};
  int reached = 0;
  for (const std::string& name : InstructionSetNames()) {
    try {
      UseInstructionSet(name);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.message();
      continue;
    }
    ++reached;
    const auto expected = spelled.find(name);
    if (expected != spelled.end()) {
      EXPECT_EQ(InstructionSet(), expected->second);
    }
  }
  EXPECT_GT(reached, 0);
  UseBestInstructionSet();
}

TEST(UseInstructionSet, NamesThoseThereAre) {
  try {
    UseInstructionSet("mmx");
    ADD_FAILURE() << "took an unknown name";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(error.message().find("generic"), std::string::npos);
  }
}

}  // namespace
}  // namespace squint
