#include "squint/quantize/soft_weight.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "squint/kernels/soft_rounding/soft_rounding.h"

namespace squint {
namespace {

// Adam's decays, as its paper has them.
constexpr float kFirstDecay = 0.9f;
constexpr float kSecondDecay = 0.999f;

float Correction(float decay, int step) {
  return 1.0f / (1.0f - std::pow(decay, static_cast<float>(step)));
}

// The size of a step for every element.
std::vector<float> StepSizes(const Dims& dims, QuantParams params) {
  Tensor ones(DType::kInt8, dims);
  std::fill_n(ones.mutable_data<int8_t>(), ones.size(), int8_t{1});
  params.dtype = DType::kInt8;
  params.zero_point = Tensor();
  return DequantizeTensor(ones, params).ToFloats();
}

// 2^k - 1 that no integer passes, at least 1.
int64_t LargestOfBits(const Tensor& integers) {
  int64_t largest = 1;
  for (const int64_t q : integers.ToInts()) {
    while (largest < std::abs(q)) largest = 2 * largest + 1;
  }
  return largest;
}

// v with h(v) = fraction.
float Inverse(float fraction) {
  const float sigmoid = (fraction + 0.1f) / 1.2f;
  return std::log(sigmoid / (1.0f - sigmoid));
}

}  // namespace

bool SoftWeight::Suits(const Tensor& real, const QuantParams& params) {
  if (real.dtype() != DType::kFloat32 || !IsInteger(params.dtype) ||
      BitsOf(params.dtype) > 8 || !IsSigned(params.dtype) ||
      params.kind != QuantKind::kStatic) {
    return false;
  }
  for (int64_t i = 0; i < params.zero_point.size(); ++i) {
    if (ReadPacked(params.zero_point.raw(), params.dtype, i) != 0) return false;
  }
  return true;
}

SoftWeight::SoftWeight(const Tensor& real, const Tensor& integers,
                       const QuantParams& params)
    : dims_(real.dims()),
      params_(params),
      highest_(static_cast<float>(LargestOfBits(integers))),
      floor_(static_cast<size_t>(real.size())),
      scale_(StepSizes(real.dims(), params)),
      v_(floor_.size()),
      first_(floor_.size(), 0.0f),
      second_(floor_.size(), 0.0f),
      weight_(std::make_shared<std::vector<float>>(floor_.size())) {
  const float* w = real.data<float>();
  for (size_t i = 0; i < floor_.size(); ++i) {
    const float steps = std::clamp(w[i] / scale_[i], -highest_, highest_);
    floor_[i] = std::min(std::floor(steps), highest_ - 1.0f);
    v_[i] = Inverse(steps - floor_[i]);
    (*weight_)[i] = scale_[i] * steps;
  }
}

Tensor SoftWeight::weight() const {
  const auto bytes = std::as_bytes(std::span<const float>(*weight_));
  return Tensor(DType::kFloat32, dims_, Buffer::Borrow(bytes, weight_));
}

void SoftWeight::Step(const Tensor& gradient, const TuningStep& step,
                      ThreadPool& pool) {
  StepSoftRounding({.count = size(),
                    .floor = floor_.data(),
                    .scale = scale_.data(),
                    .lowest = -highest_,
                    .highest = highest_,
                    .gradient = gradient.data<float>(),
                    .v = v_.data(),
                    .first = first_.data(),
                    .second = second_.data(),
                    .weight = weight_->data(),
                    .rate = step.rate * Correction(kFirstDecay, step.step),
                    .second_correction = Correction(kSecondDecay, step.step),
                    .pull = step.pull,
                    .power = step.power},
                   pool);
}

Tensor SoftWeight::Integers() const {
  Tensor integers(params_.dtype, dims_);
  std::byte* to = integers.mutable_raw();
  for (size_t i = 0; i < v_.size(); ++i) {
    const float up = v_[i] >= 0.0f ? 1.0f : 0.0f;
    WritePacked(to, params_.dtype, static_cast<int64_t>(i),
                static_cast<int>(floor_[i] + up));
  }
  return integers;
}

TunedConstant::TunedConstant(const Tensor& start, float unit)
    : value_(start.Clone()),
      unit_(unit),
      first_(static_cast<size_t>(start.size()), 0.0f),
      second_(first_.size(), 0.0f) {}

void TunedConstant::Step(const Tensor& gradient, const TuningStep& step) {
  const float* g = gradient.data<float>();
  const float rate = step.rate * unit_ * Correction(kFirstDecay, step.step);
  const float correction = Correction(kSecondDecay, step.step);
  Tensor moved = value_.Clone();
  float* x = moved.mutable_data<float>();
  for (size_t i = 0; i < first_.size(); ++i) {
    first_[i] = kFirstDecay * first_[i] + (1 - kFirstDecay) * g[i];
    second_[i] = kSecondDecay * second_[i] + (1 - kSecondDecay) * g[i] * g[i];
    x[i] -= rate * first_[i] / (std::sqrt(second_[i] * correction) + 1e-12f);
  }
  value_ = std::move(moved);
}

}  // namespace squint
