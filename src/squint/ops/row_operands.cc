#include "squint/ops/row_operands.h"

#include <algorithm>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/qrows/qrows.h"

namespace squint {
namespace {

class RowProductStep : public Step {
 public:
  RowProductStep(int64_t rows, QLinearProduct product,
                 std::shared_ptr<const RowWeights> weights, int threads)
      : rows_(rows),
        product_(std::move(product)),
        weights_(std::move(weights)),
        product_bytes_(RowProductScratch(rows, weights_->shape, threads)) {
    product_.bias =
        BiasWithZero(product_.bias, weights_->sums, UnsignedZero(product_.x));
  }

  void Run(const StepArgs& args) const override {
    const auto* in = static_cast<const uint8_t*>(args.inputs[0]);
    const RowWeightsShape& s = weights_->shape;
    if (product_.x.is_signed) {
      auto* copy = static_cast<uint8_t*>(args.scratch) + product_bytes_;
      FlipSigns(in, rows_ * s.depth, copy, args.pool);
      in = copy;
    }
    const Requantization r = RequantizationOf(product_, false);
    RowProduct({.rows = rows_,
                .source = PlainRows(in, s.depth),
                .weights = *weights_,
                .requantization = r,
                .out = args.outputs[0],
                .out_stride = s.outputs * r.result_bytes(),
                .scratch = args.scratch},
               args.pool);
  }
  size_t scratch_bytes() const override {
    const int64_t copied =
        product_.x.is_signed ? rows_ * weights_->shape.depth : 0;
    return product_bytes_ + static_cast<size_t>(copied);
  }

 private:
  int64_t rows_;
  QLinearProduct product_;
  std::shared_ptr<const RowWeights> weights_;
  size_t product_bytes_;
};

// Output j less its zero point; false where a number is no int8.
template <typename T>
bool CentreOutput(const T* stored, int32_t zero, const WeightOrder& order,
                  int8_t* out) {
  int32_t lowest = 0;
  int32_t highest = 0;
  for (int64_t k = 0; k < order.terms; ++k) {
    const int32_t value = stored[k * order.term_stride] - zero;
    lowest = std::min(lowest, value);
    highest = std::max(highest, value);
    out[k] = static_cast<int8_t>(value);
  }
  return lowest >= -128 && highest <= 127;
}

// The stored numbers are what is wanted.
bool IsCentred(const Tensor& weight, const std::vector<int32_t>& zeros,
               const WeightOrder& order) {
  return weight.dtype() == DType::kInt8 && order.term_stride == 1 &&
         order.output_stride == order.terms &&
         std::ranges::all_of(zeros, [](int32_t zero) { return zero == 0; });
}

}  // namespace

std::optional<std::vector<int8_t>> CentredWeights(
    const Tensor& weight, const std::vector<int32_t>& zeros,
    const WeightOrder& order) {
  const auto* bytes = reinterpret_cast<const int8_t*>(weight.raw());
  if (IsCentred(weight, zeros, order)) {
    return std::vector<int8_t>(bytes, bytes + weight.size());
  }
  std::vector<int8_t> centred(static_cast<size_t>(order.outputs * order.terms));
  for (int64_t j = 0; j < order.outputs; ++j) {
    const int32_t zero = zeros[zeros.size() > 1 ? static_cast<size_t>(j) : 0];
    const int8_t* in = bytes + j * order.output_stride;
    int8_t* out = centred.data() + j * order.terms;
    const bool fits = weight.dtype() == DType::kInt8
                          ? CentreOutput(in, zero, order, out)
                          : CentreOutput(reinterpret_cast<const uint8_t*>(in),
                                         zero, order, out);
    if (!fits) return std::nullopt;
  }
  return centred;
}

std::vector<int32_t> BiasWithZero(const std::vector<int32_t>& bias,
                                  const std::vector<int32_t>& sums,
                                  int32_t zero) {
  std::vector<int32_t> result;
  for (size_t j = 0; j < sums.size(); ++j) {
    const int64_t exact =
        int64_t{bias.empty() ? 0 : bias[j]} - int64_t{zero} * sums[j];
    result.push_back(static_cast<int32_t>(static_cast<uint32_t>(exact)));
  }
  return result;
}

void FlipSigns(const uint8_t* in, int64_t count, uint8_t* out,
               ThreadPool& pool) {
  constexpr size_t kGrain = 1 << 15;
  pool.ParallelFor(
      static_cast<size_t>(count), kGrain, [&](size_t begin, size_t end) {
        std::transform(in + begin, in + end, out + begin, [](uint8_t b) {
          return static_cast<uint8_t>(b ^ kSignBit);
        });
      });
}

std::unique_ptr<Step> PrepareRowProduct(const PrepareContext& context,
                                        int64_t rows, QLinearProduct product,
                                        const Tensor& weight,
                                        const WeightOrder& order) {
  // Rows are read where they lie, by whole quads.
  if (order.terms == 0 || order.terms % kRowQuad != 0 || rows == 0 ||
      order.outputs == 0) {
    return nullptr;
  }
  const std::string key = context.pack_key + "/rows";
  auto packed = context.packs.Get<RowWeights>(key, [&] {
    const auto weights = CentredWeights(weight, product.weight.zeros, order);
    if (!weights) return std::shared_ptr<const RowWeights>();
    return std::make_shared<const RowWeights>(
        PackRowWeights({order.outputs, 1, order.terms}, weights->data()));
  });
  if (packed == nullptr) return nullptr;
  return std::make_unique<RowProductStep>(rows, std::move(product),
                                          std::move(packed), context.threads);
}

}  // namespace squint
