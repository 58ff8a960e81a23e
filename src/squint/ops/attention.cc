// Attention: softmax(scale * Q K^T + bias) V for every head, with a cache of
// past keys and values, grouped heads, masks, causal and windowed sight, and
// a soft cap. Inputs are [batch, heads, length, size], or [batch, length,
// heads * size], and so is the result. Computed in float64, one row of
// scores at a time.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "squint/ops/attention_shape.h"
#include "squint/ops/broadcast.h"
#include "squint/ops/layout.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();

void InferAttention(InferContext& context) {
  for (size_t i = 0; i < context.num_outputs(); ++i) {
    context.SetOutput(i, context.dtype(i == 2 ? kAttentionV : kAttentionQ),
                      Shape());
  }
  const bool has_past = HasPast(context.node());
  const Shape& q = context.shape(kAttentionQ);
  const Shape& k = context.shape(kAttentionK);
  const Shape& v = context.shape(kAttentionV);
  if (!q.has_rank() || !k.has_rank() || !v.has_rank()) return;
  AttentionShape s = AttentionShapeOf(context.node(), q, k, v);
  if (has_past) {
    AddPast(context.shape(kAttentionPastKey),
            context.shape(kAttentionPastValue), s);
  }
  DimList y = {s.batch, s.q_heads, s.q_length, s.v_size};
  if (q.rank() == 3) y = {s.batch, s.q_length, s.q_heads * s.v_size};
  context.SetOutput(0, context.dtype(kAttentionQ), Shape(std::move(y)));
  context.SetOutput(1, context.dtype(kAttentionQ), Shape(s.key()));
  context.SetOutput(2, context.dtype(kAttentionV), Shape(s.value()));
  context.SetOutput(3, context.dtype(kAttentionQ), Shape(s.scores()));
}

// ---- the reference

// The shapes of a run.
struct Sizes {
  int64_t batch, q_heads, kv_heads, q_length, past, total, size, v_size;
};

Sizes SizesOf(const RunContext& context) {
  const auto shape = [&](size_t i) {
    return context.has(i) ? Shape::Of(context.in(i).dims()) : Shape();
  };
  AttentionShape s = AttentionShapeOf(context.node, shape(kAttentionQ),
                                      shape(kAttentionK), shape(kAttentionV));
  if (HasPast(context.node)) {
    AddPast(shape(kAttentionPastKey), shape(kAttentionPastValue), s);
  }
  return {*s.batch.value(),    *s.q_heads.value(), *s.kv_heads.value(),
          *s.q_length.value(), *s.past.value(),    *s.total().value(),
          *s.size.value(),     *s.v_size.value()};
}

// [batch, length, heads * size] as [batch, heads, length, size].
Tensor WithHeads(const Tensor& x, int64_t heads) {
  if (x.rank() == 4) return x;
  return TransposeTensor(
      x.Reshaped({x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {0, 2, 1, 3});
}

Tensor WithoutHeads(const Tensor& x) {
  return TransposeTensor(x, {0, 2, 1, 3})
      .Reshaped({x.dim(0), x.dim(2), x.dim(1) * x.dim(3)});
}

// Past and present along the length, float64.
Tensor Joined(const RunContext& context, size_t past, const Tensor& present) {
  const Tensor now = present.CastTo(DType::kFloat64);
  if (!context.has(past)) return now;
  const Tensor before = context.in(past).CastTo(DType::kFloat64);
  Dims dims = now.dims();
  dims[2] += before.dim(2);
  Tensor joined(DType::kFloat64, dims);
  const int64_t old_run = before.dim(2) * before.dim(3);
  const int64_t new_run = now.dim(2) * now.dim(3);
  double* to = joined.mutable_data<double>();
  for (int64_t i = 0; i < dims[0] * dims[1]; ++i) {
    to = std::copy_n(before.data<double>() + i * old_run, old_run, to);
    to = std::copy_n(now.data<double>() + i * new_run, new_run, to);
  }
  return joined;
}

// What is added to the scores: 0, -infinity for a key out of sight, or the
// number of a float mask.
class Bias {
 public:
  Bias(const RunContext& context, const Sizes& s) : s_(s) {
    const Node& node = context.node;
    causal_ = node.Int("is_causal", 0) != 0;
    left_ = WindowOf(node, "left_window_size");
    right_ = WindowOf(node, "right_window_size");
    if (context.has(kAttentionMask)) ReadMask(context.in(kAttentionMask));
    if (context.has(kAttentionLengths)) {
      ReadLengths(context.in(kAttentionLengths));
    }
  }

  double operator()(int64_t sample, int64_t head, int64_t row,
                    int64_t key) const {
    const int64_t position = row + Offset(sample);
    const bool seen =
        (!causal_ || key <= position) &&
        (left_ < 0 || position - key <= left_) &&
        (right_ < 0 || key - position <= right_) &&
        (lengths_.empty() || key < lengths_[static_cast<size_t>(sample)]);
    return seen ? MaskAt(sample, head, row, key) : kMasked;
  }

 private:
  static int64_t WindowOf(const Node& node, const char* key) {
    const int64_t size = node.Int(key, -1);
    if (size < -1) {
      Fail(ErrorCode::kInvalidModel, "{} is {}, expected -1 or more", key,
           size);
    }
    return size;
  }

  // The valid keys before the first query.
  int64_t Offset(int64_t sample) const {
    return lengths_.empty()
               ? s_.past
               : lengths_[static_cast<size_t>(sample)] - s_.q_length;
  }

  double MaskAt(int64_t sample, int64_t head, int64_t row, int64_t key) const {
    if (mask_.empty()) return 0.0;
    if (key >= mask_keys_) return kMasked;
    return mask_.data<double>()[sample * strides_[0] + head * strides_[1] +
                                row * strides_[2] + key * strides_[3]];
  }

  // A mask may end before the last keys, which then are out of sight.
  void ReadMask(const Tensor& mask) {
    mask_keys_ = mask.rank() == 0 ? s_.total : mask.dims().back();
    const Dims seen = {s_.batch, s_.q_heads, s_.q_length, mask_keys_};
    if (mask.rank() > 4 || mask_keys_ > s_.total ||
        BroadcastDims(mask.dims(), seen) != seen) {
      Fail(ErrorCode::kInvalidModel, "attn_mask is {}, the scores are {}",
           DimsToString(mask.dims()),
           DimsToString(Dims{s_.batch, s_.q_heads, s_.q_length, s_.total}));
    }
    mask_ = mask.CastTo(DType::kFloat64);
    strides_ = BroadcastStrides(mask.dims(), seen);
    if (mask.dtype() != DType::kBool) return;
    double* values = mask_.mutable_data<double>();
    std::transform(values, values + mask_.size(), values,
                   [](double sees) { return sees != 0.0 ? 0.0 : kMasked; });
  }

  void ReadLengths(const Tensor& lengths) {
    if (lengths.dims() != Dims{s_.batch}) {
      Fail(ErrorCode::kInvalidModel, "nonpad_kv_seqlen is {}, expected [{}]",
           DimsToString(lengths.dims()), s_.batch);
    }
    lengths_ = lengths.ToInts();
    for (const int64_t length : lengths_) {
      if (length < 0 || length > s_.total) {
        Fail(ErrorCode::kInvalidModel,
             "nonpad_kv_seqlen has {}, expected 0 to {}", length, s_.total);
      }
    }
  }

  const Sizes& s_;
  bool causal_ = false;
  int64_t left_ = -1;
  int64_t right_ = -1;
  Tensor mask_;  // float64
  Dims strides_;
  int64_t mask_keys_ = 0;
  std::vector<int64_t> lengths_;  // empty: all keys are valid
};

// In place; a row of -infinity becomes zero.
void SoftmaxRow(std::vector<double>& row) {
  const double max = *std::max_element(row.begin(), row.end());
  double sum = 0.0;
  for (double& value : row) {
    value = max == kMasked ? 0.0 : std::exp(value - max);
    sum += value;
  }
  if (sum == 0.0) return;
  for (double& value : row) value /= sum;
}

// Which stage of the scores output 3 shows.
enum Stage : int64_t { kProduct, kCapped, kBiased, kProbabilities };

class AttentionRun {
 public:
  explicit AttentionRun(const RunContext& context)
      : s_(SizesOf(context)),
        q_(WithHeads(context.in(kAttentionQ), s_.q_heads)
               .CastTo(DType::kFloat64)),
        k_(Joined(context, kAttentionPastKey,
                  WithHeads(context.in(kAttentionK), s_.kv_heads))),
        v_(Joined(context, kAttentionPastValue,
                  WithHeads(context.in(kAttentionV), s_.kv_heads))),
        bias_(context, s_),
        y_(DType::kFloat64, {s_.batch, s_.q_heads, s_.q_length, s_.v_size}) {
    const Node& node = context.node;
    const double root = std::sqrt(static_cast<double>(s_.size));
    scale_ = node.FindAttribute("scale") != nullptr
                 ? static_cast<double>(node.Float("scale", 0.0f))
                 : 1.0 / root;
    cap_ = static_cast<double>(node.Float("softcap", 0.0f));
    shown_ = node.Int("qk_matmul_output_mode", kProduct);
    if (shown_ < kProduct || shown_ > kProbabilities) {
      Fail(ErrorCode::kInvalidModel,
           "qk_matmul_output_mode is {}, expected 0 to 3", shown_);
    }
    if (context.node.output(3) != kNoValue) {
      scores_ = Tensor(DType::kFloat64,
                       {s_.batch, s_.q_heads, s_.q_length, s_.total});
    }
  }

  void Run() {
    if (s_.total == 0) return;  // nothing to attend to: zero
    for (int64_t sample = 0; sample < s_.batch; ++sample) {
      for (int64_t head = 0; head < s_.q_heads; ++head) {
        for (int64_t row = 0; row < s_.q_length; ++row) {
          RunRow(sample, head, row);
        }
      }
    }
  }

  const Tensor& y() const { return y_; }
  const Tensor& keys() const { return k_; }
  const Tensor& values() const { return v_; }
  const Tensor& scores() const { return scores_; }

 private:
  // scale * q k^T of one row.
  std::vector<double> Products(int64_t line, int64_t first_key) const {
    std::vector<double> p(static_cast<size_t>(s_.total));
    const double* q = q_.data<double>() + line * s_.size;
    const double* k = k_.data<double>() + first_key * s_.size;
    for (double& score : p) {
      double sum = 0.0;
      for (int64_t i = 0; i < s_.size; ++i) sum += q[i] * *k++;
      score = scale_ * sum;
    }
    return p;
  }

  void RunRow(int64_t sample, int64_t head, int64_t row) {
    const int64_t line = (sample * s_.q_heads + head) * s_.q_length + row;
    const int64_t shared = head / (s_.q_heads / s_.kv_heads);
    const int64_t first_key = (sample * s_.kv_heads + shared) * s_.total;
    std::vector<double> p = Products(line, first_key);
    Show(kProduct, line, p);
    for (double& score : p) {
      if (cap_ > 0) score = cap_ * std::tanh(score / cap_);
    }
    Show(kCapped, line, p);
    const bool blind = AddBias(sample, head, row, p);
    Show(kBiased, line, p);
    if (blind) {
      std::fill(p.begin(), p.end(), 0.0);
    } else {
      SoftmaxRow(p);
    }
    Show(kProbabilities, line, p);
    double* y = y_.mutable_data<double>() + line * s_.v_size;
    const double* v = v_.data<double>() + first_key * s_.v_size;
    for (const double weight : p) {
      for (int64_t i = 0; i < s_.v_size; ++i) y[i] += weight * *v++;
    }
  }

  // True when the row sees no key at all.
  bool AddBias(int64_t sample, int64_t head, int64_t row,
               std::vector<double>& scores) const {
    bool blind = true;
    for (int64_t key = 0; key < s_.total; ++key) {
      const double bias = bias_(sample, head, row, key);
      blind = blind && bias == kMasked;
      scores[static_cast<size_t>(key)] += bias;
    }
    return blind;
  }

  void Show(Stage stage, int64_t line, const std::vector<double>& row) {
    if (scores_.empty() || stage != shown_) return;
    std::copy(row.begin(), row.end(),
              scores_.mutable_data<double>() + line * s_.total);
  }

  Sizes s_;
  Tensor q_;  // all float64, heads split
  Tensor k_;
  Tensor v_;
  Bias bias_;
  Tensor y_;
  Tensor scores_;  // empty unless asked for
  double scale_ = 1.0;
  double cap_ = 0.0;
  int64_t shown_ = kProduct;
};

void RunAttention(RunContext& context) {
  AttentionRun run(context);
  run.Run();
  const DType dtype = context.in(kAttentionQ).dtype();
  const Tensor& y = run.y();
  const std::array<Tensor, 4> results = {
      context.in(kAttentionQ).rank() == 3 ? WithoutHeads(y) : y, run.keys(),
      run.values(), run.scores()};
  for (size_t i = 0; i < results.size(); ++i) {
    if (context.node.output(i) == kNoValue) continue;
    context.outputs[i] =
        results[i].CastTo(i == 2 ? context.in(kAttentionV).dtype() : dtype);
  }
}

// 005: even the product with the values alone loses accuracy in integers.
QuantSpec AttentionRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "attention in one node: its scores and probabilities need more than 8 "
      "bits");
}

}  // namespace

extern constinit const OpDef kAttentionOp = {
    .type = "Attention",
    .since = 23,
    .infer = InferAttention,
    .reference = RunAttention,
    .quantize = AttentionRule,
};

}  // namespace squint
