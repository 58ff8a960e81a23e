// Samples out of thin air, for trying things before data are at hand.
#include <cmath>
#include <random>

#include "squint/base/hash.h"
#include "squint/data/sources.h"

namespace squint {
namespace {

// What a symbolic dimension becomes: one sample, 224 pixels, 16 steps.
int64_t FilledDim(size_t axis, size_t rank) {
  if (axis == 0) return 1;
  return rank == 4 ? 224 : 16;
}

Dims FilledDims(const InputSpec& input) {
  if (!input.dims.has_value()) {
    Fail(ErrorCode::kInvalidArgument,
         "random data: the model does not say the rank of input '{}'",
         input.name);
  }
  Dims dims = *input.dims;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0) dims[i] = FilledDim(i, dims.size());
  }
  return dims;
}

// Normal by Box-Muller from raw bits, so that every library gives the same.
double Normal(std::mt19937_64* bits) {
  constexpr double kUnit = 0x1p-53;
  const double u = (static_cast<double>((*bits)() >> 11) + 1) * kUnit;
  const double v = static_cast<double>((*bits)() >> 11) * kUnit;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * M_PI * v);
}

// Floats are normal, masks of any type ones, integers as the input says; by
// default 0 and 1, valid indices of nearly any table.
Tensor RandomTensor(const InputSpec& input, std::mt19937_64* bits) {
  const Dims dims = FilledDims(input);
  const bool mask = input.name.find("mask") != std::string::npos;
  Tensor values(IsFloat(input.dtype) ? DType::kFloat32 : DType::kInt64, dims);
  const auto [first, end] = input.integers;
  const auto range = static_cast<uint64_t>(end - first);
  for (int64_t i = 0; i < values.size(); ++i) {
    if (IsFloat(input.dtype)) {
      values.mutable_data<float>()[i] =
          mask ? 1.0f : static_cast<float>(Normal(bits));
    } else {
      values.mutable_data<int64_t>()[i] =
          mask ? 1 : first + static_cast<int64_t>((*bits)() % range);
    }
  }
  return values.CastTo(input.dtype);
}

class RandomDataset : public Dataset {
 public:
  RandomDataset(std::vector<InputSpec> inputs, const DatasetOptions& options)
      : inputs_(std::move(inputs)), options_(options) {}

  int64_t size() const override { return options_.random_samples; }
  bool has_labels() const override { return false; }
  std::string description() const override {
    return fmt::format(
        "random ({} samples; WARNING: noise, not data: ranges and accuracy "
        "measured on it say nothing about real input)",
        size());
  }

  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.id = fmt::format("random #{}", index);
    // 0x9e3779b97f4a7c15 (2^64 / golden ratio) spreads neighbouring indices.
    std::mt19937_64 bits(options_.seed + static_cast<uint64_t>(index + 1) *
                                             0x9e3779b97f4a7c15u);
    ContentHasher hasher;
    for (const InputSpec& input : inputs_) {
      sample.inputs.push_back(RandomTensor(input, &bits));
      hasher.Add({sample.inputs.back().raw(), sample.inputs.back().bytes()});
    }
    sample.hash = hasher.Digest();
    return sample;
  }

 private:
  std::vector<InputSpec> inputs_;
  DatasetOptions options_;
};

}  // namespace

DatasetRef MakeRandomDataset(const std::vector<InputSpec>& inputs,
                             const DatasetOptions& options) {
  if (options.random_samples <= 0) {
    Fail(ErrorCode::kInvalidArgument, "random data: {} samples asked for",
         options.random_samples);
  }
  for (const InputSpec& input : inputs) FilledDims(input);
  return std::make_shared<RandomDataset>(inputs, options);
}

}  // namespace squint
