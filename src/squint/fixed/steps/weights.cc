#include "squint/fixed/steps/weights.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>

namespace squint {
namespace {

int64_t ByteAt(const Tensor& tensor, int64_t i) {
  const auto byte = static_cast<uint8_t>(tensor.raw()[i]);
  return tensor.dtype() == DType::kInt8 ? static_cast<int8_t>(byte)
                                        : int64_t{byte};
}

// Entry c, or the only one.
template <typename T>
T At(const std::vector<T>& values, int64_t c) {
  return values[values.size() == 1 ? 0 : static_cast<size_t>(c)];
}

void CheckGrid(const FixedOperand& weight, int64_t channels) {
  Require(weight.constant != nullptr, "its weight is computed");
  Require(IsByte(weight.dtype), "its weight has no 8 bits");
  Require(weight.grid.has_value(), "the scales of its weight are not known");
  for (const size_t count :
       {weight.grid->scales.size(), weight.grid->zeros.size()}) {
    Require(count == 1 || static_cast<int64_t>(count) == channels,
            "its weight has scales along another axis");
  }
}

std::vector<int32_t> StoredBias(const FixedOperation& operation,
                                int64_t channels) {
  std::vector<int32_t> bias(static_cast<size_t>(channels), 0);
  if (!operation.has(2)) return bias;
  const Tensor* constant = operation.inputs[2].constant;
  Require(constant != nullptr && constant->dtype() == DType::kInt32 &&
              constant->size() == channels,
          "its bias is no constant of 32-bit integers");
  const Tensor tensor = constant->Materialize();
  bias.assign(tensor.values<int32_t>().begin(), tensor.values<int32_t>().end());
  return bias;
}

// The centred weights of one channel, appended; returns their sum, and that of
// their magnitudes.
struct Sums {
  int64_t sum = 0;
  int64_t magnitude = 0;
};
Sums AppendChannel(const Tensor& weight, const FixedWeightOrder& order,
                   int64_t c, int32_t zero, std::vector<int8_t>& values) {
  Sums sums;
  for (const int64_t term : order.terms) {
    const int64_t w = ByteAt(weight, order.start(c) + term) - zero;
    Require(w >= std::numeric_limits<int8_t>::min() &&
                w <= std::numeric_limits<int8_t>::max(),
            "a weight minus its zero point does not fit int8; --preset edge "
            "makes weights that do");
    values.push_back(static_cast<int8_t>(w));
    sums.sum += w;
    sums.magnitude += std::abs(w);
  }
  return sums;
}

}  // namespace

FixedWeights MakeWeights(const FixedOperation& operation,
                         const FixedWeightOrder& order) {
  const DType type = NumberType(operation);
  const FixedGrid x = GridOf(operation.inputs[0], type);
  const FixedGrid y = GridOf(operation.outputs[0], type);
  const FixedOperand& weight = operation.inputs[1];
  CheckGrid(weight, order.channels);
  const Tensor stored = weight.constant->Materialize();
  const std::vector<int32_t> bias = StoredBias(operation, order.channels);
  FixedWeights made;
  made.wide = type == DType::kInt16;
  bool fits = true;
  for (int64_t c = 0; c < order.channels; ++c) {
    const Sums sums =
        AppendChannel(stored, order, c, At(weight.grid->zeros, c), made.values);
    const int64_t own = bias[static_cast<size_t>(c)];
    const int64_t folded = own - x.zero * sums.sum;
    const int64_t largest_input = made.wide ? 1 << 15 : 1 << 7;
    fits = fits && std::abs(folded) + largest_input * sums.magnitude <
                       (int64_t{1} << 31);
    made.long_bias.push_back(folded);
    const FixedFactor factor = FactorOf(operation.alpha * x.scale *
                                        At(weight.grid->scales, c) / y.scale);
    made.multiplier.push_back(factor.multiplier);
    made.shift.push_back(static_cast<int8_t>(factor.shift));
  }
  Require(fits || made.wide, "its sums may not fit 32 bits");
  if (fits) {
    made.bias.assign(made.long_bias.begin(), made.long_bias.end());
    made.long_bias.clear();
  }
  return made;
}

void PackNibbles(FixedWeights& weights, int64_t depth) {
  constexpr int64_t kLargestSum = (int64_t{1} << 31) / (16 * 128) - 1;
  const std::vector<int8_t>& values = weights.values;
  if (weights.wide ||
      std::ranges::any_of(values, [](int8_t w) { return w < -8 || w > 7; }) ||
      8 * depth > kLargestSum) {
    return;
  }
  std::vector<int8_t> packed;
  const int64_t rows = static_cast<int64_t>(values.size()) / depth;
  for (int64_t row = 0; row < rows; ++row) {
    const auto nibble = [&](int64_t k) {
      return k < depth ? values[static_cast<size_t>(row * depth + k)] & 15 : 0;
    };
    for (int64_t k = 0; k < depth; k += 8) {
      for (int64_t i = k; i < k + 4; ++i) {
        packed.push_back(static_cast<int8_t>(nibble(i) | (nibble(i + 4) << 4)));
      }
    }
  }
  weights.values = std::move(packed);
  weights.nibbles = true;
}

std::vector<int8_t> TermsFirst(const std::vector<int8_t>& values,
                               int64_t channels) {
  std::vector<int8_t> turned(values.size());
  const int64_t terms = static_cast<int64_t>(values.size()) / channels;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t t = 0; t < terms; ++t) {
      turned[static_cast<size_t>(t * channels + c)] =
          values[static_cast<size_t>(c * terms + t)];
    }
  }
  return turned;
}

}  // namespace squint
