// Gemm and MatMul: rows by weights, or two computed matrices.
#include <algorithm>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/rows.h"
#include "squint/fixed/steps/weights.h"
#include "squint/kernels/fixed/matmul.h"
#include "squint/kernels/fixed/matmul_16.h"
#include "squint/ops/batch_offsets.h"

namespace squint {
namespace {

class RowsStep : public StepOf<RowsStep> {
 public:
  RowsStep(int32_t rows, const squint_columns& columns, FixedWeights weights,
           int32_t zero_y)
      : rows_(rows),
        columns_(columns),
        weights_(std::move(weights)),
        zero_y_(zero_y) {}
  template <typename Machine>
  void Do(Machine& m) const {
    CallRows(m, m.Number(rows_), columns_, weights_, zero_y_);
  }
  int64_t macs() const override {
    return int64_t{rows_} * columns_.count * columns_.depth;
  }
  std::optional<int64_t> Lead(size_t, const Patch*) const override {
    return LeadOfRows(rows_, columns_, weights_);
  }

 private:
  int32_t rows_;
  squint_columns columns_;
  FixedWeights weights_;
  int32_t zero_y_;
};

class MatMulStep : public StepOf<MatMulStep> {
 public:
  MatMulStep(bool wide, const squint_matmul_shape& shape,
             std::vector<int32_t> a_index, std::vector<int32_t> b_index,
             int32_t zero_y)
      : wide_(wide),
        shape_(shape),
        a_index_(std::move(a_index)),
        b_index_(std::move(b_index)),
        zero_y_(zero_y) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto&... kernel) {
      m.Call(kernel..., m.Params("squint_matmul_shape", shape_),
             m.Number(count()), m.Array("a_index", a_index_),
             m.Array("b_index", b_index_), m.Number(zero_y_), m.In(0), m.In(1),
             m.Out(0));
    };
    wide_ ? call(SQUINT_KERNEL("matmul_16", squint_matmul_16))
          : call(SQUINT_KERNEL("matmul", squint_matmul));
  }
  int64_t macs() const override {
    return int64_t{count()} * shape_.m * shape_.n * shape_.k;
  }

 private:
  int32_t count() const { return Size(static_cast<int64_t>(a_index_.size())); }

  bool wide_;
  squint_matmul_shape shape_;
  std::vector<int32_t> a_index_;
  std::vector<int32_t> b_index_;
  int32_t zero_y_;
};

// Element (k, n) of the weight lies at n * column + k * row.
std::unique_ptr<FixedStep> MakeRows(const FixedOperation& operation,
                                    int64_t rows, int64_t depth,
                                    int64_t columns, int64_t row,
                                    int64_t column) {
  FixedWeightOrder order{
      .channels = columns, .terms = {}, .channel_stride = column};
  for (int64_t k = 0; k < depth; ++k) order.terms.push_back(k * row);
  FixedWeights weights = MakeWeights(operation, order);
  PackNibbles(weights, depth);
  return std::make_unique<RowsStep>(
      Size(rows), squint_columns{.count = Size(columns), .depth = Size(depth)},
      std::move(weights),
      GridOf(operation.outputs[0], NumberType(operation)).zero);
}

std::vector<int32_t> Indices(const Dims& own, const Dims& all) {
  std::vector<int32_t> indices;
  for (const int64_t i : BatchOffsets(own, all, 1)) indices.push_back(Size(i));
  return indices;
}

}  // namespace

std::unique_ptr<FixedStep> MakeGemmStep(const FixedOperation& operation) {
  Require(operation.node.Int("transA", 0) == 0, "its rows are transposed");
  const Dims& a = operation.inputs[0].dims;
  const Dims& b = operation.inputs[1].dims;
  if (operation.node.Int("transB", 0) != 0) {
    return MakeRows(operation, a[0], a[1], b[0], 1, b[1]);
  }
  return MakeRows(operation, a[0], a[1], b[1], b[1], 1);
}

std::unique_ptr<FixedStep> MakeMatMulStep(const FixedOperation& operation) {
  Dims a = operation.inputs[0].dims;
  Dims b = operation.inputs[1].dims;
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  const int64_t k = a.back();
  const int64_t n = b.back();
  const Dims a_batch(a.begin(), a.end() - 2);
  const Dims b_batch(b.begin(), b.end() - 2);
  if (operation.inputs[1].constant != nullptr && ElementCount(b_batch) == 1) {
    return MakeRows(operation, ElementCount(a) / std::max<int64_t>(k, 1), k, n,
                    n, 1);
  }
  const DType type = NumberType(operation);
  const FixedGrid x = GridOf(operation.inputs[0], type);
  const FixedGrid w = GridOf(operation.inputs[1], type);
  const FixedGrid y = GridOf(operation.outputs[0], type);
  const bool wide = type == DType::kInt16;
  constexpr int64_t kMostTerms = (int64_t{1} << 31) / (255 * 255) - 1;
  Require(wide || k <= kMostTerms, "its sums may not fit 32 bits");
  const FixedFactor factor = FactorOf(x.scale * w.scale / y.scale);
  const Dims batch = BroadcastBatch(a_batch, b_batch);
  return std::make_unique<MatMulStep>(
      wide,
      squint_matmul_shape{.m = Size(a[a.size() - 2]),
                          .n = Size(n),
                          .k = Size(k),
                          .zero_a = x.zero,
                          .zero_b = w.zero,
                          .multiplier = factor.multiplier,
                          .shift = factor.shift},
      Indices(a_batch, batch), Indices(b_batch, batch), y.zero);
}

}  // namespace squint
