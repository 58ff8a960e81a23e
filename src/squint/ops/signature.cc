#include "squint/ops/signature.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace squint {
namespace {

// What an operator's inputs must be, a letter each:
//   r real (floating), f float32, n number (floating or integer), i integer
//   of any width, s a list or a single int32 or int64 (a shape: what sizes
//   follow from, which inference reads), b bool, a anything;
//   capital: all inputs of this letter have one type, of I or of J.
//   ? behind it: may be left out; *: any number of them.
// Wider than the standard where the reference is.
struct Signature {
  std::string_view inputs;
  std::string_view op_types;
};
constexpr Signature kSignatures[] = {
    {"r",
     "AveragePool Celu Det Elu Gelu GlobalAveragePool GlobalLpPool Hardmax "
     "HardSigmoid HardSwish LRN LeakyRelu LogSoftmax LpNormalization LpPool "
     "MeanVarianceNormalization Mish Selu SiLU Sigmoid Softmax Softplus "
     "Softsign Swish Tanh ThresholdedRelu"},
    {"f", "DynamicQuantizeLinear"},
    {"n",
     "Abs Acos Acosh ArgMax ArgMin Asin Asinh Atan Atanh Ceil Cos Cosh Erf "
     "Exp Floor GlobalMaxPool IsInf IsNaN Log MaxPool Neg Reciprocal Relu "
     "Round Scaler Shrink Sign Sin Sinh Sqrt Tan"},
    {"i", "BitwiseNot BlackmanWindow HammingWindow HannWindow"},
    {"s", "ConstantOfShape"},
    {"b", "If Not"},
    {"a",
     "Cast DepthToSpace EyeLike Flatten Identity NonZero Requantize Shape Size "
     "SpaceToDepth Transpose Unique"},
    {"aa", "CastLike"},
    {"AA", "Equal"},
    {"NN",
     "Add Div Greater GreaterOrEqual Less LessOrEqual MatMul Mod Mul PRelu "
     "Sub"},
    {"nn", "Pow"},
    {"bb", "And Or Xor"},
    {"bAA", "Where"},
    {"II", "BitShift BitwiseAnd BitwiseOr BitwiseXor"},
    {"NN*", "Einsum Max Mean Min Sum"},
    {"AA*", "Concat"},
    {"aa*", "Scan"},
    {"NNN", "Range"},
    {"NNN?", "Gemm"},
    {"NN?N?", "Clip"},
    {"RRR?", "Conv ConvTranspose"},
    {"RRRR?R?", "DeformConv"},
    {"IJI?J?", "ConvInteger MatMulInteger"},
    {"ii", "Lookup"},
    {"I", "NhwcMaxPool"},
    {"iiirr", "MelWeightMatrix"},
    {"ri?i?", "DFT"},
    {"rir?i?", "STFT"},
    {"RRRR?i?R?", "GRU RNN"},
    {"RRRR?i?R?R?R?", "LSTM"},
    {"rrra?r?r?i?", "Attention"},
    {"rrri?", "RotaryEmbedding"},
    {"rr", "MaxRoiPool RMSNormalization"},
    {"rri", "RoiAlign"},
    {"rrs?r?r?", "NonMaxSuppression"},
    {"rrr", "GroupNormalization InstanceNormalization"},
    {"rrr?", "LayerNormalization"},
    {"rrrrr", "BatchNormalization"},
    {"ris?", "MaxUnpool"},
    {"rs", "AffineGrid"},
    {"nr", "GridSample Upsample"},
    {"nr?r?s?", "Resize"},
    {"nna", "OneHot"},
    {"ns", "CumSum TopK"},
    {"as?",
     "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean "
     "ReduceMin ReduceProd ReduceSum ReduceSumSquare Split Squeeze Trilu"},
    {"as", "Expand Reshape Tile Unsqueeze"},
    {"ai", "Gather GatherElements GatherND ReverseSequence"},
    {"ass", "Col2Im"},
    {"asss?s?", "Slice"},
    {"ab", "Compress"},
    {"ar?b?", "Dropout"},
    {"AiA", "Scatter ScatterElements ScatterND"},
    {"AAi?", "TensorScatter"},
    {"AsA?s?", "Pad"},
    {"", "Constant"},
    {"i?b?a*", "Loop"},
    {"aaa?", "QuantizeLinear"},
    {"ArA?", "DequantizeLinear"},
    {"IirI?", "GatherBlockQuantized"},
    {"RiRa?i?R?", "MatMulNBits"},
    {"fIJf?i?f?f?f?fIfJ", "DynamicQuantizeLSTM"},
    {"fIrI?r?", "DynamicQuantizeMatMul"},
    {"IJrrI?J?r?", "MatMulIntegerToFloat"},
    {"IJrrI?J?r?rif?", "MatMulIntegerToBytes"},
    {"ff?ri", "SoftmaxToBytes"},
    {"fff?f?", "MatMulAdd"},
    {"fff?f?f?ri", "LayerNormalizationToBytes"},
    {"IrI", "GlobalAveragePoolToFloat"},
    {"aaaf?f?r?i?r?i?r?i?i?r?i?i?r?i?r?i?r?i?r?i?r?i?", "FusedAttention"},
    {"IrIJrJi?r?i?", "QGemm"},
    {"IrI?JrJ?ri?", "QLinearAdd QLinearMul"},
    {"IrI?ri?",
     "QLinearAveragePool QLinearGlobalAveragePool QLinearLeakyRelu "
     "QLinearSigmoid QLinearSoftmax"},
    {"ria?*", "QLinearConcat"},
    {"IrIJrJri", "QLinearMatMul"},
    {"IrIJrJrii?", "QLinearConv"},
    {"IrIJrJrii?iriri", "QLinearConvAdd"},
    {"IrIJrJrii?a?*", "QLinearConvChain"},
    {"IrIJrJrii?r?i?", "QLinearConvGlobalAveragePool"},
    {"IrIJrJrii?i?r?i?r?i?i?", "QLinearConvChannels"},
    {"ii", "CopyChannels"},
    {"bIrI?JrJ?ri?", "QLinearWhere"},
    {"ffffr?i?", "LSTMSteps"},
    {"fffff?r?i?", "GRUSteps"},
};

// Operators with more results than one, and how many. Without a name may be
// any of them, or any but the first.
struct Results {
  std::string_view op_type;
  size_t most = SIZE_MAX;
  bool first_too = true;
};
constexpr Results kResults[] = {
    {"Attention", 4, false},
    {"BatchNormalization", 3, false},
    {"Dropout", 2, false},
    {"DynamicQuantizeLSTM", 3},
    {"DynamicQuantizeLinear", 3, false},
    {"GRU", 2},
    {"GRUSteps", 2},
    {"If"},
    {"LSTM", 3},
    {"LSTMSteps", 3},
    {"LayerNormalization", 3, false},
    {"LayerNormalizationToBytes", 2, false},
    {"Loop"},
    {"MaxPool", 2, false},
    {"RNN", 2},
    {"Scan"},
    {"Split"},
    {"TopK", 2},
    {"Unique", 4, false},
};

// One letter of a signature.
struct Slot {
  char letter = 'a';
  bool optional = false;
  bool repeats = false;
};

std::vector<Slot> SlotsOf(std::string_view inputs) {
  std::vector<Slot> slots;
  for (const char c : inputs) {
    if (c == '?') {
      slots.back().optional = true;
    } else if (c == '*') {
      slots.back().repeats = true;
    } else {
      slots.push_back({c});
    }
  }
  return slots;
}

using SlotsByType = std::map<std::string_view, std::vector<Slot>, std::less<>>;

SlotsByType ReadSignatures() {
  SlotsByType all;
  for (const Signature& row : kSignatures) {
    for (std::string_view types = row.op_types; !types.empty();) {
      const size_t end = std::min(types.find(' '), types.size());
      all[types.substr(0, end)] = SlotsOf(row.inputs);
      types.remove_prefix(std::min(end + 1, types.size()));
    }
  }
  return all;
}

// Null for an operator that is not listed.
const std::vector<Slot>* SlotsOfOp(std::string_view op_type) {
  static const SlotsByType all = ReadSignatures();
  const auto it = all.find(op_type);
  return it == all.end() ? nullptr : &it->second;
}

char Lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a')
                                        : letter;
}

// "" when an input of this type may stand there, else what is expected.
std::string_view Expected(char letter, DType dtype) {
  switch (Lower(letter)) {
    case 'r':
      return IsFloat(dtype) ? "" : "a floating type";
    case 'f':
      return dtype == DType::kFloat32 ? "" : "float32";
    case 'n':
      return IsFloat(dtype) || IsInteger(dtype) ? "" : "numbers";
    case 'i':
    case 'j':
      return IsInteger(dtype) ? "" : "integers";
    case 's':
      return dtype == DType::kInt64 || dtype == DType::kInt32
                 ? ""
                 : "int64 or int32";
    case 'b':
      return dtype == DType::kBool ? "" : "bool";
    default:
      return "";
  }
}

class SignatureCheck {
 public:
  SignatureCheck(const InferContext& context, std::span<const Slot> slots)
      : context_(context), node_(context.node()), slots_(slots) {}

  void Run() {
    const bool endless = !slots_.empty() && slots_.back().repeats;
    if (!endless && node_.inputs.size() > slots_.size()) {
      Fail(ErrorCode::kInvalidModel, "{} inputs, the operator takes up to {}",
           node_.inputs.size(), slots_.size());
    }
    for (size_t i = 0; i < slots_.size(); ++i) {
      const size_t end =
          slots_[i].repeats ? std::max(i + 1, node_.inputs.size()) : i + 1;
      for (size_t input = i; input < end; ++input) {
        CheckInput(input, slots_[i]);
      }
    }
  }

 private:
  std::string_view NameOf(size_t input) const {
    return context_.graph().value(node_.input(input)).name;
  }

  void CheckInput(size_t i, const Slot& slot) {
    if (!node_.has_input(i)) {
      if (slot.optional || (slot.repeats && i >= node_.inputs.size())) return;
      Fail(ErrorCode::kInvalidModel, "input {} of {} is missing", i,
           std::count_if(slots_.begin(), slots_.end(),
                         [](const Slot& s) { return !s.optional; }));
    }
    const DType dtype = context_.dtype(i);
    if (dtype == DType::kUndefined) return;
    if (const auto expected = Expected(slot.letter, dtype); !expected.empty()) {
      Fail(ErrorCode::kInvalidModel, "input '{}' is {}, expected {}", NameOf(i),
           DTypeName(dtype), expected);
    }
    if (const Shape& shape = context_.shape(i);
        slot.letter == 's' && shape.has_rank() && shape.rank() > 1) {
      Fail(ErrorCode::kInvalidModel, "input '{}' is {}, expected a list",
           NameOf(i), shape.ToString());
    }
    if (Lower(slot.letter) == slot.letter) return;
    const auto [first, is_new] = first_.emplace(slot.letter, i);
    const DType other = context_.dtype(first->second);
    if (is_new || other == dtype) return;
    Fail(ErrorCode::kInvalidModel,
         "input '{}' is {} and '{}' is {}, expected one type",
         NameOf(first->second), DTypeName(other), NameOf(i), DTypeName(dtype));
  }

  const InferContext& context_;
  const Node& node_;
  std::span<const Slot> slots_;
  std::map<char, size_t> first_;  // the first input of each capital letter
};

void CheckResults(const InferContext& context) {
  const Node& node = context.node();
  Results results{node.op_type, 1, false};
  for (const Results& row : kResults) {
    if (row.op_type == node.op_type) results = row;
  }
  const bool named =
      results.first_too
          ? std::any_of(node.outputs.begin(), node.outputs.end(),
                        [](ValueId output) { return output != kNoValue; })
          : node.output() != kNoValue;
  if (!named) Fail(ErrorCode::kInvalidModel, "its result has no name");
  for (size_t i = results.most; i < node.outputs.size(); ++i) {
    if (node.output(i) == kNoValue) continue;
    Fail(ErrorCode::kInvalidModel, "names '{}' as result {} of {}",
         context.graph().value(node.output(i)).name, i + 1, results.most);
  }
}

}  // namespace

void CheckSignature(const InferContext& context) {
  const std::vector<Slot>* slots = SlotsOfOp(context.node().op_type);
  if (slots == nullptr) return;
  SignatureCheck(context, *slots).Run();
  CheckResults(context);
}

void RequireFirst(const Node& node) {
  if (node.input(0) == kNoValue) {
    Fail(ErrorCode::kInvalidModel, "input 0 is missing");
  }
  if (node.output() == kNoValue) {
    Fail(ErrorCode::kInvalidModel, "its result has no name");
  }
}

bool HasSignature(std::string_view op_type) {
  return SlotsOfOp(op_type) != nullptr;
}

}  // namespace squint
