#include "squint/data/scaled_dataset.h"

#include <utility>

#include "squint/base/error.h"
#include "squint/base/hash.h"

namespace squint {
namespace {

Tensor Scaled(const Tensor& x, float factor, float offset) {
  Tensor y(DType::kFloat32, x.dims());
  for (int64_t i = 0; i < x.size(); ++i) {
    y.mutable_data<float>()[i] = x.data<float>()[i] * factor + offset;
  }
  return y;
}

class ScaledDataset : public Dataset {
 public:
  ScaledDataset(std::shared_ptr<const Dataset> inner, float factor,
                float offset)
      : inner_(std::move(inner)), factor_(factor), offset_(offset) {}

  int64_t size() const override { return inner_->size(); }
  bool has_labels() const override { return inner_->has_labels(); }
  int64_t num_classes() const override { return inner_->num_classes(); }
  std::string metric() const override { return inner_->metric(); }
  std::string reduction() const override { return inner_->reduction(); }
  int output() const override { return inner_->output(); }
  std::string description() const override {
    return fmt::format("{}, times {:.4g} plus {:.4g}", inner_->description(),
                       factor_, offset_);
  }

  Sample Get(int64_t index) const override {
    Sample sample = inner_->Get(index);
    ContentHasher hasher;
    for (Tensor& x : sample.inputs) {
      if (x.dtype() == DType::kFloat32) x = Scaled(x, factor_, offset_);
      hasher.Add({x.raw(), x.bytes()});
    }
    sample.hash = hasher.Digest();
    return sample;
  }

 private:
  std::shared_ptr<const Dataset> inner_;
  float factor_;
  float offset_;
};

}  // namespace

std::shared_ptr<const Dataset> MakeScaledDataset(
    std::shared_ptr<const Dataset> inner, float factor, float offset) {
  return std::make_shared<ScaledDataset>(std::move(inner), factor, offset);
}

}  // namespace squint
