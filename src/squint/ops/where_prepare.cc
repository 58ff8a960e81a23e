// Where on numbers of 32 bits, by vectors.
#include <algorithm>
#include <utility>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/select.h"
#include "squint/ops/broadcast.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

using Row = BroadcastRow<3>;

class WhereStep : public Step {
 public:
  explicit WhereStep(std::vector<Row> rows) : rows_(std::move(rows)) {}

  void Run(const StepArgs& args) const override {
    constexpr int64_t kGrain = 16384;  // numbers of a piece of work
    const auto* choice = static_cast<const uint8_t*>(args.inputs[0]);
    const auto* a = static_cast<const uint32_t*>(args.inputs[1]);
    const auto* b = static_cast<const uint32_t*>(args.inputs[2]);
    auto* out = static_cast<uint32_t*>(args.outputs[0]);
    const auto grain = static_cast<size_t>(
        std::max<int64_t>(1, kGrain / rows_.front().length));
    args.pool.ParallelFor(rows_.size(), grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const Row& row = rows_[i];
        ChooseRow({row.length, choice + row.offset[0], row.stride[0],
                   a + row.offset[1], row.stride[1], b + row.offset[2],
                   row.stride[2], out + row.out});
      }
    });
  }

 private:
  std::vector<Row> rows_;
};

}  // namespace

std::unique_ptr<Step> PrepareWhere(const PrepareContext& context) {
  const Dims& y = context.output_dims[0];
  const int64_t count = ElementCount(y);
  const DType dtype = context.output_dtypes[0];
  if (context.input_dtypes[0] != DType::kBool || BitsOf(dtype) != 32 ||
      context.input_dtypes[1] != dtype || context.input_dtypes[2] != dtype ||
      count == 0) {
    return nullptr;
  }
  // Rows are all as long. Where that is short, their places would be more than
  // the numbers.
  constexpr int64_t kLeastLength = 8;
  std::vector<Row> rows;
  ForEachBroadcastRow<3>(
      y,
      {&context.input_dims[0], &context.input_dims[1], &context.input_dims[2]},
      [&](const Row& row) {
        if (row.length >= kLeastLength || count <= kLeastLength) {
          rows.push_back(row);
        }
      });
  if (rows.empty()) return nullptr;
  return std::make_unique<WhereStep>(std::move(rows));
}

}  // namespace squint
