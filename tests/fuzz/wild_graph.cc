#include "wild_graph.h"

#include <array>
#include <cstdint>
#include <limits>

#include "graph_maker.h"

namespace squint {
namespace {

constexpr std::array<int64_t, 24> kNumbers = {
    0,  1,  2,  3,  -1, -2, 4,  5,  7,   8,   16,        -3,
    17, 64, 21, 22, 10, 13, 63, -9, 255, 512, INT32_MAX, INT64_MIN};
constexpr std::array<int64_t, 6> kHugeNumbers = {
    INT64_MAX, int64_t{1} << 62, int64_t{1} << 32,
    INT32_MIN, -INT64_MAX,       int64_t{1} << 20};
constexpr std::array<float, 10> kReals = {
    0.0f,
    1.0f,
    -1.0f,
    0.5f,
    1e-3f,
    3e38f,
    -3e38f,
    1e-45f,
    std::numeric_limits<float>::infinity(),
    std::numeric_limits<float>::quiet_NaN()};
constexpr std::array<DType, 16> kTypes = {
    DType::kFloat32, DType::kInt64,  DType::kUint8,    DType::kInt8,
    DType::kInt32,   DType::kBool,   DType::kFloat16,  DType::kFloat64,
    DType::kUint4,   DType::kInt4,   DType::kInt2,     DType::kUint16,
    DType::kInt16,   DType::kUint64, DType::kBfloat16, DType::kUint32};
// Keys that many operators read.
constexpr std::array<const char*, 22> kKeys = {
    "axis",       "axes",      "strides",      "pads",         "mode",
    "dilations",  "group",     "auto_pad",     "kernel_shape", "perm",
    "block_size", "keepdims",  "to",           "hidden_size",  "direction",
    "blocksize",  "ceil_mode", "output_dtype", "num_outputs",  "split",
    "epsilon",    "allowzero"};
constexpr std::array<const char*, 10> kWords = {
    "",        "SAME_UPPER", "VALID", "linear",        "reflect",
    "reverse", "nearest",    "CRD",   "align_corners", "\xff'/\"\n"};

int64_t Number(Choices& c) {
  return c.Rarely(24) ? c.OneOf(kHugeNumbers) : c.OneOf(kNumbers);
}

std::vector<int64_t> Numbers(Choices& c) {
  std::vector<int64_t> numbers(c.Index(6));
  for (int64_t& number : numbers) number = Number(c);
  return numbers;
}

// Small, and now and then not a dimension at all.
Dims WildDims(Choices& c) {
  Dims dims(c.Rarely(8) ? 40 : c.Index(6));
  for (int64_t& dim : dims) dim = dims.size() > 6 ? 1 : c.Int(0, 4);
  return dims;
}

Tensor WildTensor(Choices& c) {
  const DType dtype = c.OneOf(kTypes);
  if (IsFloat(dtype)) {
    Tensor reals(DType::kFloat32, WildDims(c));
    for (int64_t i = 0; i < reals.size(); ++i) {
      reals.mutable_data<float>()[i] = c.OneOf(kReals);
    }
    return reals.CastTo(dtype);
  }
  Tensor ints(DType::kInt64, WildDims(c));
  for (int64_t i = 0; i < ints.size(); ++i) {
    ints.mutable_data<int64_t>()[i] = Number(c);
  }
  return ints.CastTo(dtype);
}

// The same tensor, in one respect not.
Tensor Mutated(Choices& c, const Tensor& tensor) {
  switch (c.Int(0, 4)) {
    case 0:
      return WildTensor(c);
    case 1:
      return tensor.CastTo(c.OneOf(kTypes));
    case 2: {
      Dims dims = tensor.dims();
      dims.insert(dims.begin() + static_cast<int64_t>(c.Index(dims.size() + 1)),
                  1);
      return tensor.Reshaped(std::move(dims));
    }
    case 3:
      return tensor.Reshaped({tensor.size()});
    default: {
      if (tensor.dtype() != DType::kInt64 || tensor.size() == 0) {
        return WildTensor(c);
      }
      std::vector<int64_t> values = tensor.ToInts();
      values[c.Index(values.size())] = Number(c);
      return Tensor::Of<int64_t>(tensor.dims(), values);
    }
  }
}

Attribute WildAttribute(Choices& c) {
  switch (c.Int(0, 5)) {
    case 0:
      return Number(c);
    case 1:
      return Numbers(c);
    case 2:
      return std::string(c.OneOf(kWords));
    case 3:
      return c.OneOf(kReals);
    case 4:
      return std::vector<float>(c.Index(5), c.OneOf(kReals));
    default:
      return WildTensor(c);
  }
}

// Another value of the same kind, which gets further than another kind.
Attribute Changed(Choices& c, const Attribute& attribute) {
  if (c.Rarely(40)) return WildAttribute(c);
  if (std::holds_alternative<int64_t>(attribute)) return Number(c);
  if (std::holds_alternative<std::string>(attribute)) {
    return std::string(c.OneOf(kWords));
  }
  if (const auto* list = std::get_if<std::vector<int64_t>>(&attribute)) {
    if (list->empty() || c.Rarely(64)) return Numbers(c);
    std::vector<int64_t> changed = *list;
    changed[c.Index(changed.size())] = Number(c);
    return changed;
  }
  if (const auto* tensor = std::get_if<Tensor>(&attribute)) {
    return Mutated(c, *tensor);
  }
  return attribute;
}

class Wilderness {
 public:
  explicit Wilderness(Choices& choices) : c_(choices) {
    made_.graph.name = c_.Rarely(16) ? "a'b/c\"\n" : "wild";
  }

  WildGraph Make() {
    const int64_t count = c_.Int(1, 5);
    for (int64_t i = 0; i < count; ++i) AddNode();
    for (const ValueId id : results_) made_.graph.AddOutput(id);
    return std::move(made_);
  }

 private:
  ValueId AddInput(const Tensor& value) {
    Shape shape = Shape::Of(value.dims());
    if (c_.Rarely(64)) shape = WildShape(value.rank());
    const DType dtype = c_.Rarely(8) ? c_.OneOf(kTypes) : value.dtype();
    made_.inputs.push_back(value);
    return made_.graph.AddInput("x", dtype, std::move(shape));
  }

  Shape WildShape(int rank) {
    if (c_.Rarely(64)) return {};
    if (c_.Rarely(32)) rank = static_cast<int>(c_.Index(7));
    DimList dims;
    for (int i = 0; i < rank; ++i) {
      const int64_t kind = c_.Int(0, 3);
      dims.push_back(kind == 0   ? Dim::Unknown()
                     : kind == 1 ? Dim::Symbol(c_.Coin() ? "n" : "m")
                                 : Dim(c_.Rarely(8) ? c_.OneOf(kHugeNumbers)
                                                    : c_.Int(0, 9)));
      if (dims.back().value().value_or(0) < 0) dims.back() = Dim::Unknown();
    }
    return dims;
  }

  // One input of the example, as it stands in nine of ten cases.
  ValueId AddInputOf(const OpExample::Input& input) {
    if (!results_.empty() && c_.Rarely(64)) return c_.OneOf(results_);
    if (input.value.empty() || c_.Rarely(6)) return kNoValue;
    const Tensor value = c_.Rarely(20) ? Mutated(c_, input.value) : input.value;
    const bool constant = c_.Rarely(24) ? !input.constant : input.constant;
    return constant ? made_.graph.AddConstant("c", value) : AddInput(value);
  }

  // Old files have as attributes what newer ones have as inputs.
  void MoveToAttribute(Node& node) {
    if (node.inputs.size() < 2) return;
    const Tensor* constant = made_.graph.ConstantOf(node.inputs.back());
    if (constant == nullptr || constant->dtype() != DType::kInt64) return;
    node.attributes[c_.OneOf(kKeys)] = constant->ToInts();
    node.inputs.pop_back();
  }

  void AddNode() {
    const OpExample& example = c_.OneOf(FuzzExamples());
    Node node;
    node.op_type = example.op_type;
    node.domain = example.domain;
    node.attributes = example.attributes;
    for (const OpExample::Input& input : example.inputs) {
      node.inputs.push_back(AddInputOf(input));
    }
    if (c_.Rarely(24)) node.op_type = c_.OneOf(FuzzExamples()).op_type;
    if (c_.Rarely(24)) node.inputs.resize(c_.Index(6), kNoValue);
    if (c_.Rarely(40)) MoveToAttribute(node);
    for (auto& [key, attribute] : node.attributes) {
      if (c_.Rarely(32)) attribute = Changed(c_, attribute);
    }
    if (c_.Rarely(40)) node.attributes[c_.OneOf(kKeys)] = WildAttribute(c_);
    size_t outputs = example.num_outputs;
    if (c_.Rarely(16)) outputs = c_.Index(5);
    for (size_t i = 0; i < outputs; ++i) {
      if (c_.Rarely(6)) {
        node.outputs.push_back(kNoValue);
        continue;
      }
      node.outputs.push_back(made_.graph.AddValue("y"));
      results_.push_back(node.outputs.back());
    }
    made_.graph.AddNode(std::move(node));
  }

  Choices& c_;
  WildGraph made_;
  std::vector<ValueId> results_;
};

}  // namespace

WildGraph MakeWildGraph(Choices& choices) { return Wilderness(choices).Make(); }

}  // namespace squint
