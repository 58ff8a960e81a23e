#include "squint/ops/qlinear_form.h"

#include <algorithm>
#include <array>

#include "squint/base/error.h"

namespace squint {
namespace {

// An operand that lies with its scale and zero point from `at` on.
QLinearOperand Triple(const Node& node, size_t at,
                      std::optional<int> axis = {}) {
  QLinearOperand operand{.data = at, .scale = at + 1, .axis = axis};
  if (node.has_input(at + 2)) operand.zero_point = at + 2;
  return operand;
}

void SetResult(const Node& node, size_t scale, QLinearForm& form) {
  if (node.has_input(scale)) form.scale = scale;
  if (node.has_input(scale + 1)) form.zero_point = scale + 1;
}

void SetBias(const Node& node, size_t bias, QLinearForm& form) {
  if (node.has_input(bias)) {
    form.inputs.push_back({.data = bias, .bias = true});
  }
}

QLinearForm ConvForm(const Node& node) {
  QLinearForm form;
  form.op_type = "Conv";
  form.inputs = {Triple(node, 0), Triple(node, 3, 0)};
  SetBias(node, 8, form);
  SetResult(node, 6, form);
  return form;
}

QLinearForm MatMulForm(const Node& node) {
  QLinearForm form;
  form.op_type = "MatMul";
  form.inputs = {Triple(node, 0, -2), Triple(node, 3, -1)};
  SetResult(node, 6, form);
  return form;
}

// A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias.
QLinearForm MatMulToFloatForm(const Node& node) {
  QLinearForm form;
  form.op_type = "MatMul";
  for (size_t i = 0; i < 2; ++i) {
    QLinearOperand operand{
        .data = i, .scale = i + 2, .axis = static_cast<int>(i) - 2};
    if (node.has_input(i + 4)) operand.zero_point = i + 4;
    form.inputs.push_back(operand);
  }
  if (node.has_input(6)) form.added = 6;
  return form;
}

QLinearForm GemmForm(const Node& node) {
  QLinearForm form;
  form.op_type = "Gemm";
  const bool transposed = node.Int("transB", 0) != 0;
  form.inputs = {Triple(node, 0), Triple(node, 3, transposed ? 0 : 1)};
  form.alpha = node.Float("alpha", 1.0f);
  SetBias(node, 6, form);
  SetResult(node, 7, form);
  return form;
}

QLinearForm BinaryForm(const Node& node, std::string_view op_type) {
  QLinearForm form;
  form.op_type = op_type;
  form.inputs = {Triple(node, 0), Triple(node, 3)};
  SetResult(node, 6, form);
  return form;
}
QLinearForm AddForm(const Node& node) { return BinaryForm(node, "Add"); }
QLinearForm MulForm(const Node& node) { return BinaryForm(node, "Mul"); }

QLinearForm UnaryForm(const Node& node, std::string_view op_type) {
  QLinearForm form;
  form.op_type = op_type;
  form.inputs = {Triple(node, 0)};
  SetResult(node, 3, form);
  return form;
}
QLinearForm SigmoidForm(const Node& node) { return UnaryForm(node, "Sigmoid"); }
QLinearForm LeakyReluForm(const Node& node) {
  return UnaryForm(node, "LeakyRelu");
}
QLinearForm AveragePoolForm(const Node& node) {
  return UnaryForm(node, "AveragePool");
}
QLinearForm GlobalAveragePoolForm(const Node& node) {
  return UnaryForm(node, "GlobalAveragePool");
}

QLinearForm SoftmaxForm(const Node& node) {
  QLinearForm form = UnaryForm(node, "Softmax");
  if (node.Int("opset", 13) < 13) form.flatten_from = node.Int("axis", 1);
  return form;
}

// y_scale, y_zero_point, then one triple for each part.
QLinearForm ConcatForm(const Node& node) {
  QLinearForm form;
  form.op_type = "Concat";
  SetResult(node, 0, form);
  for (size_t i = 2; i + 1 < node.inputs.size(); i += 3) {
    form.inputs.push_back(Triple(node, i));
  }
  return form;
}

QLinearForm WhereForm(const Node& node) {
  QLinearForm form;
  form.op_type = "Where";
  form.inputs = {{.data = 0}, Triple(node, 1), Triple(node, 4)};
  SetResult(node, 7, form);
  return form;
}

struct Entry {
  std::string_view op_type;
  QLinearForm (*form)(const Node&);
};

constexpr std::array kEntries = {
    Entry{"MatMulIntegerToFloat", MatMulToFloatForm},
    Entry{"QGemm", GemmForm},
    Entry{"QLinearAdd", AddForm},
    Entry{"QLinearAveragePool", AveragePoolForm},
    Entry{"QLinearConcat", ConcatForm},
    Entry{"QLinearConv", ConvForm},
    Entry{"QLinearGlobalAveragePool", GlobalAveragePoolForm},
    Entry{"QLinearLeakyRelu", LeakyReluForm},
    Entry{"QLinearMatMul", MatMulForm},
    Entry{"QLinearMul", MulForm},
    Entry{"QLinearSigmoid", SigmoidForm},
    Entry{"QLinearSoftmax", SoftmaxForm},
    Entry{"QLinearWhere", WhereForm},
};

bool IsKnownDomain(const Node& node) {
  if (node.domain == "com.microsoft") return true;
  return node.domain.empty() &&
         (node.op_type == "QLinearConv" || node.op_type == "QLinearMatMul");
}

}  // namespace

std::optional<QLinearForm> QLinearFormOf(const Node& node) {
  const auto* entry = std::find_if(
      kEntries.begin(), kEntries.end(),
      [&](const Entry& known) { return known.op_type == node.op_type; });
  if (entry == kEntries.end() || !IsKnownDomain(node)) return std::nullopt;
  QLinearForm form = entry->form(node);
  form.attributes = node.attributes;
  form.channels_last = node.Int("channels_last", 0) != 0;
  for (const char* key : {"channels_last", "opset"}) {
    form.attributes.erase(std::string(key));
  }
  if (form.flatten_from) form.attributes["axis"] = int64_t{-1};
  return form;
}

namespace {

void CheckHasChannels(int rank) {
  if (rank >= 2) return;
  Fail(ErrorCode::kInvalidModel,
       "channels_last needs samples and channels, the input has rank {}", rank);
}

}  // namespace

Dims Permuted(const Dims& dims, const std::vector<int64_t>& perm) {
  Dims result;
  for (const int64_t axis : perm) {
    result.push_back(dims[static_cast<size_t>(axis)]);
  }
  return result;
}

Shape Permuted(const Shape& shape, const std::vector<int64_t>& perm) {
  DimList dims;
  for (const int64_t axis : perm) dims.push_back(shape[static_cast<int>(axis)]);
  return Shape(std::move(dims));
}

std::vector<int64_t> ChannelsFirst(int rank) {
  CheckHasChannels(rank);
  std::vector<int64_t> perm = {0};
  perm.push_back(rank - 1);
  for (int axis = 1; axis + 1 < rank; ++axis) perm.push_back(axis);
  return perm;
}

std::vector<int64_t> ChannelsLast(int rank) {
  CheckHasChannels(rank);
  std::vector<int64_t> perm = {0};
  for (int axis = 2; axis < rank; ++axis) perm.push_back(axis);
  perm.push_back(1);
  return perm;
}

}  // namespace squint
