#include "squint/emit/cmsis_nn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "squint/emit/cmsis_nn_step.h"
#include "squint/emit/emit.h"
#include "squint/emit/plan.h"
#include "squint/emit/test_net.h"

namespace squint {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string FileOf(const EmittedModel& model, std::string_view name) {
  for (const auto& [file, text] : model.files) {
    if (file == name) return text;
  }
  return "";
}

EmittedModel Emitted(const FixedNetwork& network, int64_t ram_limit = 0) {
  return EmitC(network, {.name = "net",
                         .source = "a test",
                         .kernels = KernelSet::kCmsisNn,
                         .ram_limit = ram_limit});
}

// The step of node number `skipped` whose type ends so.
const FixedStep& StepOf(const FixedNetwork& network, std::string_view type,
                        int skipped = 0) {
  for (const FixedNode& node : network.steps()) {
    const std::string& op_type = network.program.graph.node(node.id).op_type;
    if (op_type.ends_with(type) && skipped-- == 0) return *node.step;
  }
  Fail(ErrorCode::kInternal, "no {}", type);
}

FixedNetwork Images() {
  return Net({1, 4, 12, 12}).Conv(8, 3, 1).Depthwise(2).Block().Pool().Finish();
}

TEST(CmsisNn, TakesThePlaceOfOurKernels) {
  const std::string model = FileOf(Emitted(Images()), "model.c");
  EXPECT_THAT(model, HasSubstr("#include \"arm_nnfunctions.h\""));
  for (const char* kernel :
       {"arm_convolve_s8(", "arm_depthwise_conv_wrapper_s8(",
        "arm_elementwise_add_s8(", "arm_max_pool_s8("}) {
    EXPECT_THAT(model, HasSubstr(kernel));
  }
  for (const char* kernel : {"squint_conv(", "squint_depthwise(", "squint_add(",
                             "squint_max_pool("}) {
    EXPECT_THAT(model, Not(HasSubstr(kernel)));
  }
}

TEST(CmsisNn, LeavesWhatItRoundsOtherwiseToOurs) {
  const FixedNetwork network = Net({1, 4, 6, 6}).Table().Finish();
  const std::string model = FileOf(Emitted(network), "model.c");
  EXPECT_THAT(model, Not(HasSubstr("arm_nnfunctions.h")));
}

TEST(CmsisNn, IsNotCalledUnasked) {
  const EmittedModel own = EmitC(Images(), EmitOptions());
  EXPECT_THAT(FileOf(own, "model.c"), Not(HasSubstr("arm_nnfunctions.h")));
}

TEST(CmsisNn, HasTheScratchMemoryOfTheHungriestVersion) {
  const FixedNetwork network =
      WithCmsisNn(Net({1, 4, 12, 12}).Conv(8, 3, 1).Depthwise(2).Finish());
  // Four columns of 36 bytes in vectors of 16; four pixels of 124 channels.
  EXPECT_EQ(StepOf(network, "Conv").scratch_bytes(), 4U * 48);
  EXPECT_EQ(StepOf(network, "Conv", 1).scratch_bytes(), 4U * 124 * 9);
}

TEST(CmsisNn, WritesProductsOverNoInput) {
  const FixedNetwork network =
      WithCmsisNn(Net({1, 4, 12, 12}).Conv(4, 1, 1).Finish());
  EXPECT_FALSE(StepOf(network, "Conv").Lead(0, nullptr).has_value());
}

TEST(CmsisNn, LayersInPatchesAreOurOwn) {
  const FixedNetwork network =
      Net({1, 3, 48, 48}).Conv(8, 3, 2).Depthwise(1).Conv(8, 1, 1).Finish();
  const int64_t whole = Emitted(network).arena_bytes;
  const EmittedModel patched = Emitted(network, whole / 2);
  ASSERT_TRUE(patched.patches.has_value());
  EXPECT_LE(patched.arena_bytes, whole / 2);
  EXPECT_THAT(FileOf(patched, "model.c"), HasSubstr("squint_depthwise("));
}

TEST(CmsisNn, ScalesWhatStaysWithin32BitsOnTheWay) {
  constexpr int64_t kMultiplier = 1 << 30;
  EXPECT_TRUE(CmsisCanScale((int64_t{1} << 31) - 1, kMultiplier, 32));
  EXPECT_FALSE(CmsisCanScale(int64_t{1} << 31, kMultiplier, 40));
  EXPECT_TRUE(CmsisCanScale((1 << 30) - 1, kMultiplier, 31));
  EXPECT_FALSE(CmsisCanScale(1 << 30, kMultiplier, 31));
  EXPECT_FALSE(CmsisCanScale(1 << 19, kMultiplier, 20));
  EXPECT_TRUE(CmsisCanScale(1 << 19, 0, 20));
}

TEST(RecordCall, KeepsParametersAndWeights) {
  const FixedNetwork network = Net({1, 4, 12, 12}).Conv(8, 3, 2).Finish();
  const auto call = RecordCall(StepOf(network, "Conv"));
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->kernel, "squint_conv");
  EXPECT_EQ(call->Struct<squint_window>(0).stride_h, 2);
  EXPECT_EQ(call->Struct<squint_window>(0).channels, 4);
  EXPECT_EQ(call->Number(1), 1);
  EXPECT_EQ(call->Struct<squint_columns>(2).depth, 36);
  EXPECT_EQ(call->Weights(3).values.size(), 8U * 36);
  EXPECT_EQ(call->Weights(3).bias.size(), 8U);
}

}  // namespace
}  // namespace squint
