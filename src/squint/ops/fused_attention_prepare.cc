// The step of squint::FusedAttention: strides in place of its Transposes, and
// what the integer kernels need of its scales.
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "squint/kernels/attention/attention.h"
#include "squint/kernels/qelementwise/byte_lines.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/broadcast.h"
#include "squint/ops/fused_attention.h"
#include "squint/ops/prepare.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/row_operands.h"

namespace squint {
namespace {

using At = FusedAttentionInputs;

// A stack of matrices as the axes of a strided tensor.
struct Strided {
  Dims dims;
  Dims strides;

  int64_t row_stride() const { return strides[strides.size() - 2]; }
  int64_t column_stride() const { return strides.back(); }
  Dims batch() const { return Dims(dims.begin(), dims.end() - 2); }
};

// `dims` as they lie in memory, seen through a Transpose if there is one.
Strided InputView(const Node& node, const char* key, const Dims& dims) {
  Strided view{dims, StridesOf(dims)};
  if (node.FindAttribute(key) == nullptr) return view;
  const std::vector<int64_t> perm = node.Ints(key);
  return {Permuted(dims, perm), Permuted(view.strides, perm)};
}

// The result of the product, where it lies behind the Transpose.
Strided OutputView(const Node& node, Dims dims, const Dims& stored) {
  const Dims strides = StridesOf(stored);
  Strided view{std::move(dims), strides};
  if (node.FindAttribute("y_perm") == nullptr) return view;
  const std::vector<int64_t> perm = node.Ints("y_perm");
  for (size_t i = 0; i < perm.size(); ++i) {
    view.strides[static_cast<size_t>(perm[i])] = strides[i];
  }
  return view;
}

// Where the matrices of a stack begin, for each of a batch that its own axes
// are broadcast to.
std::vector<int64_t> OffsetsIn(const Strided& view, const Dims& batch) {
  return StridedBatchOffsets(view.batch(), view.strides, batch);
}

// A mask as one that has all rows and keys of the scores; nullopt where it
// would make more rows or keys.
std::optional<Strided> MaskView(const Dims& mask, const Dims& scores) {
  Dims dims = mask;
  while (dims.size() < 2) dims.insert(dims.begin(), 1);
  if (dims.size() > scores.size() || BroadcastDims(dims, scores) != scores) {
    return std::nullopt;
  }
  Strided view{dims, StridesOf(dims)};
  for (size_t i = dims.size() - 2; i < dims.size(); ++i) {
    if (dims[i] == 1) view.strides[i] = 0;
  }
  return view;
}

// A stack that the step finds at one of its inputs.
struct StackAt {
  size_t input = 0;
  MatrixStack stack;
  std::vector<int64_t> offsets;

  StackAt() = default;
  StackAt(size_t at, const Strided& view, const Dims& batch)
      : input(at), offsets(OffsetsIn(view, batch)) {
    stack.row_stride = view.row_stride();
    stack.column_stride = view.column_stride();
  }
  MatrixStack In(const StepArgs& args) const {
    MatrixStack result = stack;
    if (offsets.empty()) return result;
    result.data = args.inputs[input];
    result.offsets = offsets.data();
    return result;
  }
};

struct FusedAttentionPlan {
  AttentionArgs args;  // but for what stands below
  StackAt q, k, v, mask, byte_mask;
  std::vector<int64_t> y_offsets;
  std::optional<QLinearProduct> first;
  std::optional<QLinearProduct> second;
  std::optional<ByteScores> byte_scores;
};

class FusedAttentionStep : public Step {
 public:
  FusedAttentionStep(FusedAttentionPlan plan, int threads)
      : plan_(std::move(plan)) {
    const Bound bound(plan_);
    scratch_ = AttentionScratch(bound.args, threads);
  }

  void Run(const StepArgs& args) const override {
    const Bound bound(plan_, args);
    Attention(bound.args, args.pool);
  }
  size_t scratch_bytes() const override { return scratch_; }

 private:
  static std::optional<ByteProduct> ProductOf(
      const std::optional<QLinearProduct>& p) {
    if (!p) return std::nullopt;
    return ByteProduct{{p->x.zero, p->x.is_signed},
                       {p->weight.zeros[0], p->weight_is_signed},
                       RequantizationOf(*p, false)};
  }

  // The arguments, which point into this.
  struct Bound {
    explicit Bound(const FusedAttentionPlan& plan)
        : first(ProductOf(plan.first)),
          second(ProductOf(plan.second)),
          args(plan.args) {
      args.first = first ? &*first : nullptr;
      args.second = second ? &*second : nullptr;
      args.byte_scores = plan.byte_scores ? &*plan.byte_scores : nullptr;
      args.y_offsets = plan.y_offsets.data();
    }
    Bound(const FusedAttentionPlan& plan, const StepArgs& in) : Bound(plan) {
      args.q = plan.q.In(in);
      args.k = plan.k.In(in);
      args.v = plan.v.In(in);
      args.mask = plan.mask.In(in);
      args.byte_mask = plan.byte_mask.In(in);
      args.y = in.outputs[0];
      args.scratch = in.scratch;
    }
    Bound(const Bound&) = delete;
    Bound& operator=(const Bound&) = delete;

    std::optional<ByteProduct> first;
    std::optional<ByteProduct> second;
    AttentionArgs args;
  };

  FusedAttentionPlan plan_;
  size_t scratch_ = 0;
};

// What the inputs of a node say, for sizes at hand.
class Planner {
 public:
  explicit Planner(const PrepareContext& context)
      : context_(context), node_(context.node) {}

  std::optional<FusedAttentionPlan> Plan() {
    if (!SetViews() || !SetMask() || !SetFactor() || !SetFirst() ||
        !SetSecond()) {
      return std::nullopt;
    }
    return std::move(plan_);
  }

 private:
  bool has(size_t input) const { return context_.has(input); }
  bool IsReal(size_t input) const {
    return context_.input_dtypes[input] == DType::kFloat32;
  }
  // The grid whose scale is at `scale`, of numbers of the zero point's type.
  std::optional<ByteGrid> GridAt(size_t scale) const {
    if (!has(scale) || !has(scale + 1)) return std::nullopt;
    return ByteGridOf(context_, scale, scale + 1,
                      context_.input_dtypes[scale + 1]);
  }

  bool SetViews() {
    const auto& in = context_.input_dims;
    for (const size_t i : {At::kQ, At::kK, At::kV}) {
      if (in[i].size() < 2 || ElementCount(in[i]) == 0) return false;
    }
    const Strided q = InputView(node_, "q_perm", in[At::kQ]);
    const Strided k = InputView(node_, "k_perm", in[At::kK]);
    const Strided v = InputView(node_, "v_perm", in[At::kV]);
    Dims batch =
        BroadcastBatch(BroadcastBatch(q.batch(), k.batch()), v.batch());
    for (const size_t mask : {At::kByteMask, At::kMask}) {
      if (in[mask].size() < 2) continue;
      batch = BroadcastBatch(batch, Dims(in[mask].begin(), in[mask].end() - 2));
    }
    const AttentionDims dims{q.dims, k.dims, v.dims};
    scores_ = batch;
    scores_.insert(scores_.end(), {dims.rows(), dims.keys()});
    Dims made = batch;
    made.insert(made.end(), {dims.rows(), dims.value_size()});
    if (ElementCount(made) != ElementCount(context_.output_dims[0])) {
      return false;
    }
    const Strided y = OutputView(node_, made, context_.output_dims[0]);
    for (const Strided* rows : {&q, &v, &y}) {
      if (rows->column_stride() != 1) return false;
    }
    AttentionArgs& args = plan_.args;
    args.batch = ElementCount(batch);
    args.rows = dims.rows();
    args.keys = dims.keys();
    args.size = dims.size();
    args.value_size = dims.value_size();
    args.y_stride = y.row_stride();
    plan_.q = StackAt(At::kQ, q, batch);
    plan_.k = StackAt(At::kK, k, batch);
    plan_.v = StackAt(At::kV, v, batch);
    plan_.y_offsets = OffsetsIn(y, batch);
    return true;
  }

  std::optional<StackAt> MaskAt(size_t input) const {
    const auto view = MaskView(context_.input_dims[input], scores_);
    if (!view || ElementCount(view->dims) == 0) return std::nullopt;
    return StackAt(input, *view, Dims(scores_.begin(), scores_.end() - 2));
  }

  bool SetMask() {
    if (!has(At::kMask)) return true;
    const auto mask = MaskAt(At::kMask);
    if (!mask || !IsReal(At::kMask)) return false;
    plan_.mask = *mask;
    return true;
  }

  bool SetFactor() {
    if (!has(At::kFactor)) return true;
    const Tensor* factor = context_.constants[At::kFactor];
    if (factor == nullptr || !IsReal(At::kFactor)) return false;
    const float number = factor->ToFloats()[0];
    int exponent = 0;
    // What a power of two divides exactly, its inverse multiplies as exactly.
    const bool is_power = std::fabs(std::frexp(number, &exponent)) == 0.5f &&
                          std::abs(exponent) < 100;
    const bool divides = node_.Int("divides", 0) != 0;
    plan_.args.factor = {
        divides && !is_power ? ScoreFactor::kOver : ScoreFactor::kTimes,
        divides && is_power ? 1.0f / number : number};
    return true;
  }

  // By the columns' store where the result is bytes.
  std::optional<QLinearProduct> ProductOf(const ByteGrid& a, const ByteGrid& b,
                                          const std::optional<ByteGrid>& y,
                                          int64_t columns,
                                          int64_t depth) const {
    const float step = a.scale * b.scale;
    QLinearProduct product{a, y, {{b.scale}, {b.zero}}, b.is_signed, {}, {}};
    product.multipliers = {y ? step / y->scale : step};
    if (!FitsInt32(product, depth)) return std::nullopt;
    if (!y) return product;
    return ByOutput(std::move(product),
                    std::vector<int32_t>(static_cast<size_t>(columns), 0));
  }

  bool SetFirst() {
    if (!has(At::kQScale)) return IsReal(At::kQ) && IsReal(At::kK);
    const auto q = GridAt(At::kQScale);
    const auto k = GridAt(At::kKScale);
    const auto y = GridAt(At::kScoreScale);
    if (!q || !k || y.has_value() != has(At::kScoreScale)) return false;
    plan_.first = ProductOf(*q, *k, y, plan_.args.keys, plan_.args.size);
    return plan_.first && (!y || SetByteScores(*y));
  }

  bool SetByteScores(const ByteGrid& scores) {
    const auto sum = GridAt(At::kSumScale);
    if (!sum) return false;
    ByteScores made;
    made.is_signed = scores.is_signed;
    made.grid = *sum;
    if (has(At::kTable) && !SetLine(scores.is_signed, made)) return false;
    if (has(At::kByteMask) && !SetByteMask(*sum, made)) return false;
    plan_.byte_scores = made;
    return true;
  }

  bool SetLine(bool is_signed, ByteScores& scores) const {
    const Tensor* table = context_.constants[At::kTable];
    if (table == nullptr || !IsByte(table->dtype())) return false;
    const auto line =
        FitByteLines(reinterpret_cast<const uint8_t*>(table->raw()), 1,
                     is_signed, table->dtype() == DType::kInt8);
    if (!line || !line->others.empty()) return false;
    scores.line = {line->slope[0], line->intercept[0], line->low, line->high};
    return true;
  }

  // As AddBytes adds them.
  bool SetByteMask(const ByteGrid& sum, ByteScores& scores) {
    const auto term = GridAt(At::kTermScale);
    const auto grid = GridAt(At::kByteMaskScale);
    const auto mask = MaskAt(At::kByteMask);
    if (!term || !grid || !mask) return false;
    scores.scores_first = node_.Int("mask_first", 0) == 0;
    const bool one_number = mask->stack.column_stride == 0;
    scores.addition = scores.scores_first
                          ? AdditionOf(*term, *grid, sum, true)
                          : AdditionOf(*grid, *term, sum, !one_number);
    scores.addition.added_is_signed = grid->is_signed;
    plan_.byte_mask = *mask;
    return true;
  }

  bool SetSecond() {
    const bool real = context_.output_dtypes[0] == DType::kFloat32;
    if (!has(At::kVScale)) return IsReal(At::kV) && real;
    const auto probabilities = GridAt(At::kProbabilityScale);
    const auto v = GridAt(At::kVScale);
    const auto y = GridAt(At::kYScale);
    if (!probabilities || !v || y.has_value() == real) return false;
    plan_.args.probabilities = *probabilities;
    plan_.second = ProductOf(*probabilities, *v, y, plan_.args.value_size,
                             plan_.args.keys);
    return plan_.second.has_value();
  }

  const PrepareContext& context_;
  const Node& node_;
  Dims scores_;
  FusedAttentionPlan plan_;
};

}  // namespace

std::unique_ptr<Step> PrepareFusedAttention(const PrepareContext& context) {
  auto plan = Planner(context).Plan();
  if (!plan) return nullptr;
  return std::make_unique<FusedAttentionStep>(*std::move(plan),
                                              context.threads);
}

}  // namespace squint
