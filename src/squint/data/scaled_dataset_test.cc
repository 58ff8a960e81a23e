#include "squint/data/scaled_dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace squint {
namespace {

constexpr int64_t kSamples = 32;

// The samples 1, 3, of mean 2.
class OneAndThree : public Dataset {
 public:
  int64_t size() const override { return kSamples; }
  bool has_labels() const override { return false; }
  std::string description() const override { return "one and three"; }
  Sample Get(int64_t) const override {
    Sample sample;
    sample.inputs = {Tensor::Of<float>({2}, {1, 3}),
                     Tensor::Of<int64_t>({1}, {7})};
    return sample;
  }
};

double ContrastOf(const Tensor& x) {
  return (static_cast<double>(x.data<float>()[1]) - x.data<float>()[0]) / 2;
}

TEST(ScaledDataset, ScalesEachSamplesMean) {
  const auto scaled =
      MakeScaledDataset(std::make_shared<OneAndThree>(), 10, 0.5);
  for (int64_t i = 0; i < kSamples; ++i) {
    const Tensor x = scaled->Get(i).inputs[0];
    EXPECT_NEAR((x.data<float>()[0] + x.data<float>()[1]) / 2, 20.5, 1e-5);
  }
}

TEST(ScaledDataset, HasTheFactorsVarianceInTheMeanOverSamples) {
  const auto scaled = MakeScaledDataset(std::make_shared<OneAndThree>(), 10, 0);
  double squares = 0;
  std::set<double> contrasts;
  for (int64_t i = 0; i < kSamples; ++i) {
    const double c = ContrastOf(scaled->Get(i).inputs[0]) / 10;
    EXPECT_GE(c, 0);
    EXPECT_LE(c, std::sqrt(2) + 1e-6);
    squares += c * c;
    contrasts.insert(c);
  }
  EXPECT_NEAR(squares / kSamples, 1, 0.05);
  EXPECT_EQ(contrasts.size(), size_t{kSamples});
  EXPECT_GT(*contrasts.rbegin(), 1.38);
}

TEST(ScaledDataset, LeavesIntegersAlone) {
  const auto scaled = MakeScaledDataset(std::make_shared<OneAndThree>(), 10, 1);
  EXPECT_EQ(scaled->Get(3).inputs[1].data<int64_t>()[0], 7);
}

}  // namespace
}  // namespace squint
