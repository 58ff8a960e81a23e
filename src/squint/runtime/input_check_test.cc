#include "squint/runtime/input_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squint {
namespace {

class InputCheckTest : public testing::Test {
 protected:
  InputCheckTest() {
    const Dim n = Dim::Symbol("n");
    graph_.AddInput("image", DType::kFloat32, Shape({n, 3}));
    graph_.AddInput("mask", DType::kInt64, Shape({n}));
  }
  std::string MessageFor(const std::vector<Tensor>& inputs) {
    try {
      CheckInputs(graph_, inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.message();
    }
    return "";
  }
  Graph graph_;
};

TEST_F(InputCheckTest, AcceptsWhatFits) {
  EXPECT_EQ(
      MessageFor({Tensor(DType::kFloat32, {4, 3}), Tensor(DType::kInt64, {4})}),
      "");
}

TEST_F(InputCheckTest, NamesTheInputAndWhatIsWrong) {
  const Tensor mask(DType::kInt64, {4});
  EXPECT_EQ(MessageFor({mask}), "the graph has 2 inputs, got 1");
  EXPECT_EQ(MessageFor({Tensor(), mask}), "input 'image' is missing");
  EXPECT_EQ(MessageFor({Tensor(DType::kFloat64, {4, 3}), mask}),
            "input 'image' is float32, got float64");
  EXPECT_EQ(MessageFor({Tensor(DType::kFloat32, {4, 3, 1}), mask}),
            "input 'image' has shape [n,3], got [4,3,1]");
  EXPECT_EQ(MessageFor({Tensor(DType::kFloat32, {4, 2}), mask}),
            "input 'image' has shape [n,3], got [4,2]");
  EXPECT_EQ(MessageFor({Tensor(DType::kFloat32, {5, 3}), mask}),
            "input 'mask' has n = 4, but input 'image' has n = 5");
}

}  // namespace
}  // namespace squint
