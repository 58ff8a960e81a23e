#include "squint/emit/code_bound.h"

#include <gtest/gtest.h>

#include "squint/emit/cmsis_nn.h"
#include "squint/emit/kernel_text.h"

namespace squint {
namespace {

TEST(CodeBound, KnowsEveryKernel) {
  for (const auto& [name, text] : KernelFiles()) {
    if (name.starts_with(kCmsisKernel)) continue;
    EXPECT_NO_THROW(CodeBound({name}, {})) << name;
  }
}

TEST(CodeBound, GrowsWithKernelsAndCalls) {
  const int64_t conv = CodeBound({"conv"}, {{"conv", {1, 8}}});
  EXPECT_GT(conv, 3000);  // with products and dots
  EXPECT_GT(CodeBound({"conv", "softmax"}, {{"conv", {1, 8}}}), conv);
  EXPECT_GT(CodeBound({"conv"}, {{"conv", {9, 72}}}), conv + 64 * 8);
}

TEST(CodeBound, CountsWhatKernelsShareOnce) {
  const int64_t both = CodeBound({"conv", "rows"}, {});
  EXPECT_LT(both, CodeBound({"conv"}, {}) + CodeBound({"rows"}, {}) - 2000);
}

}  // namespace
}  // namespace squint
