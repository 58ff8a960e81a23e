// Gemm: alpha * A' * B' + beta * C on matrices, each optionally transposed.
// The integer reading is QGemm: int32 sums with the bias added in their own
// steps, then one multiply.
#include <utility>
#include <vector>

#include "squint/ops/in_float32.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

bool TransA(const Node& node) { return node.Int("transA", 0) != 0; }
bool TransB(const Node& node) { return node.Int("transB", 0) != 0; }

void CheckMatrix(const char* what, const Shape& shape) {
  if (shape.has_rank() && shape.rank() != 2) {
    Fail(ErrorCode::kInvalidModel, "{} is {}, expected a matrix", what,
         shape.ToString());
  }
}

void InferGemm(InferContext& context) {
  const Shape& a = context.shape(0);
  const Shape& b = context.shape(1);
  CheckMatrix("A", a);
  CheckMatrix("B", b);
  const int rows = TransA(context.node()) ? 1 : 0;
  const int columns = TransB(context.node()) ? 0 : 1;
  DimList dims(2, Dim::Unknown());
  if (a.has_rank()) dims[0] = a[rows];
  if (b.has_rank()) dims[1] = b[columns];
  if (a.has_rank() && b.has_rank()) {
    MatMulShape(Shape({a[rows], a[1 - rows]}),
                Shape({b[1 - columns], b[columns]}));
  }
  Shape out(std::move(dims));
  const Shape& c = context.shape(2);
  if (c.has_rank()) {
    const auto both = BroadcastShapes(c, out);
    if (!both || both->rank() != 2) {
      Fail(ErrorCode::kInvalidModel, "C is {}, which does not broadcast to {}",
           c.ToString(), out.ToString());
    }
  }
  context.SetOutput(0, context.dtype(0), std::move(out));
}

MatrixSums GemmSums(const Node& node, const Tensor& a, const Tensor& b) {
  CheckMatrix("A", Shape::Of(a.dims()));
  CheckMatrix("B", Shape::Of(b.dims()));
  return MatMulSums(TransA(node) ? Transposed(a) : a,
                    TransB(node) ? Transposed(b) : b);
}

// sums = alpha * sums + beta * c, with c broadcast to the matrix.
void AddBias(const Node& node, const Tensor& c, MatrixSums& product) {
  const double beta = node.Float("beta", 1.0f);
  const int64_t rows = c.rank() == 2 ? c.dim(0) : 1;
  const int64_t columns = c.rank() == 0 ? 1 : c.dim(c.rank() - 1);
  const int64_t n = product.dims[1];
  if ((rows != 1 && rows != product.dims[0]) ||
      (columns != 1 && columns != n) || c.rank() > 2) {
    Fail(ErrorCode::kInvalidModel, "C is {}, which does not broadcast to {}",
         DimsToString(c.dims()), DimsToString(product.dims));
  }
  const float* values = c.data<float>();
  for (int64_t i = 0; i < product.dims[0]; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t at = (rows == 1 ? 0 : i) * columns + (columns == 1 ? 0 : j);
      product.sums[static_cast<size_t>(i * n + j)] += beta * values[at];
    }
  }
}

void RunGemm(RunContext& context) {
  MatrixSums product = GemmSums(context.node, context.in(0), context.in(1));
  const double alpha = context.node.Float("alpha", 1.0f);
  for (double& sum : product.sums) sum *= alpha;
  if (context.has(2)) AddBias(context.node, context.in(2), product);
  context.outputs[0] = ToFloat32(product.sums, std::move(product.dims));
}

// Integers: through float32, exact up to 2^24.
void RunGemmOfAnyType(RunContext& context) {
  const DType dtype = context.in(0).dtype();
  if (!IsInteger(dtype)) return RunInFloat32(context, RunGemm, 1);
  std::vector<Tensor> real(context.inputs.size());
  RunContext inner{context.node, context.inputs, {}, {}, {}};
  for (size_t i = 0; i < real.size(); ++i) {
    if (!context.has(i)) continue;
    real[i] = context.in(i).CastTo(DType::kFloat32);
    inner.inputs[i] = &real[i];
  }
  inner.outputs.resize(1);
  RunGemm(inner);
  context.outputs[0] = inner.outputs[0].CastTo(dtype);
}

void RunGemmInteger(RunContext& context) {
  const Node& node = context.node;
  const float alpha = node.Float("alpha", 1.0f);
  const bool plain = alpha == 1.0f && node.Float("beta", 1.0f) == 1.0f;
  const int channel_axis = TransB(node) ? 0 : 1;
  if (!CanSumIntegers(context, 0, 1, channel_axis) ||
      (context.has(2) && !plain)) {
    return RunDequantized(context, RunGemm);
  }
  const QuantParams& a = *context.input_quant[0];
  const QuantParams& b = *context.input_quant[1];
  const auto bias =
      BiasSteps(context, 2, context.in(1).dim(channel_axis), a, b);
  if (!bias) return RunDequantized(context, RunGemm);
  MatrixSums product =
      GemmSums(node, Centered(context.in(0), a), Centered(context.in(1), b));
  for (size_t i = 0; i < product.sums.size(); ++i) {
    product.sums[i] += (*bias)[i % bias->size()];
  }
  const QuantParams* y = context.output_quant[0];
  context.outputs[0] =
      Requantize(product.sums, product.dims, 1, Multipliers(a, b, y, alpha), y);
}

// Why the integer form cannot express this node, or nothing.
std::string Obstacle(const QuantizeQuery& query) {
  const Node& node = query.node;
  if (TransA(node)) return "its first operand is transposed";
  if (!node.has_input(2)) return "";
  if (node.Float("alpha", 1.0f) != 1.0f || node.Float("beta", 1.0f) != 1.0f) {
    return "alpha and beta are not both 1";
  }
  const Tensor* bias = query.graph.ConstantOf(node.input(2));
  if (bias == nullptr) return "its bias is computed at run time";
  const Shape& b = query.graph.value(node.input(1)).shape;
  if (bias->rank() != 1 ||
      (b.has_rank() && !b[TransB(node) ? 0 : 1].is(bias->dim(0)))) {
    return "its bias is not one value per output column";
  }
  return "";
}

QuantSpec GemmRule(const QuantizeQuery& query) {
  std::string obstacle = Obstacle(query);
  if (!obstacle.empty()) return QuantSpec::Float(std::move(obstacle));
  const int axis = TransB(query.node) ? 0 : 1;
  const bool constant = query.graph.ConstantOf(query.node.input(1)) != nullptr;
  QuantSpec spec;
  spec.inputs = {{.role = Role::kActivation},
                 {.role = Role::kActivation},
                 {.role = Role::kBias}};
  if (constant) {
    spec.inputs[1] = {
        .role = Role::kWeight, .axis = axis, .reduce_axis = 1 - axis};
  }
  spec.inputs.resize(query.node.inputs.size());
  spec.outputs = {{.role = Role::kActivation, .optional = true}};
  return spec;
}

}  // namespace

extern constinit const OpDef kGemmOp = {
    .type = "Gemm",
    .since = 11,
    .infer = InferGemm,
    .reference = RunGemmOfAnyType,
    .integer_reference = RunGemmInteger,
    .quantize = GemmRule,
    .prepare = PrepareGemm,
    .prepare_stored = PrepareStoredGemm,
    .fuses_clamp = true,
};

}  // namespace squint
