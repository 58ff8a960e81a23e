// Gather from a quantized constant table along its first axis: only the rows
// that are asked for become real numbers.
#include <type_traits>
#include <utility>
#include <vector>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/ops/index.h"
#include "squint/ops/prepare.h"
#include "squint/tensor/quantize_slice.h"

namespace squint {
namespace {

class StoredGatherStep : public Step {
 public:
  StoredGatherStep(const Tensor& table, const QuantParams& params,
                   int64_t wanted, bool wide)
      : table_(table.Materialize()),
        granularity_(table.dims(), params),
        scales_(params.scale.ToFloats()),
        zeros_(scales_.size(), 0),
        length_(table.size() / table.dim(0)),
        wanted_(wanted),
        wide_(wide) {
    if (params.zero_point.empty()) return;
    const std::vector<int64_t> zeros = params.zero_point.ToInts();
    zeros_.assign(zeros.begin(), zeros.end());
  }

  void Run(const StepArgs& args) const override {
    float* out = FloatOutput(args);
    for (int64_t i = 0; i < wanted_; ++i, out += length_) {
      const int64_t index =
          wide_ ? static_cast<const int64_t*>(args.inputs[1])[i]
                : int64_t{static_cast<const int32_t*>(args.inputs[1])[i]};
      const int64_t row = CheckedIndex(index, table_.dim(0));
      if (table_.dtype() == DType::kInt8) {
        CopyByteRow<int8_t>(row, out, args.pool);
      } else if (table_.dtype() == DType::kUint8) {
        CopyByteRow<uint8_t>(row, out, args.pool);
      } else {
        CopyRow(row, out);
      }
    }
  }

 private:
  // The rows of an embedding are bytes with one scale, of all or their own, or
  // with one for each column.
  template <typename T>
  void CopyByteRow(int64_t row, float* out, ThreadPool& pool) const {
    const Granularity& g = granularity_;
    const int64_t first = row * length_;
    const auto* bytes = reinterpret_cast<const T*>(table_.raw()) + first;
    if (g.block == 0 && (g.channels == 1 || g.inner % length_ == 0)) {
      const auto s =
          static_cast<size_t>(g.ScaleIndex(0, first / g.inner % g.channels, 0));
      const bool is_signed = std::is_signed_v<T>;
      DequantizeBytes(bytes, length_, {scales_[s], zeros_[s], is_signed}, out,
                      pool);
    } else if (g.block == 0 && g.inner == 1 && g.channels == length_) {
      for (int64_t i = 0; i < length_; ++i) {
        const auto s = static_cast<size_t>(i);
        out[i] = DequantizeValue(bytes[i], scales_[s], zeros_[s]);
      }
    } else {
      CopyRow(row, out);
    }
  }

  // Counts through [outer, channels, inner] of the scales beside the elements.
  void CopyRow(int64_t row, float* out) const {
    const Granularity& g = granularity_;
    const int64_t first = row * length_;
    int64_t inner = first % g.inner;
    int64_t channel = first / g.inner % g.channels;
    int64_t outer = first / g.inner / g.channels;
    for (int64_t i = 0; i < length_; ++i) {
      const auto s = static_cast<size_t>(g.ScaleIndex(outer, channel, inner));
      out[i] =
          DequantizeValue(ReadPacked(table_.raw(), table_.dtype(), first + i),
                          scales_[s], zeros_[s]);
      if (++inner < g.inner) continue;
      inner = 0;
      if (++channel < g.channels) continue;
      channel = 0;
      ++outer;
    }
  }

  Tensor table_;
  Granularity granularity_;
  std::vector<float> scales_;
  std::vector<int32_t> zeros_;
  int64_t length_;  // numbers of a row
  int64_t wanted_;
  bool wide_;
};

}  // namespace

std::unique_ptr<Step> PrepareStoredGather(const PrepareContext& context) {
  const QuantParams* params = context.stored[0];
  const DType indices = context.input_dtypes[1];
  if (params == nullptr || context.stored[1] != nullptr ||
      params->kind != QuantKind::kStatic || params->scale.empty() ||
      params->real_dtype != DType::kFloat32 ||
      (indices != DType::kInt64 && indices != DType::kInt32)) {
    return nullptr;
  }
  const Tensor& table = *context.constants[0];
  if (!IsInteger(table.dtype()) || BitsOf(table.dtype()) > 8 ||
      table.size() == 0 ||
      NormalizeAxis(context.node.Int("axis", 0), table.rank()) != 0) {
    return nullptr;
  }
  return std::make_unique<StoredGatherStep>(table, *params,
                                            ElementCount(context.input_dims[1]),
                                            indices == DType::kInt64);
}

}  // namespace squint
