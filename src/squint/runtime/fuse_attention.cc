#include "squint/runtime/fuse_attention.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/kernels/qelementwise/byte_lines.h"
#include "squint/ops/fused_attention.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/vanishing.h"

namespace squint {
namespace {

using At = FusedAttentionInputs;

// Reads one attention around its softmax, upwards to q and k and downwards to
// the product with v.
class AttentionReader {
 public:
  AttentionReader(const Graph& graph, const VanishingValues& values)
      : graph_(graph), values_(values) {}

  bool Read(NodeId softmax) {
    inputs_.assign(At::kCount, kNoValue);
    last_ = softmax;
    const Node& node = graph_.node(softmax);
    const bool bytes = node.Is("SoftmaxToBytes", "squint");
    if (!IsLastAxis(node) || !IsFloat32(node.input(0))) return false;
    if (bytes) {
      inputs_[At::kMask] = node.input(1);
      SetGrid(At::kProbabilityScale, node.input(2), node.input(3));
    }
    if (!ReadScores(node.input(0)) || !ReadValues(node.output(), bytes)) {
      return false;
    }
    MoveOperands();
    return true;
  }

  // The node that becomes the attention, whose result stays; those that go.
  NodeId last() const { return last_; }
  ValueId result() const { return result_; }
  const std::vector<NodeId>& gone() const { return gone_; }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const Attributes& attributes() const { return attributes_; }

 private:
  bool IsFloat32(ValueId id) const {
    return graph_.value(id).dtype == DType::kFloat32;
  }
  bool IsLastAxis(const Node& softmax) const {
    const Shape& shape = graph_.value(softmax.output()).shape;
    if (!shape.has_rank() || shape.rank() < 2) return false;
    return NormalizeAxis(softmax.Int("axis", -1), shape.rank()) ==
           shape.rank() - 1;
  }
  void SetGrid(size_t at, ValueId scale, ValueId zero) {
    inputs_[at] = scale;
    inputs_[at + 1] = zero;
  }

  // The node that makes a value which vanishes with it.
  const Node* Take(ValueId id) {
    const NodeId maker = values_.MakerOf(id);
    if (maker == kNoNode) return nullptr;
    taken_ = maker;
    return &graph_.node(maker);
  }
  void Keep() { gone_.push_back(taken_); }

  // ---- upwards

  bool ReadScores(ValueId x) {
    ValueId& mask = inputs_[At::kMask];
    if (mask == kNoValue) {
      x = PastMask(x);
    } else if (!IsOfProduct(x)) {
      std::swap(mask, x);
    }
    x = PastFactor(x);
    x = PastBytes(x);
    return x != kNoValue && ReadProduct(x);
  }

  // Whether a product made it, or what is done to scores before their softmax:
  // that operand of a sum is the scores, the other one a mask.
  bool IsOfProduct(ValueId id) const {
    constexpr int kMaxSteps = 4;  // product, Lookup, DequantizeLinear, Div
    for (int step = 0; step < kMaxSteps; ++step) {
      const NodeId maker = values_.MakerOf(id);
      if (maker == kNoNode) return false;
      const Node& node = graph_.node(maker);
      if (node.Is("MatMul") || node.Is("QLinearMatMul") ||
          node.Is("MatMulIntegerToFloat", "com.microsoft")) {
        return true;
      }
      if (node.Is("QLinearAdd", "com.microsoft")) {
        return IsOfProduct(node.input(0)) || IsOfProduct(node.input(3));
      }
      const bool left = graph_.value(node.input(0)).is_constant();
      id = node.Is("Mul") && left ? node.input(1) : node.input(0);
      if (!node.Is("Mul") && !node.Is("Div") && !node.Is("DequantizeLinear") &&
          !node.Is("Lookup", "squint")) {
        return false;
      }
    }
    return false;
  }

  ValueId PastMask(ValueId x) {
    const Node* sum = Take(x);
    if (sum == nullptr || !sum->Is("Add")) return x;
    const bool first = IsOfProduct(sum->input(0));
    if (!first && !IsOfProduct(sum->input(1))) return x;
    inputs_[At::kMask] = sum->input(first ? 1 : 0);
    Keep();
    return sum->input(first ? 0 : 1);
  }

  // One float32, of no more axes than the scores have.
  bool IsNumber(ValueId id, ValueId scores) const {
    const Tensor* number = graph_.ConstantOf(id);
    const Shape& shape = graph_.value(scores).shape;
    return number != nullptr && !graph_.value(id).quant &&
           number->dtype() == DType::kFloat32 && number->size() == 1 &&
           shape.has_rank() && number->rank() <= shape.rank();
  }

  ValueId PastFactor(ValueId x) {
    const Node* scaled = Take(x);
    if (scaled == nullptr || (!scaled->Is("Mul") && !scaled->Is("Div"))) {
      return x;
    }
    const bool right = IsNumber(scaled->input(1), scaled->input(0));
    const bool left =
        scaled->Is("Mul") && IsNumber(scaled->input(0), scaled->input(1));
    if (!right && !left) return x;
    inputs_[At::kFactor] = scaled->input(right ? 1 : 0);
    if (scaled->Is("Div")) attributes_["divides"] = int64_t{1};
    Keep();
    return scaled->input(right ? 0 : 1);
  }

  // Bytes of scores where there are such; kNoValue where they are of a kind
  // that stays.
  ValueId PastBytes(ValueId x) {
    const Node* real = Take(x);
    if (real == nullptr || !real->Is("DequantizeLinear")) return x;
    if (!IsByteGrid(graph_, real->input(1), real->input(2)) ||
        real->Int("block_size", 0) != 0) {
      return kNoValue;
    }
    SetGrid(At::kSumScale, real->input(1), real->input(2));
    Keep();
    return PastTable(PastByteMask(real->input(0)));
  }

  ValueId PastByteMask(ValueId x) {
    const Node* sum = Take(x);
    if (sum == nullptr || !sum->Is("QLinearAdd", "com.microsoft")) return x;
    for (const size_t scale : {1, 4, 6}) {
      if (!IsByteGrid(graph_, sum->input(scale), sum->input(scale + 1))) {
        return x;
      }
    }
    const bool first = IsOfProduct(sum->input(0));
    if ((!first && !IsOfProduct(sum->input(3))) ||
        !SameNumber(sum->input(6), inputs_[At::kSumScale]) ||
        !SameNumber(sum->input(7), inputs_[At::kSumScale + 1])) {
      return x;
    }
    const size_t scores = first ? 0 : 3;
    SetGrid(At::kTermScale, sum->input(scores + 1), sum->input(scores + 2));
    inputs_[At::kByteMask] = sum->input(3 - scores);
    SetGrid(At::kByteMaskScale, sum->input(4 - scores), sum->input(5 - scores));
    if (!first) attributes_["mask_first"] = int64_t{1};
    Keep();
    return sum->input(scores);
  }

  // A table that the kernel can compute.
  ValueId PastTable(ValueId x) {
    const Node* lookup = Take(x);
    if (lookup == nullptr || !lookup->Is("Lookup", "squint") ||
        lookup->FindAttribute("axis") != nullptr) {
      return x;
    }
    const Tensor* table = graph_.ConstantOf(lookup->input(1));
    const DType from = graph_.value(lookup->input(0)).dtype;
    if (table == nullptr || !IsByte(table->dtype()) || !IsByte(from)) return x;
    const Tensor bytes = table->Materialize();
    const auto line =
        FitByteLines(reinterpret_cast<const uint8_t*>(bytes.raw()), 1,
                     from == DType::kInt8, bytes.dtype() == DType::kInt8);
    if (!line || !line->others.empty()) return x;
    inputs_[At::kTable] = lookup->input(1);
    Keep();
    return lookup->input(0);
  }

  bool SameNumber(ValueId a, ValueId b) const {
    const Tensor* x = graph_.ConstantOf(a);
    const Tensor* y = graph_.ConstantOf(b);
    return x != nullptr && y != nullptr && x->dtype() == y->dtype() &&
           x->size() == 1 && y->size() == 1 && x->ToFloats() == y->ToFloats();
  }

  // Matrices that are computed.
  bool IsStack(ValueId id) const {
    const Value& value = graph_.value(id);
    return !value.is_constant() && value.shape.has_rank() &&
           value.shape.rank() >= 2;
  }

  // Scales and zero points of both operands of a product of bytes, at these
  // inputs of `node`; `first` and `second`: where they go.
  bool SetGrids(const Node& node, const std::vector<size_t>& from, size_t first,
                size_t second) {
    for (const size_t i : {size_t{0}, size_t{2}}) {
      if (!IsByteGrid(graph_, node.input(from[i]), node.input(from[i + 1]))) {
        return false;
      }
    }
    SetGrid(first, node.input(from[0]), node.input(from[1]));
    SetGrid(second, node.input(from[2]), node.input(from[3]));
    return true;
  }

  // One of the three products; `y`: where the grid of its bytes goes.
  bool SetProduct(const Node& node, size_t a, size_t b, size_t y) {
    if (node.Is("MatMul")) {
      return node.attributes.empty() && IsFloat32(node.input(0)) &&
             IsFloat32(node.input(1)) && IsFloat32(node.output());
    }
    if (node.Is("MatMulIntegerToFloat", "com.microsoft")) {
      return !node.has_input(6) && SetGrids(node, {2, 4, 3, 5}, a, b);
    }
    if (!node.Is("QLinearMatMul") ||
        !IsByteGrid(graph_, node.input(6), node.input(7))) {
      return false;
    }
    SetGrid(y, node.input(6), node.input(7));
    return SetGrids(node, {1, 2, 4, 5}, a, b);
  }
  static ValueId RightOf(const Node& product) {
    return product.input(product.Is("QLinearMatMul") ? 3 : 1);
  }

  bool ReadProduct(ValueId x) {
    const Node* product = Take(x);
    if (product == nullptr ||
        !SetProduct(*product, At::kQScale, At::kKScale, At::kScoreScale)) {
      return false;
    }
    // Bytes that are dequantized, and nothing else.
    const bool bytes = inputs_[At::kScoreScale] != kNoValue;
    if (bytes != (inputs_[At::kSumScale] != kNoValue)) return false;
    Keep();
    inputs_[At::kQ] = product->input(0);
    inputs_[At::kK] = RightOf(*product);
    return IsStack(inputs_[At::kQ]) && IsStack(inputs_[At::kK]);
  }

  // ---- downwards

  bool ReadValues(ValueId p, bool bytes) {
    const NodeId id = values_.ReaderOf(p);
    if (id == kNoNode) return false;
    const Node& product = graph_.node(id);
    const ValueId scale = inputs_[At::kProbabilityScale];
    const ValueId zero = inputs_[At::kProbabilityScale + 1];
    const ValueId v = RightOf(product);
    if (product.input(0) != p || v == p || v == kNoValue || !IsStack(v) ||
        product.Is("MatMul") == bytes ||
        !SetProduct(product, At::kProbabilityScale, At::kVScale, At::kYScale) ||
        (bytes && (!SameNumber(scale, inputs_[At::kProbabilityScale]) ||
                   !SameNumber(zero, inputs_[At::kProbabilityScale + 1])))) {
      return false;
    }
    gone_.push_back(last_);
    last_ = id;
    inputs_[At::kV] = v;
    result_ = product.output();
    return true;
  }

  // ---- Transposes

  // Keeps elements of the last axis together.
  static bool KeepsRows(const std::vector<int64_t>& perm) {
    return !perm.empty() &&
           perm.back() == static_cast<int64_t>(perm.size()) - 1;
  }

  void MoveOperand(size_t input, std::string_view key) {
    const Node* moved = Take(inputs_[input]);
    if (moved == nullptr || !moved->Is("Transpose")) return;
    const std::vector<int64_t> perm = moved->Ints("perm");
    if (perm.empty() || (input != At::kK && !KeepsRows(perm)) ||
        graph_.value(moved->input(0)).is_constant()) {
      return;
    }
    Keep();
    inputs_[input] = moved->input(0);
    attributes_[std::string(key)] = perm;
  }

  void MoveOperands() {
    MoveOperand(At::kQ, "q_perm");
    MoveOperand(At::kK, "k_perm");
    MoveOperand(At::kV, "v_perm");
    const NodeId next = values_.ReaderOf(result_);
    if (next == kNoNode || !graph_.node(next).Is("Transpose")) return;
    const std::vector<int64_t> perm = graph_.node(next).Ints("perm");
    if (!KeepsRows(perm)) return;
    gone_.push_back(next);
    result_ = graph_.node(next).output();
    attributes_["y_perm"] = perm;
  }

  const Graph& graph_;
  const VanishingValues& values_;
  NodeId taken_ = kNoNode;
  NodeId last_ = kNoNode;
  ValueId result_ = kNoValue;
  std::vector<NodeId> gone_;
  std::vector<ValueId> inputs_;
  Attributes attributes_;
};

void Become(Graph& graph, const AttentionReader& found) {
  for (const NodeId id : found.gone()) graph.RemoveNode(id);
  const NodeId last = found.last();
  const ValueId made = graph.node(last).output();
  Node& node = graph.node(last);
  node.op_type = "FusedAttention";
  node.domain = "squint";
  node.inputs = found.inputs();
  node.attributes = found.attributes();
  if (made == found.result()) return;
  graph.SetProducer(found.result(), last, 0);
  graph.value(made).producer = kNoNode;
}

}  // namespace

void FuseAttention(Graph& graph) {
  const VanishingValues values(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.removed ||
        (!node.Is("Softmax") && !node.Is("SoftmaxToBytes", "squint"))) {
      continue;
    }
    AttentionReader reader(graph, values);
    if (reader.Read(id)) Become(graph, reader);
  }
  graph.Compact();
}

}  // namespace squint
