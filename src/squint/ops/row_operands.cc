#include "squint/ops/row_operands.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/copy/byte_tile.h"
#include "squint/kernels/qgemm/requantization.h"
#include "squint/kernels/qrows/qrows.h"

namespace squint {
namespace {

class RowProductStep : public Step {
 public:
  RowProductStep(int64_t rows, QLinearProduct product,
                 std::shared_ptr<const RowWeights> weights, int threads)
      : rows_(rows),
        product_(ByOutput(std::move(product), weights->sums)),
        weights_(std::move(weights)),
        product_bytes_(RowProductScratch(rows, weights_->shape, threads)) {}

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

bool IsSymmetric(const Tensor& weight, const std::vector<int32_t>& zeros) {
  return weight.dtype() == DType::kInt8 &&
         std::ranges::all_of(zeros, [](int32_t zero) { return zero == 0; });
}

// The stored bytes as [outputs][terms].
std::vector<int8_t> InOrder(const Tensor& weight, const WeightOrder& order) {
  const auto* in = reinterpret_cast<const uint8_t*>(weight.raw());
  std::vector<int8_t> ordered(static_cast<size_t>(order.outputs * order.terms));
  auto* out = reinterpret_cast<uint8_t*>(ordered.data());
  if (order.term_stride == 1) {
    for (int64_t j = 0; j < order.outputs; ++j) {
      std::copy_n(in + j * order.output_stride, order.terms,
                  out + j * order.terms);
    }
  } else {
    TransposeByteMatrix(in, order.term_stride, order.terms, order.outputs, out,
                        order.terms);
  }
  return ordered;
}

template <typename T>
bool RangeFitsInt8(const T* stored, int64_t count, int32_t zero) {
  const auto [low, high] = std::minmax_element(stored, stored + count);
  return *low - zero >= -128 && *high - zero <= 127;
}

// Calls `each(first element, zero point)` for every output of stored numbers
// [outputs][terms] until one returns false.
template <typename T, typename Each>
bool ForOutputs(T* stored, const std::vector<int32_t>& zeros, int64_t outputs,
                int64_t terms, Each&& each) {
  for (int64_t j = 0; j < outputs; ++j) {
    const int32_t zero = zeros[zeros.size() > 1 ? static_cast<size_t>(j) : 0];
    if (!each(stored + j * terms, zero)) return false;
  }
  return true;
}

template <typename T>
bool OutputsFitInt8(const std::byte* bytes, const std::vector<int32_t>& zeros,
                    int64_t outputs, int64_t terms) {
  return ForOutputs(reinterpret_cast<const T*>(bytes), zeros, outputs, terms,
                    [terms](const T* x, int32_t zero) {
                      return RangeFitsInt8(x, terms, zero);
                    });
}

bool BytesFitInt8(const std::byte* bytes, bool is_signed,
                  const std::vector<int32_t>& zeros, int64_t outputs,
                  int64_t terms) {
  return is_signed ? OutputsFitInt8<int8_t>(bytes, zeros, outputs, terms)
                   : OutputsFitInt8<uint8_t>(bytes, zeros, outputs, terms);
}

// bias[j] - zero * sums[j], as sums modulo 2^32 need it.
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

}  // namespace

std::optional<CentredBytes> CentredWeights(const Tensor& weight,
                                           const std::vector<int32_t>& zeros,
                                           const WeightOrder& order) {
  const bool symmetric = IsSymmetric(weight, zeros);
  if (symmetric && order.term_stride == 1 &&
      order.output_stride == order.terms) {
    return CentredBytes(reinterpret_cast<const int8_t*>(weight.raw()));
  }
  std::vector<int8_t> bytes = InOrder(weight, order);
  if (symmetric) return CentredBytes(std::move(bytes));
  if (!BytesFitInt8(reinterpret_cast<const std::byte*>(bytes.data()),
                    weight.dtype() == DType::kInt8, zeros, order.outputs,
                    order.terms)) {
    return std::nullopt;
  }
  // What fits comes out right modulo 256, whatever the stored type.
  ForOutputs(bytes.data(), zeros, order.outputs, order.terms,
             [&](int8_t* x, int32_t zero) {
               for (int64_t k = 0; k < order.terms; ++k) {
                 x[k] = static_cast<int8_t>(x[k] - zero);
               }
               return true;
             });
  return CentredBytes(std::move(bytes));
}

bool CentredFitInt8(const Tensor& weight, const std::vector<int32_t>& zeros,
                    int64_t outputs, int64_t terms) {
  return IsSymmetric(weight, zeros) ||
         BytesFitInt8(weight.Materialize().raw(),
                      weight.dtype() == DType::kInt8, zeros, outputs, terms);
}

QLinearProduct ByOutput(QLinearProduct product,
                        const std::vector<int32_t>& sums) {
  product.bias = BiasWithZero(product.bias, sums, UnsignedZero(product.x));
  if (product.multipliers.size() == 1) {
    product.multipliers.assign(sums.size(), product.multipliers[0]);
  }
  const size_t padded = sums.size() + kColumnPadding;
  product.bias.resize(padded);
  product.multipliers.resize(padded);
  product.is_padded = true;
  product.multipliers_below_one = std::ranges::all_of(
      product.multipliers, [](float by) { return std::abs(by) < 1; });
  return product;
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
