// The targets as data: for each runtime, the operators that it executes in
// integers when Q/DQ stand around them, and the types that let it do so.
// x86 and arm follow what ONNX Runtime was measured to fuse: an operator that
// is not listed runs in float there, whatever stands around it.
#include <algorithm>
#include <array>

#include "squint/interchange/interchange.h"

namespace squint {
namespace {

using OperatorSet = std::set<std::string, std::less<>>;

// Executed on integers by ONNX Runtime's CPU provider. Relu and Clip are
// there because a range that clips already makes them vanish.
OperatorSet OnnxRuntimeOperators() {
  return {// with kernels of their own
          "Conv", "MatMul", "Gemm", "Add", "Mul", "Concat", "Where",
          "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu", "Softmax",
          // moving or comparing 8-bit elements, with equal parameters
          "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Slice",
          "Expand", "Tile", "Gather", "GatherElements", "MaxPool", "ReduceMax",
          "ReduceMin", "Resize", "DepthToSpace", "Split", "ArgMax",
          // absorbed by the range of their result
          "Relu", "Clip",
          // in float, on weights that are stored as integers
          "LSTM", "GRU"};
}

// TensorRT: what has int8 kernels with zero point 0; pointwise operators are
// fused into their neighbours.
OperatorSet TensorRtOperators() {
  return {"Conv",      "ConvTranspose", "MatMul",
          "Gemm",      "Add",           "Mul",
          "Concat",    "AveragePool",   "GlobalAveragePool",
          "MaxPool",   "Resize",        "Reshape",
          "Transpose", "Squeeze",       "Unsqueeze",
          "Flatten",   "Slice",         "Split",
          "Gather",    "Relu",          "Clip"};
}

constexpr const char* kFloatElsewhere =
    "Q/DQ stand also around operators that ONNX Runtime runs in float: the "
    "file is valid ONNX, but fast only on Squint's own engine; use --preset "
    "x86 or arm for ONNX Runtime";

const std::array<Target, 5>& Targets() {
  static const std::array<Target, 5> targets = {{
      {.name = "x86", .operators = OnnxRuntimeOperators()},
      {.name = "arm",
       .activation = DType::kInt8,
       .operators = OnnxRuntimeOperators()},
      {.name = "tensorrt",
       .activation = DType::kInt8,
       .symmetric_activation = true,
       .unit_range_outputs = false,
       .quantize_bias = false,
       .operators = TensorRtOperators(),
       .note = "symmetric activations: ONNX Runtime runs what follows a Relu "
               "in float; use --preset x86 or arm there"},
      {.name = "squint", .all_integer = true, .note = kFloatElsewhere},
      {.name = "edge",
       .activation = DType::kInt8,
       .all_integer = true,
       .note = "for `squint emit`; `squint run --arithmetic fixed` gives the "
               "same bytes"},
  }};
  return targets;
}

}  // namespace

const Target& FindTarget(std::string_view name) {
  const auto& targets = Targets();
  const auto it =
      std::find_if(targets.begin(), targets.end(),
                   [&](const Target& target) { return target.name == name; });
  if (it == targets.end()) {
    std::string known;
    for (const Target& target : targets) {
      known += (known.empty() ? "" : ", ") + target.name;
    }
    Fail(ErrorCode::kInvalidArgument, "no target '{}'; there are: {}", name,
         known);
  }
  return *it;
}

std::vector<std::string_view> TargetNames() {
  std::vector<std::string_view> names;
  for (const Target& target : Targets()) names.push_back(target.name);
  return names;
}

}  // namespace squint
