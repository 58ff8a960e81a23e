// RotaryEmbedding: pairs of numbers in each head, (x1, x2), turned by the
// angle of their position:
//   y1 = cos x1 - sin x2,  y2 = sin x1 + cos x2.
// Pairs are neighbours (interleaved) or lie half the rotated part apart.
#include <vector>

#include "squint/ops/in_float64.h"
#include "squint/ops/index.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

constexpr size_t kX = 0, kCos = 1, kSin = 2, kPositions = 3;

// x is [batch, heads, length, size] or [batch, length, heads * size].
struct Rotation {
  int64_t batch = 0;
  int64_t heads = 0;
  int64_t length = 0;
  int64_t size = 0;
  int64_t rotated = 0;  // leading numbers of each head that turn; even
  bool heads_first = false;
  bool interleaved = false;

  int64_t HeadAt(int64_t sample, int64_t head, int64_t position) const {
    return (heads_first ? (sample * heads + head) * length + position
                        : (sample * length + position) * heads + head) *
           size;
  }
};

// Those that num_heads names for rank 3; 0 for rank 4, where X tells.
int64_t HeadsOf(const Node& node, const Shape& x) {
  if (x.rank() != 3 && x.rank() != 4) {
    Fail(ErrorCode::kInvalidModel, "X is {}, expected rank 3 or 4",
         x.ToString());
  }
  if (x.rank() == 4) return 0;
  const int64_t heads = node.Int("num_heads", 0);
  const auto width = x[2].value();
  if (heads < 1 || (width && *width % heads != 0)) {
    Fail(ErrorCode::kInvalidModel,
         "num_heads is {}, expected a divisor of the last axis of {}", heads,
         x.ToString());
  }
  return heads;
}

void InferRotaryEmbedding(InferContext& context) {
  if (context.shape(kX).has_rank()) HeadsOf(context.node(), context.shape(kX));
  context.SameAsInput();
}

Rotation ReadRotation(const Node& node, const Dims& x) {
  Rotation r;
  const int64_t named = HeadsOf(node, Shape::Of(x));
  r.heads_first = x.size() == 4;
  r.heads = r.heads_first ? x[1] : named;
  r.batch = x[0];
  r.length = r.heads_first ? x[2] : x[1];
  r.size = r.heads_first ? x[3] : x[2] / r.heads;
  r.rotated = node.Int("rotary_embedding_dim", 0);
  if (r.rotated == 0) r.rotated = r.size;
  r.interleaved = node.Int("interleaved", 0) != 0;
  if (r.rotated < 0 || r.rotated > r.size || r.rotated % 2 != 0) {
    Fail(ErrorCode::kInvalidModel,
         "{} numbers of each head turn, expected an even count up to {}",
         r.rotated, r.size);
  }
  return r;
}

// Rows of rotated / 2 numbers, alike in both caches: by position, else one
// for each sample and place, or one sample's for all.
void CheckCaches(const RunContext& context, const Rotation& r) {
  const Dims& cos = context.in(kCos).dims();
  const bool by_position = context.has(kPositions);
  const Dims expected = {r.batch, r.length, r.rotated / 2};
  const Dims shared = {1, r.length, r.rotated / 2};
  const bool fits = by_position ? cos.size() == 2 && cos[1] == r.rotated / 2
                                : cos == expected || cos == shared;
  if (!fits || cos != context.in(kSin).dims()) {
    Fail(ErrorCode::kInvalidModel,
         "cos_cache is {} and sin_cache {}, expected {}", DimsToString(cos),
         DimsToString(context.in(kSin).dims()),
         by_position ? fmt::format("[any,{}]", r.rotated / 2)
                     : DimsToString(expected));
  }
}

// The row of the caches for each sample and place.
std::vector<int64_t> CacheRows(const RunContext& context, const Rotation& r) {
  const Dims& cos = context.in(kCos).dims();
  std::vector<int64_t> rows;
  if (!context.has(kPositions)) {
    for (int64_t i = 0; i < r.batch * r.length; ++i) {
      rows.push_back(cos[0] == 1 ? i % r.length : i);
    }
    return rows;
  }
  const Tensor& positions = context.in(kPositions);
  if (positions.dims() != Dims{r.batch, r.length}) {
    Fail(ErrorCode::kInvalidModel, "position_ids are {}, expected {}",
         DimsToString(positions.dims()), DimsToString(Dims{r.batch, r.length}));
  }
  for (const int64_t position : positions.ToInts()) {
    rows.push_back(CheckedIndex(position, cos[0]));
  }
  return rows;
}

void TurnHead(const Rotation& r, const double* cos, const double* sin,
              double* x) {
  const int64_t half = r.rotated / 2;
  for (int64_t i = 0; i < half; ++i) {
    double& a = x[r.interleaved ? 2 * i : i];
    double& b = x[r.interleaved ? 2 * i + 1 : i + half];
    const double turned = cos[i] * a - sin[i] * b;
    b = sin[i] * a + cos[i] * b;
    a = turned;
  }
}

void RunRotaryEmbedding(RunContext& context) {
  const Rotation r = ReadRotation(context.node, context.in(kX).dims());
  CheckCaches(context, r);
  const std::vector<int64_t> rows = CacheRows(context, r);
  Tensor y = context.in(kX).Clone();
  double* out = y.mutable_data<double>();
  for (int64_t sample = 0; sample < r.batch; ++sample) {
    for (int64_t position = 0; position < r.length; ++position) {
      const int64_t at =
          rows[static_cast<size_t>(sample * r.length + position)] *
          (r.rotated / 2);
      for (int64_t head = 0; head < r.heads; ++head) {
        TurnHead(r, context.in(kCos).data<double>() + at,
                 context.in(kSin).data<double>() + at,
                 out + r.HeadAt(sample, head, position));
      }
    }
  }
  context.outputs[0] = std::move(y);
}

}  // namespace

extern constinit const OpDef kRotaryEmbeddingOp = {
    .type = "RotaryEmbedding",
    .since = 23,
    .infer = InferRotaryEmbedding,
    .reference = InFloat64<RunRotaryEmbedding>,
    .integer_reference = DequantizedReference<InFloat64<RunRotaryEmbedding>>,
    .quantize = ActivationRule,
};

}  // namespace squint
