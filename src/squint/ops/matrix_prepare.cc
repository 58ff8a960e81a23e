// MatMul and Gemm on the float kernels. Constant right-hand sides are packed
// once; with a single row those whose rows are contiguous are read as they
// stand, which is as fast as memory allows and needs no second copy.
#include <vector>

#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/batch_offsets.h"
#include "squint/ops/matmul_add.h"
#include "squint/ops/matrix_bias.h"
#include "squint/ops/prepare.h"
#include "squint/ops/products.h"

namespace squint {
namespace {

using Packed = std::shared_ptr<const PackedMatrix>;

Packed PackedB(const PrepareContext& context, int64_t k, int64_t n,
               int64_t row_stride, int64_t column_stride, float alpha) {
  return context.packs.Get<PackedMatrix>(context.pack_key + "/b", [&] {
    const auto values = context.constants[1]->values<float>();
    std::vector<float> scaled;
    const float* data = values.data();
    if (alpha != 1.0f) {
      scaled.assign(values.begin(), values.end());
      for (float& v : scaled) v *= alpha;
      data = scaled.data();
    }
    return std::make_shared<const PackedMatrix>(
        PackRight(k, n, {data, row_stride, column_stride}, 1, 0,
                  ProductsOf(context.node)));
  });
}

// How A and B lie in memory, without the pointers.
struct Layout {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  MatrixView a = {};
  MatrixView b = {};
  Products products = Products::kFloat32;

  // A single row is multiplied with B as it stands.
  bool reads_b_once() const { return m == 1 && products == Products::kFloat32; }
};

GemmArgs ArgsFor(const Layout& layout, const StepArgs& args) {
  GemmArgs gemm{.m = layout.m,
                .n = layout.n,
                .k = layout.k,
                .a = layout.a,
                .b = layout.b,
                .products = layout.products};
  gemm.a.data = FloatInput(args, 0);
  gemm.b.data = FloatInput(args, 1);
  gemm.c = FloatOutput(args);
  gemm.c_stride = layout.n;
  return gemm;
}

class GemmStep : public Step {
 public:
  // adds: input 3 to the result.
  GemmStep(const Layout& layout, Packed b, MatrixBias bias,
           std::pair<float, float> clamp, bool adds = false)
      : layout_(layout),
        b_(std::move(b)),
        bias_(std::move(bias)),
        clamp_(clamp),
        adds_(adds) {}

  void Run(const StepArgs& args) const override {
    GemmArgs gemm = ArgsFor(layout_, args);
    gemm.packed_b = b_.get();
    gemm.epilogue = bias_.EpilogueFor(args, clamp_);
    if (adds_) {
      gemm.epilogue.added = FloatInput(args, MatMulAddInputs::kAdded);
      gemm.epilogue.added_stride = layout_.n;
    }
    if (layout_.reads_b_once() && b_ == nullptr &&
        layout_.b.column_stride == 1) {
      Gemv(layout_.k, layout_.n, gemm.a.data, gemm.b.data, gemm.b.row_stride,
           gemm.c, gemm.epilogue, args.pool);
    } else {
      Gemm(gemm, args.pool);
    }
  }

 private:
  Layout layout_;
  Packed b_;  // null: B is read from the input
  MatrixBias bias_;
  std::pair<float, float> clamp_;
  bool adds_;
};

// Products of stacks of matrices, each operand broadcast over the batch.
class BatchedStep : public Step {
 public:
  BatchedStep(const Layout& layout, std::vector<int64_t> a_offsets,
              std::vector<int64_t> b_offsets, std::pair<float, float> clamp)
      : layout_(layout),
        a_offsets_(std::move(a_offsets)),
        b_offsets_(std::move(b_offsets)),
        clamp_(clamp) {}

  void Run(const StepArgs& args) const override {
    GemmArgs gemm = ArgsFor(layout_, args);
    gemm.epilogue.low = clamp_.first;
    gemm.epilogue.high = clamp_.second;
    gemm.batch = static_cast<int64_t>(a_offsets_.size());
    gemm.a_offsets = a_offsets_.data();
    gemm.b_offsets = b_offsets_.data();
    gemm.c_step = layout_.m * layout_.n;
    Gemm(gemm, args.pool);
  }

 private:
  Layout layout_;
  std::vector<int64_t> a_offsets_;
  std::vector<int64_t> b_offsets_;
  std::pair<float, float> clamp_;
};

Dims BatchOf(const Dims& dims) { return Dims(dims.begin(), dims.end() - 2); }

// Of one product of those that MatMul multiplies; ranks are 2 at least.
Layout LayoutOf(const PrepareContext& context, const Dims& a, const Dims& b) {
  Layout layout{a[a.size() - 2], b.back(), a.back()};
  layout.a = {nullptr, layout.k, 1};
  layout.b = {nullptr, layout.n, 1};
  layout.products = ProductsOf(context.node);
  return layout;
}

// All rows of a times one matrix b.
std::unique_ptr<Step> PrepareRows(const PrepareContext& context, const Dims& a,
                                  const Dims& b, MatrixBias bias, bool adds) {
  Layout layout = LayoutOf(context, a, b);
  layout.m *= ElementCount(BatchOf(a));
  Packed packed;
  if (!layout.reads_b_once() && context.constants[1] != nullptr) {
    packed = PackedB(context, layout.k, layout.n, layout.n, 1, 1.0f);
  }
  return std::make_unique<GemmStep>(layout, std::move(packed), std::move(bias),
                                    ClampOrNone(context), adds);
}

}  // namespace

std::unique_ptr<Step> PrepareGemm(const PrepareContext& context) {
  if (!AllFloat(context)) return nullptr;
  const bool trans_a = context.node.Int("transA", 0) != 0;
  const bool trans_b = context.node.Int("transB", 0) != 0;
  const float alpha = context.node.Float("alpha", 1.0f);
  auto bias = MatrixBias::Of(context);
  if (!bias) return nullptr;
  const Dims& a = context.input_dims[0];
  const Dims& b = context.input_dims[1];
  Layout layout{context.output_dims[0][0], context.output_dims[0][1],
                a[trans_a ? 0 : 1]};
  layout.a = {nullptr, trans_a ? 1 : a[1], trans_a ? a[1] : 1};
  layout.b = {nullptr, trans_b ? 1 : b[1], trans_b ? b[1] : 1};
  layout.products = ProductsOf(context.node);
  Packed packed;
  if (alpha != 1.0f || !layout.reads_b_once() || trans_b) {
    if (context.constants[1] != nullptr) {
      packed = PackedB(context, layout.k, layout.n, layout.b.row_stride,
                       layout.b.column_stride, alpha);
    } else if (alpha != 1.0f) {
      return nullptr;
    }
  }
  return std::make_unique<GemmStep>(layout, std::move(packed), *std::move(bias),
                                    ClampOrNone(context));
}

std::unique_ptr<Step> PrepareMatMul(const PrepareContext& context) {
  if (!AllFloat(context)) return nullptr;
  Dims a = context.input_dims[0];
  Dims b = context.input_dims[1];
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  if (a.size() < 2 || b.size() < 2) return nullptr;
  const Dims a_batch = BatchOf(a);
  const Dims b_batch = BatchOf(b);
  if (ElementCount(b_batch) == 1) return PrepareRows(context, a, b, {}, false);
  const Layout layout = LayoutOf(context, a, b);
  const Dims batch = BroadcastBatch(a_batch, b_batch);
  return std::make_unique<BatchedStep>(
      layout, BatchOffsets(a_batch, batch, layout.m * layout.k),
      BatchOffsets(b_batch, batch, layout.k * layout.n), ClampOrNone(context));
}

std::unique_ptr<Step> PrepareMatMulAdd(const PrepareContext& context) {
  using In = MatMulAddInputs;
  const Dims& a = context.input_dims[In::kA];
  const Dims& b = context.input_dims[In::kB];
  if (!AllFloat(context) || a.size() < 2 || b.size() != 2) return nullptr;
  const bool has_bias = context.has(In::kBias);
  const bool adds = context.has(In::kAdded);
  if ((has_bias && context.input_dims[In::kBias] != Dims{b[1]}) ||
      (adds && context.input_dims[In::kAdded] != context.output_dims[0])) {
    return nullptr;
  }
  return PrepareRows(context, a, b, *MatrixBias::Of(context), adds);
}

}  // namespace squint
