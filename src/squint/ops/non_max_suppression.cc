// NonMaxSuppression: for every sample and class, boxes in the order of their
// scores, each dropped when it overlaps one taken before. Boxes of equal
// score come in the order of the input. All in float32, as ONNX Runtime does
// it, because a threshold decides.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "squint/ops/op.h"

namespace squint {
namespace {

constexpr size_t kBoxes = 0, kScores = 1, kLimit = 2, kIouThreshold = 3,
                 kScoreThreshold = 4;

struct Box {
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // x1 <= x2, y1 <= y2

  float area() const { return (x2 - x1) * (y2 - y1); }
};

// [y1, x1, y2, x2] with any two opposite corners, or [x, y, width, height]
// around a centre.
Box ReadBox(const float* values, bool centred) {
  if (!centred) {
    return {std::min(values[1], values[3]), std::min(values[0], values[2]),
            std::max(values[1], values[3]), std::max(values[0], values[2])};
  }
  const float half_width = values[2] / 2;
  const float half_height = values[3] / 2;
  return {values[0] - half_width, values[1] - half_height,
          values[0] + half_width, values[1] + half_height};
}

// Intersection over union is greater than the threshold.
bool Overlap(const Box& a, const Box& b, float threshold) {
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(width > 0) || !(height > 0)) return false;
  const float shared = width * height;
  const float all = a.area() + b.area() - shared;
  if (!(shared > 0) || !(a.area() > 0) || !(b.area() > 0) || !(all > 0)) {
    return false;
  }
  return shared / all > threshold;
}

struct Thresholds {
  int64_t limit = 0;  // boxes per sample and class
  float iou = 0.0f;
  float score = -std::numeric_limits<float>::infinity();
  bool has_score = false;

  bool Takes(float value) const {
    return has_score ? value > score : !std::isnan(value);
  }
};

const Tensor* OptionalNumber(const RunContext& context, size_t input,
                             const char* what) {
  if (!context.has(input) || context.in(input).size() == 0) return nullptr;
  if (context.in(input).size() != 1) {
    Fail(ErrorCode::kInvalidModel, "{} is {}, expected one number", what,
         DimsToString(context.in(input).dims()));
  }
  return &context.in(input);
}

Thresholds ReadThresholds(const RunContext& context) {
  Thresholds thresholds;
  if (const Tensor* limit =
          OptionalNumber(context, kLimit, "max_output_boxes_per_class")) {
    thresholds.limit = std::max<int64_t>(limit->ToInts()[0], 0);
  }
  if (const Tensor* iou =
          OptionalNumber(context, kIouThreshold, "iou_threshold")) {
    thresholds.iou = iou->ToFloats()[0];
  }
  if (!(thresholds.iou >= 0.0f && thresholds.iou <= 1.0f)) {
    Fail(ErrorCode::kInvalidModel, "iou_threshold is {}, expected 0 to 1",
         thresholds.iou);
  }
  if (const Tensor* score =
          OptionalNumber(context, kScoreThreshold, "score_threshold")) {
    thresholds.score = score->ToFloats()[0];
    thresholds.has_score = true;
  }
  return thresholds;
}

// The boxes worth looking at, best first.
std::vector<int64_t> Candidates(std::span<const float> scores,
                                const Thresholds& thresholds) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (thresholds.Takes(scores[i])) order.push_back(static_cast<int64_t>(i));
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  return order;
}

std::vector<int64_t> Select(const std::vector<Box>& boxes,
                            std::span<const float> scores,
                            const Thresholds& thresholds) {
  std::vector<int64_t> taken;
  for (const int64_t box : Candidates(scores, thresholds)) {
    if (static_cast<int64_t>(taken.size()) >= thresholds.limit) break;
    const bool hidden =
        std::any_of(taken.begin(), taken.end(), [&](int64_t better) {
          return Overlap(boxes[static_cast<size_t>(box)],
                         boxes[static_cast<size_t>(better)], thresholds.iou);
        });
    if (!hidden) taken.push_back(box);
  }
  return taken;
}

// boxes [batch, n, 4], scores [batch, classes, n], as far as they are known.
void CheckShapes(const Shape& boxes, const Shape& scores) {
  const auto differ = [](const Dim& a, const Dim& b) {
    return a.value() && b.value() && *a.value() != *b.value();
  };
  const bool ranks_known = boxes.has_rank() && scores.has_rank();
  if ((boxes.has_rank() && (boxes.rank() != 3 || differ(boxes[2], 4))) ||
      (scores.has_rank() && scores.rank() != 3) ||
      (ranks_known &&
       (differ(boxes[0], scores[0]) || differ(boxes[1], scores[2])))) {
    Fail(ErrorCode::kInvalidModel,
         "boxes are {} and scores {}, expected [batch,n,4] and "
         "[batch,classes,n]",
         boxes.ToString(), scores.ToString());
  }
}

bool IsCentred(const Node& node) {
  const int64_t format = node.Int("center_point_box", 0);
  if (format != 0 && format != 1) {
    Fail(ErrorCode::kInvalidModel, "center_point_box is {}, expected 0 or 1",
         format);
  }
  return format == 1;
}

void InferNonMaxSuppression(InferContext& context) {
  CheckShapes(context.shape(kBoxes), context.shape(kScores));
  IsCentred(context.node());
  context.SetOutput(0, DType::kInt64, Shape({Dim::Unknown(), Dim(3)}));
}

void RunNonMaxSuppression(RunContext& context) {
  const Dims& scores = context.in(kScores).dims();
  CheckShapes(Shape::Of(context.in(kBoxes).dims()), Shape::Of(scores));
  const bool centred = IsCentred(context.node);
  const Thresholds thresholds = ReadThresholds(context);
  const std::vector<float> corners = context.in(kBoxes).ToFloats();
  const std::vector<float> values = context.in(kScores).ToFloats();
  const auto count = static_cast<size_t>(scores[2]);
  std::vector<int64_t> selected;
  std::vector<Box> boxes(count);
  for (int64_t line = 0; line < scores[0] * scores[1]; ++line) {
    const auto sample = static_cast<size_t>(line / scores[1]);
    for (size_t i = 0; i < count; ++i) {
      boxes[i] = ReadBox(&corners[(sample * count + i) * 4], centred);
    }
    const std::span<const float> own(
        values.data() + static_cast<size_t>(line) * count, count);
    for (const int64_t box : Select(boxes, own, thresholds)) {
      selected.insert(selected.end(),
                      {line / scores[1], line % scores[1], box});
    }
  }
  context.outputs[0] = Tensor::Of<int64_t>(
      {static_cast<int64_t>(selected.size()) / 3, 3}, selected);
}

QuantSpec NonMaxSuppressionRule(const QuantizeQuery&) {
  return QuantSpec::Float(
      "compares scores and overlaps: steps would make ties of them");
}

}  // namespace

extern constinit const OpDef kNonMaxSuppressionOp = {
    .type = "NonMaxSuppression",
    .since = 11,
    .infer = InferNonMaxSuppression,
    .reference = RunNonMaxSuppression,
    .quantize = NonMaxSuppressionRule,
};

}  // namespace squint
