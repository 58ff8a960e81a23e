// Operators that move elements, of any type of whole bytes, as strided copies.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/copy/copy.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

// Bytes of an element, 0 where elements share a byte or have no fixed size.
size_t ElementBytes(DType dtype) {
  const int bits = BitsOf(dtype);
  return bits == 8 || bits == 16 || bits == 32 || bits == 64
             ? static_cast<size_t>(bits) / 8
             : 0;
}

// One box of an input that goes to one box of an output.
struct Move {
  CopyPlan plan;
  size_t input = 0;
  size_t output = 0;
  int64_t from = 0;  // first element
  int64_t to = 0;
};

class MoveStep : public Step {
 public:
  MoveStep(std::vector<Move> moves, size_t element_bytes)
      : moves_(std::move(moves)), element_bytes_(element_bytes) {}

  void Run(const StepArgs& args) const override {
    for (const Move& move : moves_) {
      Copy(
          move.plan, element_bytes_,
          At(static_cast<const std::byte*>(args.inputs[move.input]), move.from),
          At(static_cast<std::byte*>(args.outputs[move.output]), move.to),
          args.pool);
    }
  }

 protected:
  template <typename Byte>
  Byte* At(Byte* base, int64_t element) const {
    return base + element * static_cast<int64_t>(element_bytes_);
  }
  size_t element_bytes() const { return element_bytes_; }

 private:
  std::vector<Move> moves_;
  size_t element_bytes_;
};

std::unique_ptr<Step> MakeMoves(const PrepareContext& context,
                                std::vector<Move> moves) {
  const size_t bytes = ElementBytes(context.output_dtypes[0]);
  for (const Move& move : moves) {
    if (!move.plan.valid) return nullptr;
  }
  if (bytes == 0) return nullptr;
  return std::make_unique<MoveStep>(std::move(moves), bytes);
}

// Fills the output with one element, then moves the input's box into it.
class PadStep : public MoveStep {
 public:
  PadStep(std::vector<Move> moves, size_t element_bytes, int64_t count,
          bool has_fill)
      : MoveStep(std::move(moves), element_bytes),
        count_(count),
        has_fill_(has_fill) {}

  void Run(const StepArgs& args) const override {
    auto* out = static_cast<std::byte*>(args.outputs[0]);
    const auto* fill =
        static_cast<const std::byte*>(has_fill_ ? args.inputs[2] : nullptr);
    const size_t bytes = element_bytes();
    const size_t all = static_cast<size_t>(count_) * bytes;
    if (fill == nullptr) {
      std::memset(out, 0, all);
    } else if (all > 0) {
      // What is filled already, once more behind it.
      std::memcpy(out, fill, bytes);
      for (size_t done = bytes; done < all; done *= 2) {
        std::memcpy(out + done, out, std::min(done, all - done));
      }
    }
    MoveStep::Run(args);
  }

 private:
  int64_t count_;
  bool has_fill_;
};

// Slices of an axis, picked by indices that may be computed.
class GatherStep : public Step {
 public:
  GatherStep(const Dims& data, int axis, const Dims& indices, bool wide,
             size_t element_bytes)
      : size_(data[static_cast<size_t>(axis)]),
        wanted_(ElementCount(indices)),
        wide_(wide) {
    outer_ = ElementCount(std::span(data).first(static_cast<size_t>(axis)));
    slice_bytes_ = static_cast<size_t>(ElementCount(std::span(data).subspan(
                       static_cast<size_t>(axis) + 1))) *
                   element_bytes;
  }

  void Run(const StepArgs& args) const override {
    const auto* data = static_cast<const std::byte*>(args.inputs[0]);
    auto* out = static_cast<std::byte*>(args.outputs[0]);
    for (int64_t o = 0; o < outer_; ++o) {
      for (int64_t i = 0; i < wanted_; ++i) {
        const auto from =
            static_cast<size_t>(o * size_ + IndexAt(args.inputs[1], i));
        const auto to = static_cast<size_t>(o * wanted_ + i);
        std::memcpy(out + to * slice_bytes_, data + from * slice_bytes_,
                    slice_bytes_);
      }
    }
  }

 private:
  int64_t IndexAt(const void* indices, int64_t i) const {
    const int64_t given =
        wide_ ? static_cast<const int64_t*>(indices)[i]
              : int64_t{static_cast<const int32_t*>(indices)[i]};
    const int64_t index = given < 0 ? given + size_ : given;
    if (index < 0 || index >= size_) {
      Fail(ErrorCode::kInvalidModel, "index {} is outside an axis of {}", given,
           size_);
    }
    return index;
  }

  int64_t outer_ = 1;
  int64_t size_;
  int64_t wanted_;
  size_t slice_bytes_ = 0;
  bool wide_;
};

// Constant integers of an attribute-like input; nullopt when computed.
std::optional<std::vector<int64_t>> ConstantInts(const PrepareContext& context,
                                                 size_t i) {
  if (i >= context.constants.size() || context.constants[i] == nullptr) {
    return std::nullopt;
  }
  return context.constants[i]->ToInts();
}

// Boxes along one axis, one behind the other.
Move PartMove(const Dims& whole, const Dims& part, size_t axis, int64_t start,
              bool join) {
  const Dims whole_strides = StridesOf(whole);
  const Dims part_strides = StridesOf(part);
  const int64_t offset = start * whole_strides[axis];
  if (join)
    return {CopyPlan(part, part_strides, whole_strides), 0, 0, 0, offset};
  return {CopyPlan(part, whole_strides, part_strides), 0, 0, offset, 0};
}

// `x` seen as `dims`, its axes permuted.
std::unique_ptr<Step> MakePermutation(const PrepareContext& context,
                                      const Dims& dims,
                                      std::span<const int64_t> perm) {
  const Dims strides = StridesOf(dims);
  Dims from, to;
  for (const int64_t axis : perm) {
    from.push_back(strides[static_cast<size_t>(axis)]);
    to.push_back(dims[static_cast<size_t>(axis)]);
  }
  return MakeMoves(context, {Move{CopyPlan(to, from, StridesOf(to))}});
}

}  // namespace

std::unique_ptr<Step> PrepareTranspose(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  std::vector<int64_t> perm = context.node.Ints("perm");
  if (context.node.FindAttribute("perm") == nullptr) {
    perm.resize(x.size());
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  return MakePermutation(context, x, perm);
}

std::unique_ptr<Step> PrepareDepthToSpace(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const int64_t b = context.node.Int("blocksize", 1);
  const int64_t depth = x[1] / (b * b);
  if (context.node.String("mode", "DCR") == "CRD") {
    return MakePermutation(context, {x[0], depth, b, b, x[2], x[3]},
                           Dims{0, 1, 4, 2, 5, 3});
  }
  return MakePermutation(context, {x[0], b, b, depth, x[2], x[3]},
                         Dims{0, 3, 4, 1, 5, 2});
}

std::unique_ptr<Step> PrepareSpaceToDepth(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const int64_t b = context.node.Int("blocksize", 1);
  const bool depth_first = context.node.String("mode", "DCR") == "CRD";
  return MakePermutation(
      context, {x[0], x[1], x[2] / b, b, x[3] / b, b},
      depth_first ? Dims{0, 1, 3, 5, 2, 4} : Dims{0, 3, 5, 1, 2, 4});
}

std::unique_ptr<Step> PrepareExpand(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const Dims& y = context.output_dims[0];
  const Dims x_strides = StridesOf(x);
  Dims strides(y.size(), 0);
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t axis = y.size() - x.size() + i;
    if (x[i] != 1) strides[axis] = x_strides[i];
  }
  return MakeMoves(context, {Move{CopyPlan(y, strides, StridesOf(y))}});
}

std::unique_ptr<Step> PrepareConcat(const PrepareContext& context) {
  const Dims& y = context.output_dims[0];
  const auto axis = static_cast<size_t>(
      NormalizeAxis(context.node.Int("axis", 0), static_cast<int>(y.size())));
  std::vector<Move> moves;
  int64_t start = 0;
  for (size_t i = 0; i < context.input_dims.size(); ++i) {
    const Dims& part = context.input_dims[i];
    if (context.input_dtypes[i] != context.output_dtypes[0]) return nullptr;
    moves.push_back(PartMove(y, part, axis, start, true));
    moves.back().input = i;
    start += part[axis];
  }
  return MakeMoves(context, std::move(moves));
}

std::unique_ptr<Step> PrepareSplit(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const auto axis = static_cast<size_t>(
      NormalizeAxis(context.node.Int("axis", 0), static_cast<int>(x.size())));
  std::vector<Move> moves;
  int64_t start = 0;
  for (size_t j = 0; j < context.output_dims.size(); ++j) {
    // The size of a part that nobody wants is not known.
    if (context.output_dtypes[j] == DType::kUndefined) return nullptr;
    const Dims& part = context.output_dims[j];
    moves.push_back(PartMove(x, part, axis, start, false));
    moves.back().output = j;
    start += part[axis];
  }
  if (start != x[axis]) return nullptr;
  return MakeMoves(context, std::move(moves));
}

std::unique_ptr<Step> PrepareSlice(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const auto starts = ConstantInts(context, 1);
  auto axes = ConstantInts(context, 3);
  auto steps = ConstantInts(context, 4);
  if (!starts || (context.has(3) && !axes) || (context.has(4) && !steps)) {
    return nullptr;
  }
  if (!axes) {
    axes.emplace(starts->size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!steps) steps.emplace(starts->size(), 1);
  Dims strides = StridesOf(x);
  int64_t offset = 0;
  for (size_t i = 0; i < starts->size(); ++i) {
    const auto axis = static_cast<size_t>(
        NormalizeAxis((*axes)[i], static_cast<int>(x.size())));
    const int64_t step = (*steps)[i];
    // Forwards from [0, size], backwards from [-1, size - 1]; how many
    // elements follow is the output's size, already inferred.
    int64_t start = (*starts)[i];
    if (start < 0) start = std::max(start, -x[axis] - 1) + x[axis];
    start = step > 0 ? std::clamp<int64_t>(start, 0, x[axis])
                     : std::clamp<int64_t>(start, -1, x[axis] - 1);
    offset += start * strides[axis];
    strides[axis] *= step;
  }
  const Dims& y = context.output_dims[0];
  if (ElementCount(y) == 0) offset = 0;
  return MakeMoves(context,
                   {Move{CopyPlan(y, strides, StridesOf(y)), 0, 0, offset, 0}});
}

std::unique_ptr<Step> PreparePad(const PrepareContext& context) {
  const Dims& x = context.input_dims[0];
  const Dims& y = context.output_dims[0];
  const auto pads = ConstantInts(context, 1);
  auto axes = ConstantInts(context, 3);
  const size_t bytes = ElementBytes(context.output_dtypes[0]);
  if (!pads || bytes == 0 || (context.has(3) && !axes) ||
      context.node.String("mode", "constant") != "constant" ||
      (context.has(2) && (context.input_dtypes[2] != context.input_dtypes[0] ||
                          ElementCount(context.input_dims[2]) != 1))) {
    return nullptr;
  }
  if (!axes) {
    axes.emplace(x.size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  Dims box = x;
  int64_t from = 0;
  int64_t to = 0;
  const Dims x_strides = StridesOf(x);
  const Dims y_strides = StridesOf(y);
  for (size_t i = 0; i < axes->size(); ++i) {
    const auto axis = static_cast<size_t>(
        NormalizeAxis((*axes)[i], static_cast<int>(x.size())));
    const int64_t before = (*pads)[i];
    const int64_t after = (*pads)[i + axes->size()];
    box[axis] += std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);
    if (box[axis] <= 0) return nullptr;
    from += std::max<int64_t>(-before, 0) * x_strides[axis];
    to += std::max<int64_t>(before, 0) * y_strides[axis];
  }
  Move move{CopyPlan(box, x_strides, y_strides), 0, 0, from, to};
  if (!move.plan.valid) return nullptr;
  return std::make_unique<PadStep>(std::vector<Move>{move}, bytes,
                                   ElementCount(y), context.has(2));
}

std::unique_ptr<Step> PrepareGather(const PrepareContext& context) {
  const DType indices = context.input_dtypes[1];
  const size_t bytes = ElementBytes(context.input_dtypes[0]);
  const Dims& data = context.input_dims[0];
  if (bytes == 0 || data.empty() ||
      (indices != DType::kInt64 && indices != DType::kInt32)) {
    return nullptr;
  }
  return std::make_unique<GatherStep>(
      data,
      NormalizeAxis(context.node.Int("axis", 0), static_cast<int>(data.size())),
      context.input_dims[1], indices == DType::kInt64, bytes);
}

}  // namespace squint
