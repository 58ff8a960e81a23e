#include "squint/ops/signature.h"

#include <algorithm>
#include <array>

namespace squint {
namespace {

// Inputs 0 to `inputs` - 1 of an operator are required. Of one that is not
// listed the first is. Required ones behind an optional one (scales behind
// zero points) are the operator's own business.
struct Required {
  std::string_view op_type;
  size_t inputs;
};
constexpr Required kRequired[] = {
    {"Constant", 0},
    {"EyeLike", 1},
    {"Loop", 0},
    {"Add", 2},
    {"And", 2},
    {"Attention", 3},
    {"BatchNormalization", 5},
    {"CastLike", 2},
    {"Conv", 2},
    {"ConvInteger", 2},
    {"ConvTranspose", 2},
    {"CumSum", 2},
    {"DequantizeLinear", 2},
    {"Div", 2},
    {"DynamicQuantizeLSTM", 3},
    {"Equal", 2},
    {"Expand", 2},
    {"GRU", 3},
    {"Gather", 2},
    {"GatherBlockQuantized", 3},
    {"GatherElements", 2},
    {"GatherND", 2},
    {"Gemm", 2},
    {"Greater", 2},
    {"GreaterOrEqual", 2},
    {"GroupNormalization", 3},
    {"InstanceNormalization", 3},
    {"LSTM", 3},
    {"LayerNormalization", 2},
    {"Less", 2},
    {"LessOrEqual", 2},
    {"MatMul", 2},
    {"MatMulInteger", 2},
    {"MatMulNBits", 3},
    {"MelWeightMatrix", 5},
    {"Mod", 2},
    {"Mul", 2},
    {"NonMaxSuppression", 2},
    {"OneHot", 3},
    {"Or", 2},
    {"PRelu", 2},
    {"Pad", 2},
    {"Pow", 2},
    {"QGemm", 6},
    {"QLinearAdd", 2},
    {"QLinearAveragePool", 2},
    {"QLinearConv", 8},
    {"QLinearGlobalAveragePool", 2},
    {"QLinearLeakyRelu", 2},
    {"QLinearMatMul", 8},
    {"QLinearMul", 2},
    {"QLinearSigmoid", 2},
    {"QLinearSoftmax", 2},
    {"QuantizeLinear", 2},
    {"RMSNormalization", 2},
    {"RNN", 3},
    {"Range", 3},
    {"Reshape", 2},
    {"ReverseSequence", 2},
    {"RotaryEmbedding", 3},
    {"ScatterElements", 3},
    {"ScatterND", 3},
    {"STFT", 2},
    {"Slice", 3},
    {"Sub", 2},
    {"Tile", 2},
    {"TopK", 2},
    {"Unsqueeze", 2},
    {"Where", 3},
    {"Xor", 2},
};

// Any of their outputs may be left out.
constexpr std::array<std::string_view, 9> kOptionalOutputs = {
    "DynamicQuantizeLSTM",
    "GRU",
    "If",
    "LSTM",
    "Loop",
    "RNN",
    "Scan",
    "Split",
    "TopK"};

// Inputs first to last have one type.
struct OneType {
  std::string_view op_type;
  size_t first = 0;
  size_t last = 1;
};
constexpr OneType kOneType[] = {
    {"Add"},
    {"Sub"},
    {"Mul"},
    {"Div"},
    {"Mod"},
    {"PRelu"},
    {"Equal"},
    {"Less"},
    {"LessOrEqual"},
    {"Greater"},
    {"GreaterOrEqual"},
    {"And"},
    {"Or"},
    {"Xor"},
    {"MatMul"},
    {"Gemm", 0, 2},
    {"Conv", 0, 2},
    {"ConvTranspose", 0, 2},
    {"Where", 1, 2},
    {"Range", 0, 2},
    {"Max", 0, SIZE_MAX},
    {"Min", 0, SIZE_MAX},
    {"Sum", 0, SIZE_MAX},
    {"Mean", 0, SIZE_MAX},
    {"Concat", 0, SIZE_MAX},
    {"Einsum", 0, SIZE_MAX},
};

void CheckPresent(const Node& node) {
  size_t required = 1;
  for (const Required& row : kRequired) {
    if (row.op_type == node.op_type) required = row.inputs;
  }
  for (size_t i = 0; i < required; ++i) {
    if (node.has_input(i)) continue;
    Fail(ErrorCode::kInvalidModel, "input {} of {} is missing", i, required);
  }
  const bool optional =
      std::find(kOptionalOutputs.begin(), kOptionalOutputs.end(),
                node.op_type) != kOptionalOutputs.end();
  if (!optional && node.output() == kNoValue) {
    Fail(ErrorCode::kInvalidModel, "its result has no name");
  }
}

void CheckOneType(const InferContext& context, const OneType& row) {
  const Node& node = context.node();
  const DType first = context.dtype(row.first);
  const bool variadic = row.last == SIZE_MAX;
  for (size_t i = row.first; i < node.inputs.size() && i <= row.last; ++i) {
    const DType other = context.dtype(i);
    if (variadic && !node.has_input(i)) {
      Fail(ErrorCode::kInvalidModel, "input {} is missing", i);
    }
    if (other == first || other == DType::kUndefined ||
        first == DType::kUndefined) {
      continue;
    }
    Fail(ErrorCode::kInvalidModel,
         "input '{}' is {} and '{}' is {}, expected one type",
         context.graph().value(node.input(row.first)).name, DTypeName(first),
         context.graph().value(node.input(i)).name, DTypeName(other));
  }
}

}  // namespace

void CheckSignature(const InferContext& context) {
  const Node& node = context.node();
  CheckPresent(node);
  if (!node.domain.empty()) return;
  for (const OneType& row : kOneType) {
    if (row.op_type == node.op_type) CheckOneType(context, row);
  }
}

}  // namespace squint
