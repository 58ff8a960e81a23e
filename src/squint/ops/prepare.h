// The `prepare` functions of the operator rows: from a node with fixed shapes
// to a Step over the float kernels. They live in <family>_prepare.cc beside
// the operator files. Each returns null where no kernel fits (another type,
// a rank nobody uses): the reference runs then.
#ifndef SQUINT_OPS_PREPARE_H_
#define SQUINT_OPS_PREPARE_H_

#include <limits>
#include <memory>
#include <utility>

#include "squint/ops/op.h"

namespace squint {

std::unique_ptr<Step> PrepareConv(const PrepareContext& context);
std::unique_ptr<Step> PrepareGemm(const PrepareContext& context);
std::unique_ptr<Step> PrepareMatMul(const PrepareContext& context);
std::unique_ptr<Step> PrepareStoredGemm(const PrepareContext& context);
std::unique_ptr<Step> PrepareStoredGather(const PrepareContext& context);
std::unique_ptr<Step> PrepareStoredMatMul(const PrepareContext& context);
std::unique_ptr<Step> PrepareUnary(const PrepareContext& context);
std::unique_ptr<Step> PrepareClip(const PrepareContext& context);
std::unique_ptr<Step> PrepareBinary(const PrepareContext& context);
std::unique_ptr<Step> PrepareBatchNormalization(const PrepareContext& context);
std::unique_ptr<Step> PrepareSoftmax(const PrepareContext& context);
std::unique_ptr<Step> PrepareWhere(const PrepareContext& context);
std::unique_ptr<Step> PrepareMatMulAdd(const PrepareContext& context);
std::unique_ptr<Step> PrepareLayerNormalization(const PrepareContext& context);
std::unique_ptr<Step> PrepareGlobalAveragePool(const PrepareContext& context);
std::unique_ptr<Step> PrepareGlobalMaxPool(const PrepareContext& context);
std::unique_ptr<Step> PrepareMaxPool(const PrepareContext& context);
std::unique_ptr<Step> PrepareAveragePool(const PrepareContext& context);
std::unique_ptr<Step> PrepareTranspose(const PrepareContext& context);
std::unique_ptr<Step> PrepareConcat(const PrepareContext& context);
std::unique_ptr<Step> PrepareSplit(const PrepareContext& context);
std::unique_ptr<Step> PrepareSlice(const PrepareContext& context);
std::unique_ptr<Step> PreparePad(const PrepareContext& context);
std::unique_ptr<Step> PrepareGather(const PrepareContext& context);
std::unique_ptr<Step> PrepareExpand(const PrepareContext& context);
std::unique_ptr<Step> PrepareDepthToSpace(const PrepareContext& context);
std::unique_ptr<Step> PrepareSpaceToDepth(const PrepareContext& context);
std::unique_ptr<Step> PrepareResize(const PrepareContext& context);
std::unique_ptr<Step> PrepareReduce(const PrepareContext& context);
std::unique_ptr<Step> PrepareRecurrent(const PrepareContext& context);

// ---- for the prepare functions

// Every present input and every output is float32 and has elements.
inline bool AllFloat(const PrepareContext& context) {
  for (size_t i = 0; i < context.input_dtypes.size(); ++i) {
    if (!context.has(i)) continue;
    if (context.input_dtypes[i] != DType::kFloat32) return false;
    if (ElementCount(context.input_dims[i]) == 0) return false;
  }
  for (size_t i = 0; i < context.output_dtypes.size(); ++i) {
    if (context.output_dtypes[i] == DType::kUndefined) continue;
    if (context.output_dtypes[i] != DType::kFloat32) return false;
    if (ElementCount(context.output_dims[i]) == 0) return false;
  }
  return true;
}

inline std::pair<float, float> ClampOrNone(const PrepareContext& context) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return context.clamp.value_or(std::pair{-kInfinity, kInfinity});
}

inline const float* FloatInput(const StepArgs& args, size_t i) {
  return i < args.inputs.size() ? static_cast<const float*>(args.inputs[i])
                                : nullptr;
}

inline float* FloatOutput(const StepArgs& args, size_t i = 0) {
  return static_cast<float*>(args.outputs[i]);
}

}  // namespace squint

#endif  // SQUINT_OPS_PREPARE_H_
