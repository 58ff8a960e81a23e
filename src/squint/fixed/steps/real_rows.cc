// Real numbers in rows, matrices and images; and products of bytes whose
// results are real.
#include <algorithm>
#include <utility>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/pair_shape.h"
#include "squint/fixed/steps/real_step.h"
#include "squint/fixed/steps/reduced_axes.h"
#include "squint/fixed/steps/weights.h"
#include "squint/fixed/steps/window.h"
#include "squint/kernels/real/real_conv.h"
#include "squint/kernels/real/real_layer_norm.h"
#include "squint/kernels/real/real_matmul.h"
#include "squint/kernels/real/real_pair.h"
#include "squint/kernels/real/real_rows.h"
#include "squint/kernels/real/real_softmax.h"
#include "squint/kernels/real/real_sum.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

int64_t CountBetween(const Dims& dims, size_t begin, size_t end) {
  return ElementCount(Dims(dims.begin() + static_cast<int64_t>(begin),
                           dims.begin() + static_cast<int64_t>(end)));
}

class RealSoftmaxStep : public RealStepOf<RealSoftmaxStep> {
 public:
  explicit RealSoftmaxStep(const squint_lines& lines) : lines_(lines) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("real_softmax", squint_real_softmax),
           m.Params("squint_lines", lines_), m.In(0), m.Out(0));
  }
  std::optional<int64_t> Lead(size_t, const Patch*) const override {
    return lines_.inner == 1 ? std::optional<int64_t>(0) : std::nullopt;
  }

 private:
  squint_lines lines_;
};

class RealLayerNormStep : public RealStepOf<RealLayerNormStep> {
 public:
  RealLayerNormStep(int64_t rows, int64_t count, float epsilon, bool has_beta)
      : rows_(Size(rows)),
        count_(Size(count)),
        epsilon_(epsilon),
        has_beta_(has_beta) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto& beta) {
      m.Call(SQUINT_KERNEL("real_layer_norm", squint_real_layer_norm),
             m.Number(rows_), m.Number(count_), m.Real(epsilon_), m.In(1), beta,
             m.In(0), m.Out(0));
    };
    has_beta_ ? call(m.In(2)) : call(m.template Null<const int8_t>());
  }
  std::optional<int64_t> Lead(size_t input, const Patch*) const override {
    return input == 0 ? std::optional<int64_t>(0) : std::nullopt;
  }

 private:
  int32_t rows_;
  int32_t count_;
  float epsilon_;
  bool has_beta_;
};

class RealSumStep : public RealStepOf<RealSumStep> {
 public:
  RealSumStep(const squint_reduced& shape, bool mean)
      : shape_(shape),
        factor_(mean ? 1.0f / static_cast<float>(shape.reduced) : 1.0f) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("real_sum", squint_real_sum),
           m.Params("squint_reduced", shape_), m.Real(factor_), m.In(0),
           m.Out(0));
  }

 private:
  squint_reduced shape_;
  float factor_;
};

struct Matrices {
  squint_real_matrices shape;
  std::vector<int32_t> a_index;
  std::vector<int32_t> b_index;
  float factor = 1;
  std::optional<squint_pair> bias;  // of input 2, added to the result
};

class RealMatMulStep : public RealStepOf<RealMatMulStep> {
 public:
  explicit RealMatMulStep(Matrices matrices) : p_(std::move(matrices)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("real_matmul", squint_real_matmul),
           m.Params("squint_real_matrices", p_.shape), m.Number(count()),
           m.Array("a_index", p_.a_index), m.Array("b_index", p_.b_index),
           m.Real(p_.factor), m.In(0), m.In(1), m.Out(0));
    if (!p_.bias) return;
    m.Call(SQUINT_KERNEL("real_pair", squint_real_pair),
           m.Params("squint_pair", *p_.bias), m.Number(0), m.Out(0), m.In(2),
           m.Out(0));
  }
  int64_t macs() const override {
    return int64_t{count()} * p_.shape.m * p_.shape.n * p_.shape.k;
  }

 private:
  int32_t count() const {
    return Size(static_cast<int64_t>(p_.a_index.size()));
  }

  Matrices p_;
};

// Rows of bytes by weights, to real numbers.
class RowsToRealStep : public RealStepOf<RowsToRealStep> {
 public:
  RowsToRealStep(int64_t rows, const squint_columns& columns,
                 FixedWeights weights, std::vector<float> factor)
      : rows_(Size(rows)),
        columns_(columns),
        weights_(std::move(weights)),
        factor_(std::move(factor)) {}
  template <typename Machine>
  void Do(Machine& m) const {
    m.Call(SQUINT_KERNEL("real_rows", squint_real_rows), m.Number(rows_),
           m.Params("squint_columns", columns_), m.Weights(weights_),
           m.Array("factor", factor_), m.In(0), m.Out(0));
  }
  int64_t macs() const override {
    return int64_t{rows_} * columns_.count * columns_.depth;
  }

 private:
  int32_t rows_;
  squint_columns columns_;
  FixedWeights weights_;
  std::vector<float> factor_;
};

class RealConvStep : public RealStepOf<RealConvStep> {
 public:
  RealConvStep(const squint_window& window, int64_t groups, int64_t filters,
               bool has_bias)
      : window_(window),
        groups_(Size(groups)),
        filters_(Size(filters)),
        has_bias_(has_bias) {}
  template <typename Machine>
  void Do(Machine& m) const {
    const auto call = [&](const auto& bias) {
      m.Call(SQUINT_KERNEL("real_conv", squint_real_conv),
             m.Params("squint_window", window_), m.Number(groups_),
             m.Number(filters_), m.In(1), bias, m.In(0), m.Out(0));
    };
    has_bias_ ? call(m.In(2)) : call(m.template Null<const int8_t>());
  }
  int64_t macs() const override {
    return int64_t{window_.images} * window_.out_h * window_.out_w * filters_ *
           (window_.channels / groups_) * window_.taps_h * window_.taps_w;
  }

 private:
  squint_window window_;
  int32_t groups_;
  int32_t filters_;
  bool has_bias_;
};

std::vector<int32_t> Indices(const Dims& own, const Dims& all) {
  std::vector<int32_t> indices;
  for (const int64_t i : BatchOffsets(own, all, 1)) indices.push_back(Size(i));
  return indices;
}

// Element (k, n) of the weight lies at n * column + k * row.
std::unique_ptr<FixedStep> MakeRowsToReal(const FixedOperation& operation,
                                          int64_t rows, int64_t depth,
                                          int64_t columns, int64_t row,
                                          int64_t column) {
  const FixedGrid x = GridOf(operation.inputs[0]);
  const auto& grid = operation.inputs[1].grid;
  FixedOperation product = operation;
  product.outputs[0].dtype = DType::kInt8;
  product.outputs[0].grid = Grid{{1.0f}, {0}};
  FixedWeightOrder order{
      .channels = columns, .terms = {}, .channel_stride = column};
  for (int64_t k = 0; k < depth; ++k) order.terms.push_back(k * row);
  FixedWeights weights = MakeWeights(product, order);
  weights.multiplier.clear();
  weights.shift.clear();
  std::vector<float> factor;
  for (int64_t n = 0; n < columns; ++n) {
    const size_t c = grid->scales.size() == 1 ? 0 : static_cast<size_t>(n);
    factor.push_back(operation.alpha * static_cast<float>(x.scale) *
                     grid->scales[c]);
  }
  return std::make_unique<RowsToRealStep>(
      rows, squint_columns{.count = Size(columns), .depth = Size(depth)},
      std::move(weights), std::move(factor));
}

bool ReadsBytes(const FixedOperation& operation) {
  return operation.inputs[0].dtype == DType::kInt8;
}

}  // namespace

std::unique_ptr<FixedStep> MakeRealSoftmaxStep(
    const FixedOperation& operation) {
  RequireReal(operation, 1);
  const Dims& dims = operation.inputs[0].dims;
  Require(!dims.empty(), "it has no axis");
  const auto axis = static_cast<size_t>(NormalizeAxis(
      operation.node.Int("axis", -1), static_cast<int>(dims.size())));
  return std::make_unique<RealSoftmaxStep>(
      squint_lines{.outer = Size(CountBetween(dims, 0, axis)),
                   .count = Size(dims[axis]),
                   .inner = Size(CountBetween(dims, axis + 1, dims.size())),
                   .multiplier = 0,
                   .shift = 0});
}

std::unique_ptr<FixedStep> MakeRealLayerNormalizationStep(
    const FixedOperation& operation) {
  Require(operation.outputs.size() == 1, "its moments are wanted");
  const bool has_beta = operation.has(2);
  RequireReal(operation, has_beta ? 3 : 2);
  const Dims& dims = operation.inputs[0].dims;
  const auto axis = static_cast<size_t>(NormalizeAxis(
      operation.node.Int("axis", -1), static_cast<int>(dims.size())));
  const int64_t count = CountBetween(dims, axis, dims.size());
  for (size_t i = 1; i < (has_beta ? 3 : 2); ++i) {
    Require(ElementCount(operation.inputs[i].dims) == count,
            "its parameters do not lie along the last axes");
  }
  return std::make_unique<RealLayerNormStep>(
      ElementCount(dims) / count, count, operation.node.Float("epsilon", 1e-5f),
      has_beta);
}

std::unique_ptr<FixedStep> MakeRealMeanStep(const FixedOperation& operation) {
  RequireReal(operation, 1);
  return std::make_unique<RealSumStep>(ListedAxes(operation), true);
}

std::unique_ptr<FixedStep> MakeRealSumStep(const FixedOperation& operation) {
  RequireReal(operation, 1);
  return std::make_unique<RealSumStep>(ListedAxes(operation), false);
}

std::unique_ptr<FixedStep> MakeRealGlobalAverageStep(
    const FixedOperation& operation) {
  RequireReal(operation, 1);
  return std::make_unique<RealSumStep>(WholeImages(operation), true);
}

std::unique_ptr<FixedStep> MakeRealGemmStep(const FixedOperation& operation) {
  const Node& node = operation.node;
  Require(node.Int("transA", 0) == 0, "its rows are transposed");
  const bool turned = node.Int("transB", 0) != 0;
  const Dims& a = operation.inputs[0].dims;
  const Dims& b = operation.inputs[1].dims;
  const int64_t n = turned ? b[0] : b[1];
  const int64_t b_k = turned ? 1 : n;
  const int64_t b_n = turned ? a[1] : 1;
  if (ReadsBytes(operation)) {
    return MakeRowsToReal(operation, a[0], a[1], n, b_k, b_n);
  }
  const bool has_bias = operation.has(2);
  RequireReal(operation, has_bias ? 3 : 2);
  Require(!has_bias || node.Float("beta", 1.0f) == 1.0f, "its beta is not 1");
  Matrices p;
  p.shape = {Size(a[0]), Size(n), Size(a[1]), Size(b_k), Size(b_n)};
  p.a_index = p.b_index = {0};
  p.factor = node.Float("alpha", 1.0f);
  const Dims& y = operation.outputs[0].dims;
  if (has_bias) p.bias = PairShape(y, operation.inputs[2].dims, y);
  return std::make_unique<RealMatMulStep>(std::move(p));
}

std::unique_ptr<FixedStep> MakeRealMatMulStep(const FixedOperation& operation) {
  Dims a = operation.inputs[0].dims;
  Dims b = operation.inputs[1].dims;
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  const int64_t k = a.back();
  const int64_t n = b.back();
  const Dims a_batch(a.begin(), a.end() - 2);
  const Dims b_batch(b.begin(), b.end() - 2);
  if (ReadsBytes(operation)) {
    Require(
        operation.inputs[1].constant != nullptr && ElementCount(b_batch) == 1,
        "two computed matrices of bytes make real numbers");
    return MakeRowsToReal(operation, ElementCount(a) / k, k, n, n, 1);
  }
  RequireReal(operation, 2);
  const Dims batch = BroadcastBatch(a_batch, b_batch);
  Matrices p;
  p.shape = {Size(a[a.size() - 2]), Size(n), Size(k), Size(n), 1};
  p.a_index = Indices(a_batch, batch);
  p.b_index = Indices(b_batch, batch);
  return std::make_unique<RealMatMulStep>(std::move(p));
}

std::unique_ptr<FixedStep> MakeRealConvStep(const FixedOperation& operation) {
  const bool has_bias = operation.has(2);
  RequireReal(operation, has_bias ? 3 : 2);
  const Dims& weight = operation.inputs[1].dims;
  squint_window window =
      WindowOf(operation, Dims(weight.begin() + 2, weight.end()), false);
  window.images = Size(operation.inputs[0].dims[0]);
  window.channels = Size(operation.inputs[0].dims[1]);
  return std::make_unique<RealConvStep>(window, operation.node.Int("group", 1),
                                        weight[0], has_bias);
}

}  // namespace squint
