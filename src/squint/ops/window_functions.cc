// What audio front ends compute once: HannWindow, HammingWindow,
// BlackmanWindow and MelWeightMatrix.
#include <cmath>
#include <numbers>
#include <vector>

#include "squint/ops/op.h"
#include "squint/ops/single_number.h"

namespace squint {
namespace {

constexpr auto kFloat32Code = static_cast<int64_t>(DType::kFloat32);
constexpr auto kBfloat16Code = static_cast<int64_t>(DType::kBfloat16);

DType OutputType(const Node& node) {
  const int64_t code = node.Int("output_datatype", kFloat32Code);
  const auto dtype = static_cast<DType>(code);
  if (code < 0 || code > kBfloat16Code ||
      (!IsFloat(dtype) && !IsInteger(dtype))) {
    Fail(ErrorCode::kInvalidModel, "output_datatype {} is no type of numbers",
         code);
  }
  return dtype;
}

QuantSpec WindowRule(const QuantizeQuery&) {
  return QuantSpec::Float("makes numbers that depend on no activation");
}

// ---- windows: sums of cosines

void InferWindow(InferContext& context) {
  RequireSingleNumbers(context, {0});
  Dim size = Dim::Unknown();
  const DimTensor* content = context.dim_tensor(0);
  if (content != nullptr && content->elements.size() == 1) {
    size = content->elements[0];
  }
  if (size.value().value_or(0) < 0) {
    Fail(ErrorCode::kInvalidModel, "a window of {} elements", *size.value());
  }
  context.SetOutput(0, OutputType(context.node()), Shape(DimList{size}));
}

// a0 - a1 cos(t) + a2 cos(2t), t one turn over the window; a periodic one
// lacks its last element.
void RunWindow(RunContext& context, double a0, double a1, double a2) {
  const int64_t size = context.in(0).ToInts().at(0);
  const bool periodic = context.node.Int("periodic", 1) != 0;
  const auto turn = static_cast<double>(periodic ? size : size - 1);
  Tensor y(DType::kFloat64, {size});
  for (int64_t i = 0; i < size; ++i) {
    const double t =
        turn > 0 ? 2 * std::numbers::pi * static_cast<double>(i) / turn : 0;
    y.mutable_data<double>()[i] = a0 - a1 * std::cos(t) + a2 * std::cos(2 * t);
  }
  context.outputs[0] = y.CastTo(OutputType(context.node));
}

void RunHann(RunContext& context) { RunWindow(context, 0.5, 0.5, 0); }
void RunHamming(RunContext& context) {
  RunWindow(context, 25.0 / 46, 21.0 / 46, 0);
}
void RunBlackman(RunContext& context) { RunWindow(context, 0.42, 0.5, 0.08); }

// ---- MelWeightMatrix

constexpr size_t kBands = 0, kDftLength = 1, kRate = 2, kLow = 3, kHigh = 4;

// mel(f) = 2595 log10(1 + f / 700)
double MelOf(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double HertzOf(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

void InferMelMatrix(InferContext& context) {
  RequireSingleNumbers(context, {kBands, kDftLength, kRate, kLow, kHigh});
  DimList dims = {Dim::Unknown(), Dim::Unknown()};
  if (const auto length = context.ints(kDftLength)) {
    dims[0] = FloorDiv(Dim(length->at(0)), Dim(2)) + Dim(1);
  }
  if (const auto bands = context.ints(kBands)) dims[1] = Dim(bands->at(0));
  for (const Dim& dim : dims) {
    if (dim.value().value_or(0) < 0) {
      Fail(ErrorCode::kInvalidModel, "a matrix with an axis of {}",
           *dim.value());
    }
  }
  context.SetOutput(0, OutputType(context.node()), Shape(std::move(dims)));
}

// The bins where bands begin, peak and end: bands + 2 of them, equally far
// apart in mel.
std::vector<int64_t> BandEdges(const RunContext& context, int64_t bands,
                               int64_t bins) {
  const double rate = context.in(kRate).ToFloats().at(0);
  const double low = MelOf(context.in(kLow).ToFloats().at(0));
  const double high = MelOf(context.in(kHigh).ToFloats().at(0));
  const auto length =
      static_cast<double>(context.in(kDftLength).ToInts().at(0));
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bands + 2; ++i) {
    const double mel = low + (high - low) * static_cast<double>(i) /
                                 static_cast<double>(bands + 2);
    const double bin = std::floor((length + 1) * HertzOf(mel) / rate);
    if (!(bin >= 0 && bin < static_cast<double>(bins))) {
      Fail(ErrorCode::kInvalidModel,
           "a band has its edge at bin {}, the spectrum has {}", bin, bins);
    }
    edges.push_back(static_cast<int64_t>(bin));
  }
  return edges;
}

void RunMelMatrix(RunContext& context) {
  const int64_t bands = context.in(kBands).ToInts().at(0);
  const int64_t bins = context.in(kDftLength).ToInts().at(0) / 2 + 1;
  const std::vector<int64_t> edges = BandEdges(context, bands, bins);
  Tensor y(DType::kFloat64, {bins, bands});
  double* out = y.mutable_data<double>();
  for (int64_t band = 0; band < bands; ++band) {
    const int64_t* edge = edges.data() + band;
    const auto rise = static_cast<double>(edge[1] - edge[0]);
    const auto fall = static_cast<double>(edge[2] - edge[1]);
    for (int64_t bin = edge[0]; bin < edge[1]; ++bin) {
      out[bin * bands + band] = static_cast<double>(bin - edge[0]) / rise;
    }
    out[edge[1] * bands + band] = 1;
    for (int64_t bin = edge[1] + 1; bin < edge[2]; ++bin) {
      out[bin * bands + band] = static_cast<double>(edge[2] - bin) / fall;
    }
  }
  context.outputs[0] = y.CastTo(OutputType(context.node));
}

}  // namespace

extern constinit const OpDef kBlackmanWindowOp = {
    .type = "BlackmanWindow",
    .since = 17,
    .infer = InferWindow,
    .reference = RunBlackman,
    .quantize = WindowRule,
};
extern constinit const OpDef kHammingWindowOp = {
    .type = "HammingWindow",
    .since = 17,
    .infer = InferWindow,
    .reference = RunHamming,
    .quantize = WindowRule,
};
extern constinit const OpDef kHannWindowOp = {
    .type = "HannWindow",
    .since = 17,
    .infer = InferWindow,
    .reference = RunHann,
    .quantize = WindowRule,
};
extern constinit const OpDef kMelWeightMatrixOp = {
    .type = "MelWeightMatrix",
    .since = 17,
    .infer = InferMelMatrix,
    .reference = RunMelMatrix,
    .quantize = WindowRule,
};

}  // namespace squint
