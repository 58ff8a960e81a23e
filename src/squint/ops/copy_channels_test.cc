#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

OpExample Example(std::vector<int64_t> written) {
  return OpExample("CopyChannels", "of two pixels", "squint")
      .In(Tensor::Of<uint8_t>({2, 1, 2}, {1, 2, 3, 4}))
      .In(Tensor::Of<uint8_t>({2, 1, 4}, {10, 11, 12, 13, 14, 15, 16, 17}))
      .Set("channels_written", std::move(written));
}

}  // namespace

std::vector<OpExample> Examples_copy_channels() {
  return {Example({1, 4}),
          Example({2, 4}).Set("channels_read", std::vector<int64_t>{1, 1}),
          OpExample("CopyChannels", "int8", "squint")
              .In(Tensor::Of<int8_t>({1, 1}, {-5}))
              .In(Tensor::Of<int8_t>({1, 3}, {-1, -2, -3}))
              .Set("channels_written", std::vector<int64_t>{2, 3})};
}

namespace {

using testing::ElementsAre;

TEST(CopyChannels, LeavesTheOtherChannels) {
  EXPECT_THAT(RunExample(Examples_copy_channels()[0])[0].ToInts(),
              ElementsAre(10, 1, 2, 13, 14, 3, 4, 17));
  EXPECT_THAT(RunExample(Examples_copy_channels()[1])[0].ToInts(),
              ElementsAre(10, 11, 2, 13, 14, 15, 4, 17));
  EXPECT_THAT(RunExample(Examples_copy_channels()[2])[0].ToInts(),
              ElementsAre(-1, -2, -5));
}

TEST(CopyChannels, ItsKernelIsItsReference) {
  for (const OpExample& example : Examples_copy_channels()) {
    CheckPrepared(example);
  }
}

TEST(CopyChannels, RefusesImagesThatDoNotFit) {
  for (const std::vector<int64_t>& written :
       std::vector<std::vector<int64_t>>{{3, 4}, {0, 3}, {0}}) {
    Graph graph = GraphOf(Example(written));
    EXPECT_THROW(InferShapes(graph), Error);
  }
  Graph graph =
      GraphOf(OpExample("CopyChannels", "", "squint")
                  .In(Tensor::Of<uint8_t>({1, 1}, {5}))
                  .In(Tensor::Of<int8_t>({1, 3}, {-1, -2, -3}))
                  .Set("channels_written", std::vector<int64_t>{2, 3}));
  EXPECT_THROW(InferShapes(graph), Error) << "of another type";
}

}  // namespace
}  // namespace squint
