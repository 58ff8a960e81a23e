// Col2Im: the columns that an im2col made, [batch, channels * block, blocks],
// added back into an image. Overlapping blocks add up, padding is dropped.
#include <vector>

#include "squint/ops/element_types.h"
#include "squint/ops/in_float64.h"
#include "squint/ops/integer_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/quant_rules.h"
#include "squint/ops/window.h"

namespace squint {
namespace {

constexpr size_t kColumns = 0, kImage = 1, kBlock = 2;

void CheckSpatial(const Dims& image, const Dims& block) {
  const auto positive = [](const Dims& dims) {
    for (const int64_t dim : dims) {
      if (dim < 1) return false;
    }
    return !dims.empty();
  };
  if (image.size() != block.size() || !positive(image) || !positive(block)) {
    Fail(ErrorCode::kInvalidModel,
         "image_shape {} and block_shape {}, expected positive sizes of equal "
         "rank",
         DimsToString(image), DimsToString(block));
  }
}

void InferCol2Im(InferContext& context) {
  const Shape& columns = context.shape(kColumns);
  context.SetOutput(0, context.dtype(kColumns), Shape());
  if (columns.has_rank() && columns.rank() != 3) {
    Fail(ErrorCode::kInvalidModel, "columns are {}, expected rank 3",
         columns.ToString());
  }
  const DimTensor* image = context.dim_tensor(kImage);
  if (image == nullptr) return;
  DimList dims = {Dim::Unknown(), Dim::Unknown()};
  if (columns.has_rank()) dims[0] = columns[0];
  const auto block = context.ints(kBlock);
  if (columns.has_rank() && block) {
    dims[1] = FloorDiv(columns[1], Dim(ElementCount(*block)));
  }
  dims.insert(dims.end(), image->elements.begin(), image->elements.end());
  context.SetOutput(0, context.dtype(kColumns), Shape(std::move(dims)));
}

struct Columns {
  Dims image;
  Dims image_dims;   // with batch and channels in front
  int64_t taps = 1;  // of one block
  int64_t blocks = 1;
  int64_t stride = 1;        // of the last axis
  std::vector<TapRow> rows;  // from the image to the blocks
};

Columns ReadColumns(const RunContext& context) {
  const Tensor& columns = context.in(kColumns);
  Columns c;
  c.image = context.in(kImage).ToInts();
  const Dims block = context.in(kBlock).ToInts();
  CheckSpatial(c.image, block);
  const Window window = ReadWindow(context.node, block);
  const Dims grid = WindowOutputs(window, c.image);
  c.taps = window.taps();
  c.blocks = ElementCount(grid);
  c.stride = window.strides.back();
  if (columns.rank() != 3 || columns.dim(1) % c.taps != 0 ||
      columns.dim(2) != c.blocks) {
    Fail(ErrorCode::kInvalidModel,
         "columns are {}, expected [batch,channels*{},{}]",
         DimsToString(columns.dims()), c.taps, c.blocks);
  }
  c.rows = TapRowsOf(window, c.image, grid);
  c.image_dims = {columns.dim(0), columns.dim(1) / c.taps};
  c.image_dims.insert(c.image_dims.end(), c.image.begin(), c.image.end());
  return c;
}

template <typename T>
Tensor AddUpColumns(const Tensor& columns, const Columns& c) {
  Tensor image(columns.dtype(), c.image_dims);
  const int64_t pixels = ElementCount(c.image);
  for (int64_t plane = 0; plane < c.image_dims[0] * c.image_dims[1]; ++plane) {
    T* out = image.mutable_data<T>() + plane * pixels;
    const T* in = columns.data<T>() + plane * c.taps * c.blocks;
    for (const TapRow& row : c.rows) {
      const T* from = in + row.tap * c.blocks + row.out_start;
      for (int64_t i = 0; i < row.count; ++i) {
        T& pixel = out[row.in_start + i * c.stride];
        pixel = WrapAdd(pixel, from[i]);
      }
    }
  }
  return image;
}

void RunCol2Im(RunContext& context) {
  const Columns c = ReadColumns(context);
  WithArithmeticType(context.in(kColumns).dtype(), [&](auto type) {
    context.outputs[0] = AddUpColumns<decltype(type)>(context.in(kColumns), c);
  });
}

}  // namespace

extern constinit const OpDef kCol2ImOp = {
    .type = "Col2Im",
    .since = 18,
    .infer = InferCol2Im,
    .reference = InFloat64<RunCol2Im>,
    .integer_reference = DequantizedReference<InFloat64<RunCol2Im>>,
    .quantize = ActivationRule,
};

}  // namespace squint
