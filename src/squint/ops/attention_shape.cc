#include "squint/ops/attention_shape.h"

#include <array>

#include "squint/base/error.h"

namespace squint {
namespace {

// Batch, heads, length, size of Q, K or V.
using HeadDims = std::array<Dim, 4>;

HeadDims SplitHeads(const Node& node, const Shape& shape, const char* heads) {
  if (shape.rank() == 4) return {shape[0], shape[1], shape[2], shape[3]};
  const int64_t count = node.Int(heads, 0);
  if (count < 1) {
    Fail(ErrorCode::kInvalidModel, "{} is {}; an input {} needs it", heads,
         count, shape.ToString());
  }
  const auto width = shape[2].value();
  if (width && *width % count != 0) {
    Fail(ErrorCode::kInvalidModel, "{}={} does not divide the width of {}",
         heads, count, shape.ToString());
  }
  return {shape[0], Dim(count), shape[1], FloorDiv(shape[2], Dim(count))};
}

// Two dimensions that must be one: the known one of them.
Dim Agree(const char* what, const Dim& a, const Dim& b) {
  if (a.value() && b.value() && *a.value() != *b.value()) {
    Fail(ErrorCode::kInvalidModel, "inputs differ in {}: {} and {}", what,
         *a.value(), *b.value());
  }
  return a.value() || b.is_unknown() ? a : b;
}

void CheckRanks(const Shape& q, const Shape& k, const Shape& v) {
  const int rank = q.rank();
  if ((rank != 3 && rank != 4) || k.rank() != rank || v.rank() != rank) {
    Fail(ErrorCode::kInvalidModel,
         "Q, K and V are {}, {} and {}, expected all of rank 3 or 4",
         q.ToString(), k.ToString(), v.ToString());
  }
}

void CheckGroups(const AttentionShape& s) {
  const auto q = s.q_heads.value();
  const auto kv = s.kv_heads.value();
  if (q && kv && (*kv < 1 || *q % *kv != 0)) {
    Fail(ErrorCode::kInvalidModel,
         "{} query heads are no multiple of {} key heads", *q, *kv);
  }
}

}  // namespace

void AddPast(const Shape& past_key, const Shape& past_value,
             AttentionShape& s) {
  s.past = Dim::Unknown();
  for (const Shape* past : {&past_key, &past_value}) {
    if (!past->has_rank()) continue;
    if (past->rank() != 4) {
      Fail(ErrorCode::kInvalidModel, "a past of {}, expected rank 4",
           past->ToString());
    }
    Agree("batch", s.batch, (*past)[0]);
    Agree("heads of the past", s.kv_heads, (*past)[1]);
    s.past = Agree("past length", s.past, (*past)[2]);
    Agree("head size of the past", past == &past_key ? s.size : s.v_size,
          (*past)[3]);
  }
}

AttentionShape AttentionShapeOf(const Node& node, const Shape& q,
                                const Shape& k, const Shape& v) {
  CheckRanks(q, k, v);
  const HeadDims query = SplitHeads(node, q, "q_num_heads");
  const HeadDims key = SplitHeads(node, k, "kv_num_heads");
  const HeadDims value = SplitHeads(node, v, "kv_num_heads");
  AttentionShape s;
  s.batch = Agree("batch", query[0], Agree("batch", key[0], value[0]));
  s.q_heads = query[1];
  s.kv_heads = Agree("key and value heads", key[1], value[1]);
  s.q_length = query[2];
  s.kv_length = Agree("key and value length", key[2], value[2]);
  s.size = Agree("head size", query[3], key[3]);
  s.v_size = value[3];
  CheckGroups(s);
  return s;
}

bool HasPast(const Node& node) {
  const bool key = node.has_input(kAttentionPastKey);
  if (key != node.has_input(kAttentionPastValue)) {
    Fail(ErrorCode::kInvalidModel,
         "past_key and past_value are only allowed together");
  }
  if (key && node.has_input(kAttentionLengths)) {
    Fail(ErrorCode::kInvalidModel,
         "nonpad_kv_seqlen is not allowed beside past_key");
  }
  return key;
}

}  // namespace squint
