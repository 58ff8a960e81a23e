// Einsum: sums of products of any number of operands, as its equation says.
// Operands are taken in one by one from the left; each step is a batched
// matrix product over the labels that nobody later asks for.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "squint/ops/einsum_equation.h"
#include "squint/ops/element_types.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

std::string EquationOf(const Node& node) {
  if (node.FindAttribute("equation") == nullptr) {
    Fail(ErrorCode::kInvalidModel, "attribute equation is missing");
  }
  return node.String("equation", "");
}

void InferEinsum(InferContext& context) {
  std::vector<Shape> operands;
  std::vector<int> ranks;
  for (size_t i = 0; i < context.num_inputs(); ++i) {
    operands.push_back(context.shape(i));
    if (!operands.back().has_rank()) {
      return context.SetOutput(0, context.dtype(0), Shape());
    }
    ranks.push_back(operands.back().rank());
  }
  const EinsumEquation equation =
      ParseEinsum(EquationOf(context.node()), ranks);
  const auto sizes = EinsumSizes(equation, operands);
  DimList dims;
  for (const EinsumLabel label : equation.result) {
    dims.push_back(sizes.at(label));
  }
  context.SetOutput(0, context.dtype(0), Shape(std::move(dims)));
}

// ---- reference

using Sizes = std::map<EinsumLabel, int64_t>;

// An operand or a partial result; one label per axis.
struct Factor {
  Tensor tensor;
  EinsumLabels labels;
};

// Axes permuted to `wanted`, diagonals taken where a label repeats, axes of
// size 1 repeated to the size of their label.
Tensor Arranged(const Factor& factor, const EinsumLabels& wanted,
                const Sizes& sizes) {
  const Tensor& in = factor.tensor;
  if (wanted.empty()) return in.Reshaped({});
  if (wanted == factor.labels) return in;
  const Dims strides = StridesOf(in.dims());
  AxisMaps maps;
  for (const EinsumLabel label : wanted) {
    int64_t stride = 0;
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      const bool moves = factor.labels[axis] == label && in.dims()[axis] != 1;
      if (moves) stride += strides[axis];
    }
    auto& map = maps.emplace_back();
    for (int64_t i = 0; i < sizes.at(label); ++i) map.push_back(i * stride);
  }
  return CopyByMaps(in, maps);
}

// An operand with distinct labels, without those along which it is repeated.
Factor MakeFactor(const Tensor& operand, const EinsumLabels& labels,
                  const Sizes& sizes) {
  EinsumLabels distinct;
  for (size_t axis = 0; axis < labels.size(); ++axis) {
    const EinsumLabel label = labels[axis];
    const bool repeated = operand.dims()[axis] != sizes.at(label);
    if (!repeated && !HasLabel(distinct, label)) distinct.push_back(label);
  }
  return {Arranged({operand, labels}, distinct, sizes), distinct};
}

Dims DimsOf(const EinsumLabels& labels, const Sizes& sizes) {
  Dims dims;
  for (const EinsumLabel label : labels) dims.push_back(sizes.at(label));
  return dims;
}

// Sums over the labels that `keep` does not have.
template <typename T>
Factor SumOut(const Factor& factor, const EinsumLabels& keep,
              const Sizes& sizes) {
  EinsumLabels kept = factor.labels;
  const auto split = std::stable_partition(
      kept.begin(), kept.end(),
      [&](EinsumLabel label) { return HasLabel(keep, label); });
  const EinsumLabels summed(split, kept.end());
  kept.erase(split, kept.end());
  if (summed.empty()) return factor;
  const Tensor groups = Arranged(factor, JoinLabels(kept, summed), sizes);
  const int64_t size = ElementCount(DimsOf(summed, sizes));
  Tensor sums(groups.dtype(), DimsOf(kept, sizes));
  const T* in = groups.data<T>();
  T* out = sums.mutable_data<T>();
  for (int64_t i = 0; i < sums.size(); ++i) {
    for (int64_t k = 0; k < size; ++k) out[i] = WrapAdd(out[i], *in++);
  }
  return {std::move(sums), std::move(kept)};
}

// sums[m, n] += a[m, k] * b[k, n]
template <typename T>
void AddProduct(const T* a, const T* b, int64_t m, int64_t k, int64_t n,
                T* sums) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t p = 0; p < k; ++p) {
      const T left = a[i * k + p];
      const T* right = b + p * n;
      for (int64_t j = 0; j < n; ++j) {
        sums[i * n + j] = WrapAdd(sums[i * n + j], WrapMul(left, right[j]));
      }
    }
  }
}

// The product of two factors, summed over the labels that are not in `keep`.
template <typename T>
Factor Contract(Factor a, Factor b, const EinsumLabels& keep,
                const Sizes& sizes) {
  a = SumOut<T>(a, JoinLabels(keep, b.labels), sizes);
  b = SumOut<T>(b, JoinLabels(keep, a.labels), sizes);
  EinsumLabels batch;
  EinsumLabels rows;
  EinsumLabels inner;
  EinsumLabels columns;
  for (const EinsumLabel label : a.labels) {
    const bool shared = HasLabel(b.labels, label);
    (!shared ? rows : HasLabel(keep, label) ? batch : inner).push_back(label);
  }
  for (const EinsumLabel label : b.labels) {
    if (!HasLabel(a.labels, label)) columns.push_back(label);
  }
  const Tensor left =
      Arranged(a, JoinLabels(JoinLabels(batch, rows), inner), sizes);
  const Tensor right =
      Arranged(b, JoinLabels(JoinLabels(batch, inner), columns), sizes);
  Factor product;
  product.labels = JoinLabels(JoinLabels(batch, rows), columns);
  product.tensor = Tensor(left.dtype(), DimsOf(product.labels, sizes));
  const int64_t m = ElementCount(DimsOf(rows, sizes));
  const int64_t k = ElementCount(DimsOf(inner, sizes));
  const int64_t n = ElementCount(DimsOf(columns, sizes));
  const int64_t matrices = ElementCount(DimsOf(batch, sizes));
  for (int64_t i = 0; i < matrices; ++i) {
    AddProduct(left.data<T>() + i * m * k, right.data<T>() + i * k * n, m, k, n,
               product.tensor.mutable_data<T>() + i * m * n);
  }
  return product;
}

template <typename T>
Tensor EinsumOf(const RunContext& context, const EinsumEquation& equation,
                const Sizes& sizes) {
  const auto factor = [&](size_t i) {
    return MakeFactor(context.in(i).CastTo(DTypeOf<T>()), equation.operands[i],
                      sizes);
  };
  Factor product = factor(0);
  for (size_t i = 1; i < context.inputs.size(); ++i) {
    EinsumLabels keep = equation.result;
    for (size_t later = i + 1; later < context.inputs.size(); ++later) {
      keep = JoinLabels(std::move(keep), equation.operands[later]);
    }
    product = Contract<T>(std::move(product), factor(i), keep, sizes);
  }
  return Arranged(SumOut<T>(product, equation.result, sizes), equation.result,
                  sizes);
}

// Floats in double, integers in 64 bits that wrap.
void RunEinsum(RunContext& context) {
  std::vector<Shape> operands;
  std::vector<int> ranks;
  for (size_t i = 0; i < context.inputs.size(); ++i) {
    operands.push_back(Shape::Of(context.in(i).dims()));
    ranks.push_back(context.in(i).rank());
  }
  const EinsumEquation equation = ParseEinsum(EquationOf(context.node), ranks);
  Sizes sizes;
  for (const auto& [label, size] : EinsumSizes(equation, operands)) {
    sizes[label] = *size.value();
  }
  const DType dtype = context.in(0).dtype();
  const Tensor result = IsFloat(dtype)
                            ? EinsumOf<double>(context, equation, sizes)
                            : EinsumOf<int64_t>(context, equation, sizes);
  context.outputs[0] = result.CastTo(dtype);
}

// ---- quantization

// A constant operand that is summed over is a weight, with one scale for each
// position along its last axis that only it brings to the result.
QuantSlot OperandSlot(const EinsumEquation& equation, size_t operand) {
  QuantSlot slot{.role = Role::kWeight};
  const EinsumLabels& labels = equation.operands[operand];
  for (size_t axis = 0; axis < labels.size(); ++axis) {
    bool own = true;
    for (size_t i = 0; i < equation.operands.size(); ++i) {
      own = own &&
            (i == operand || !HasLabel(equation.operands[i], labels[axis]));
    }
    const bool in_result = HasLabel(equation.result, labels[axis]);
    if (in_result && own) slot.axis = static_cast<int>(axis);
    if (!in_result && slot.reduce_axis < 0) {
      slot.reduce_axis = static_cast<int>(axis);
    }
  }
  if (slot.reduce_axis < 0) return {.role = Role::kActivation};
  return slot;
}

QuantSpec EinsumRule(const QuantizeQuery& query) {
  QuantSpec spec = AllActivationRule(query);
  if (!spec.reason.empty()) return spec;
  std::vector<int> ranks;
  for (const ValueId input : query.node.inputs) {
    const Shape& shape = query.graph.value(input).shape;
    if (!shape.has_rank()) {
      return QuantSpec::Float("the rank of an operand is unknown");
    }
    ranks.push_back(shape.rank());
  }
  const EinsumEquation equation = ParseEinsum(EquationOf(query.node), ranks);
  for (size_t i = 1; i < ranks.size(); ++i) {
    if (query.graph.ConstantOf(query.node.input(i)) != nullptr) {
      spec.inputs[i] = OperandSlot(equation, i);
    }
  }
  return spec;
}

}  // namespace

extern constinit const OpDef kEinsumOp = {
    .type = "Einsum",
    .since = 12,
    .infer = InferEinsum,
    .reference = RunEinsum,
    .integer_reference = DequantizedReference<RunEinsum>,
    .quantize = EinsumRule,
};

}  // namespace squint
