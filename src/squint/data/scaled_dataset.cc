#include "squint/data/scaled_dataset.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/hash.h"

namespace squint {
namespace {

// Squares spread evenly over [0, 2], any few samples in a row as well as all
// of them: multiples of the golden ratio modulo 1.
double ContrastOf(int64_t index) {
  const double turns = static_cast<double>(index) * std::numbers::phi + 0.5;
  return std::sqrt(2 * (turns - std::floor(turns)));
}

Tensor Scaled(const Tensor& x, double factor, double offset, double contrast) {
  const float* in = x.data<float>();
  const double mean = std::accumulate(in, in + x.size(), 0.0) /
                      static_cast<double>(std::max<int64_t>(1, x.size()));
  const auto slope = static_cast<float>(factor * contrast);
  const auto shift =
      static_cast<float>(factor * mean * (1 - contrast) + offset);
  Tensor y(DType::kFloat32, x.dims());
  std::transform(in, in + x.size(), y.mutable_data<float>(),
                 [&](float v) { return v * slope + shift; });
  return y;
}

class ScaledDataset : public Dataset {
 public:
  ScaledDataset(std::shared_ptr<const Dataset> inner, double factor,
                double offset)
      : inner_(std::move(inner)), factor_(factor), offset_(offset) {}

  int64_t size() const override { return inner_->size(); }
  bool has_labels() const override { return inner_->has_labels(); }
  int64_t num_classes() const override { return inner_->num_classes(); }
  std::string metric() const override { return inner_->metric(); }
  std::string reduction() const override { return inner_->reduction(); }
  int output() const override { return inner_->output(); }
  std::string description() const override {
    return fmt::format("{}, times {:.4g} plus {:.4g}, of varying contrast",
                       inner_->description(), factor_, offset_);
  }

  Sample Get(int64_t index) const override {
    Sample sample = inner_->Get(index);
    ContentHasher hasher;
    for (Tensor& x : sample.inputs) {
      if (x.dtype() == DType::kFloat32) {
        x = Scaled(x, factor_, offset_, ContrastOf(index));
      }
      hasher.Add({x.raw(), x.bytes()});
    }
    sample.hash = hasher.Digest();
    return sample;
  }

 private:
  std::shared_ptr<const Dataset> inner_;
  double factor_;
  double offset_;
};

}  // namespace

std::shared_ptr<const Dataset> MakeScaledDataset(
    std::shared_ptr<const Dataset> inner, double factor, double offset) {
  return std::make_shared<ScaledDataset>(std::move(inner), factor, offset);
}

}  // namespace squint
