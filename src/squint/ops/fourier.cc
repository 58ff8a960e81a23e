// DFT and STFT: the Fourier transform along an axis, and of the frames of a
// signal. A last axis of 1 holds real numbers, of 2 real and imaginary parts.
#include <algorithm>
#include <optional>
#include <vector>

#include "squint/ops/element_types.h"
#include "squint/ops/fourier_transform.h"
#include "squint/ops/in_float64.h"
#include "squint/ops/op.h"
#include "squint/ops/single_number.h"

namespace squint {
namespace {

// Element i of a line whose elements are `parts` numbers each.
Complex ReadComplex(const double* line, int64_t i, int64_t parts) {
  return parts == 1 ? Complex(line[i], 0)
                    : Complex(line[2 * i], line[2 * i + 1]);
}

void WriteComplex(double* line, int64_t i, int64_t parts, Complex value) {
  line[parts * i] = value.real();
  if (parts == 2) line[2 * i + 1] = value.imag();
}

// The size of the last axis must be 1 or 2; 0 while it is not known.
int64_t PartsOf(const Shape& shape) {
  const std::optional<int64_t> last = shape[shape.rank() - 1].value();
  if (last && *last != 1 && *last != 2) {
    Fail(ErrorCode::kInvalidModel,
         "the signal is {}: its last axis has real (1) or real and imaginary "
         "(2) parts",
         shape.ToString());
  }
  return last.value_or(0);
}

void CheckPositive(int64_t value, std::string_view what) {
  if (value < 1) {
    Fail(ErrorCode::kInvalidModel, "the {} is {}, expected a positive number",
         what, value);
  }
}

void CheckRealForOneSided(int64_t parts) {
  if (parts == 2) {
    Fail(ErrorCode::kInvalidModel,
         "onesided: the spectrum of a complex signal has no symmetric half");
  }
}

QuantSpec SpectrumRule(const QuantizeQuery&) {
  return QuantSpec::Float("a spectrum spans more than 8 bits");
}

// ---- DFT

constexpr size_t kSignal = 0, kDftLength = 1, kDftAxis = 2;

bool IsInverse(const Node& node) { return node.Int("inverse", 0) != 0; }
bool IsOneSided(const Node& node, int64_t fallback) {
  return node.Int("onesided", fallback) != 0;
}

// The length of the transform, where input dft_length does not say it, from
// the size of the axis: the inverse of half a spectrum is real and longer.
Dim DefaultLength(const Node& node, const Dim& size) {
  const bool whole = IsInverse(node) && IsOneSided(node, 0);
  return whole ? Dim(2) * (size - Dim(1)) : size;
}

Dim HalfSpectrum(const Dim& length) {
  return FloorDiv(length, Dim(2)) + Dim(1);
}

int DftAxis(int64_t axis, int rank) {
  const int normal = NormalizeAxis(axis, rank);
  if (normal == rank - 1) {
    Fail(ErrorCode::kInvalidModel,
         "axis {} is that of real and imaginary parts", axis);
  }
  return normal;
}

// Null: an input that says so is not known yet.
std::optional<Dim> DftLength(const InferContext& context, const Dim& size) {
  if (!context.has_input(kDftLength)) {
    return DefaultLength(context.node(), size);
  }
  const DimTensor* content = context.dim_tensor(kDftLength);
  if (content == nullptr || content->elements.size() != 1) return {};
  const Dim length = content->elements[0];
  if (length.value()) CheckPositive(*length.value(), "dft_length");
  return length;
}

void InferDft(InferContext& context) {
  RequireSingleNumbers(context, {kDftLength, kDftAxis});
  const Shape& signal = context.shape(kSignal);
  context.SetOutput(0, context.dtype(kSignal), Shape());
  if (!signal.has_rank()) return;
  if (signal.rank() < 2) {
    Fail(ErrorCode::kInvalidModel, "the signal is {}, expected rank 2 or more",
         signal.ToString());
  }
  const bool inverse = IsInverse(context.node());
  const bool one_sided = IsOneSided(context.node(), 0);
  if (one_sided && !inverse) CheckRealForOneSided(PartsOf(signal));
  PartsOf(signal);
  DimList dims = signal.dims();
  dims.back() = Dim(one_sided && inverse ? 1 : 2);
  const auto axis = context.has_input(kDftAxis) ? context.ints(kDftAxis)
                                                : std::vector<int64_t>{-2};
  if (!axis || axis->size() != 1) {
    for (size_t i = 0; i + 1 < dims.size(); ++i) dims[i] = Dim::Unknown();
  } else {
    Dim& along = dims[static_cast<size_t>(DftAxis((*axis)[0], signal.rank()))];
    const Dim length = DftLength(context, along).value_or(Dim::Unknown());
    along = one_sided && !inverse ? HalfSpectrum(length) : length;
  }
  context.SetOutput(0, context.dtype(kSignal), Shape(std::move(dims)));
}

// One line of `size` elements `stride` apart, as the transform reads it.
struct Line {
  const double* first;
  int64_t size;
  int64_t stride;
  int64_t parts;
  Complex at(int64_t i) const {
    return ReadComplex(first + i * stride * parts, 0, parts);
  }
};

// Cut or filled up with zeros. Of half a spectrum the other half is its
// mirror image, conjugated.
void Gather(const Line& line, bool mirrored, std::vector<Complex>& out) {
  const auto n = static_cast<int64_t>(out.size());
  const int64_t given = std::min(line.size, mirrored ? n / 2 + 1 : n);
  std::fill(out.begin(), out.end(), Complex());
  for (int64_t i = 0; i < given; ++i) {
    out[static_cast<size_t>(i)] = line.at(i);
    if (mirrored && i > 0 && 2 * i < n) {
      out[static_cast<size_t>(n - i)] = std::conj(line.at(i));
    }
  }
}

void RunDft(RunContext& context) {
  const Tensor& x = context.in(kSignal);
  const bool inverse = IsInverse(context.node);
  const bool one_sided = IsOneSided(context.node, 0);
  const int axis =
      DftAxis(context.has(kDftAxis) ? context.in(kDftAxis).ToInts().at(0) : -2,
              x.rank());
  const int64_t size = x.dim(axis);
  const int64_t n = context.has(kDftLength)
                        ? context.in(kDftLength).ToInts().at(0)
                        : *DefaultLength(context.node, Dim(size)).value();
  CheckPositive(n, "length of the transform");
  Dims dims = x.dims();
  const int64_t parts = dims.back();
  const int64_t bins = one_sided && !inverse ? n / 2 + 1 : n;
  dims[static_cast<size_t>(axis)] = bins;
  dims.back() = one_sided && inverse ? 1 : 2;
  Tensor y(DType::kFloat64, dims);
  int64_t inner = 1;
  for (int i = axis + 1; i + 1 < x.rank(); ++i) inner *= x.dim(i);
  const int64_t lines = size == 0 ? 0 : x.size() / parts / size;
  const FourierTransform transform(n);
  std::vector<Complex> work(static_cast<size_t>(n));
  for (int64_t i = 0; i < lines; ++i) {
    const int64_t outer = i / inner;
    const double* from =
        x.data<double>() + (outer * size * inner + i % inner) * parts;
    Gather({from, size, inner, parts}, one_sided && inverse, work);
    inverse ? transform.Inverse(work) : transform.Forward(work);
    double* to = y.mutable_data<double>() +
                 (outer * bins * inner + i % inner) * dims.back();
    for (int64_t k = 0; k < bins; ++k) {
      WriteComplex(to, k * inner, dims.back(), work[static_cast<size_t>(k)]);
    }
  }
  context.outputs[0] = std::move(y);
}

// The axis was an attribute before opset 20, 1 unless given.
void UpgradeDft(UpgradeContext& context) {
  if (context.from >= 20) return;
  Attributes& attributes = context.node().attributes;
  attributes.emplace("axis", int64_t{1});
  const int64_t axis = context.node().Int("axis", 1);
  attributes.erase(attributes.find("axis"));
  const ValueId constant = context.graph.AddConstant(
      context.node().name + "_axis", Tensor::Scalar<int64_t>(axis));
  context.graph.ReplaceInput(context.node_id, kDftAxis, constant);
}

// ---- STFT

// Exporters also write real signals without the last axis.
constexpr size_t kStep = 1, kFrameWindow = 2, kFrameLength = 3;

// The frame, from its length or from the window; the whole signal without
// both. Null: not known yet.
std::optional<Dim> FrameLength(const InferContext& context) {
  if (context.has_input(kFrameLength)) {
    const auto length = context.ints(kFrameLength);
    if (!length || length->size() != 1) return {};
    CheckPositive((*length)[0], "frame_length");
    return Dim((*length)[0]);
  }
  if (!context.has_input(kFrameWindow)) return context.shape(kSignal)[1];
  const Shape& window = context.shape(kFrameWindow);
  if (!window.has_rank()) return {};
  if (window.rank() != 1) {
    Fail(ErrorCode::kInvalidModel, "the window is {}, expected rank 1",
         window.ToString());
  }
  return window[0];
}

// As many whole frames as fit.
Dim FrameCount(const Dim& signal, const Dim& frame, int64_t step) {
  if (signal.value() && frame.value() && *signal.value() < *frame.value()) {
    Fail(ErrorCode::kInvalidModel,
         "a frame of {} does not fit into a signal of {}", *frame.value(),
         *signal.value());
  }
  return FloorDiv(signal - frame, Dim(step)) + Dim(1);
}

void InferStft(InferContext& context) {
  RequireSingleNumbers(context, {kStep, kFrameLength});
  const Shape& signal = context.shape(kSignal);
  context.SetOutput(0, context.dtype(kSignal), Shape());
  if (!signal.has_rank()) return;
  if (signal.rank() != 3 && signal.rank() != 2) {
    Fail(ErrorCode::kInvalidModel,
         "the signal is {}, expected [batch,length,1 or 2] or [batch,length]",
         signal.ToString());
  }
  const bool one_sided = IsOneSided(context.node(), 1);
  const int64_t parts = signal.rank() == 2 ? 1 : PartsOf(signal);
  if (one_sided) CheckRealForOneSided(parts);
  const Dim frame = FrameLength(context).value_or(Dim::Unknown());
  Dim count = Dim::Unknown();
  if (const auto step = context.ints(kStep); step && step->size() == 1) {
    CheckPositive((*step)[0], "frame_step");
    count = FrameCount(signal[1], frame, (*step)[0]);
  }
  context.SetOutput(
      0, context.dtype(kSignal),
      Shape(DimList{signal[0], count, one_sided ? HalfSpectrum(frame) : frame,
                    Dim(2)}));
}

int64_t FrameOf(const RunContext& context) {
  if (context.has(kFrameLength)) {
    return context.in(kFrameLength).ToInts().at(0);
  }
  return context.has(kFrameWindow) ? context.in(kFrameWindow).size()
                                   : context.in(kSignal).dim(1);
}

void RunStft(RunContext& context) {
  const Tensor& x = context.in(kSignal);
  const int64_t frame = FrameOf(context);
  const int64_t step = context.in(kStep).ToInts().at(0);
  CheckPositive(frame, "frame_length");
  CheckPositive(step, "frame_step");
  const double* window = nullptr;
  if (context.has(kFrameWindow)) {
    window = context.in(kFrameWindow).data<double>();
    if (context.in(kFrameWindow).size() != frame) {
      Fail(ErrorCode::kInvalidModel,
           "the window has {} elements, a frame {}: expected as many",
           context.in(kFrameWindow).size(), frame);
    }
  }
  const int64_t parts = x.rank() == 2 ? 1 : x.dim(2);
  const int64_t frames = *FrameCount(Dim(x.dim(1)), Dim(frame), step).value();
  const int64_t bins = IsOneSided(context.node, 1) ? frame / 2 + 1 : frame;
  Tensor y(DType::kFloat64, {x.dim(0), frames, bins, 2});
  double* to = y.mutable_data<double>();
  const FourierTransform transform(frame);
  std::vector<Complex> work(static_cast<size_t>(frame));
  for (int64_t i = 0; i < x.dim(0) * frames; ++i, to += bins * 2) {
    const int64_t first = i / frames * x.dim(1) + i % frames * step;
    for (int64_t j = 0; j < frame; ++j) {
      const double factor = window == nullptr ? 1 : window[j];
      work[static_cast<size_t>(j)] =
          factor * ReadComplex(x.data<double>(), first + j, parts);
    }
    transform.Forward(work);
    for (int64_t k = 0; k < bins; ++k) {
      WriteComplex(to, k, 2, work[static_cast<size_t>(k)]);
    }
  }
  context.outputs[0] = std::move(y);
}

}  // namespace

extern constinit const OpDef kDFTOp = {
    .type = "DFT",
    .since = 20,
    .infer = InferDft,
    .reference = InFloat64<RunDft>,
    .quantize = SpectrumRule,
    .upgrade = UpgradeDft,
};
extern constinit const OpDef kSTFTOp = {
    .type = "STFT",
    .since = 17,
    .infer = InferStft,
    .reference = InFloat64<RunStft>,
    .quantize = SpectrumRule,
};

}  // namespace squint
