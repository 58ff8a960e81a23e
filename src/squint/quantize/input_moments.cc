#include "squint/quantize/input_moments.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/threads.h"
#include "squint/kernels/gemm/gemm.h"
#include "squint/ops/conv_node.h"
#include "squint/ops/window.h"
#include "squint/quantize/weight_layout.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

constexpr int64_t kRowsPerNumber = 10;
constexpr int64_t kFewestRows = 2048;

WeightLayout LayoutOfLayer(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto layout = LayoutOf(node, *graph.ConstantOf(node.input(1)));
  CheckInternal(layout.has_value(), "MeasureInputs: not a layer");
  return *layout;
}

// A random number for each (seed, sample, place), the same for any order of
// running: the finalizer of MurmurHash3.
uint64_t Scatter(uint64_t key) {
  key ^= key >> 33;
  key *= 0xff51afd7ed558ccdu;
  key ^= key >> 33;
  key *= 0xc4ceb9fe1a85ec53u;
  return key ^ (key >> 33);
}

// Rows of a convolution's input, unfolded.
class ConvRows {
 public:
  ConvRows(const Node& node, const Tensor& weight, const Tensor& x)
      : x_(x), channels_(x.dim(1)) {
    const Dims spatial = SpatialOf(x.dims());
    window_ =
        ResolvePads(ReadConvWindow(node, SpatialOf(weight.dims())), spatial);
    out_ = WindowOutputs(window_, spatial);
    in_ = spatial;
    plane_ = ElementCount(in_);
  }

  int64_t rows() const { return x_.dim(0) * ElementCount(out_); }
  int64_t width() const { return channels_ * window_.taps(); }

  void Read(int64_t row, float* to) const {
    const int64_t positions = ElementCount(out_);
    const int64_t image = row / positions;
    const int64_t taps = window_.taps();
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t at = Source(row % positions, tap);
      const float* from = x_.data<float>() + image * channels_ * plane_ + at;
      for (int64_t c = 0; c < channels_; ++c) {
        to[c * taps + tap] = at < 0 ? 0.0f : from[c * plane_];
      }
    }
  }

 private:
  // Where in its plane a tap reads at an output position; -1: padding.
  int64_t Source(int64_t position, int64_t tap) const {
    int64_t at = 0;
    int64_t stride = 1;
    for (size_t axis = in_.size(); axis-- > 0;) {
      const int64_t o = position % out_[axis];
      const int64_t k = tap % window_.kernel[axis];
      position /= out_[axis];
      tap /= window_.kernel[axis];
      const int64_t i = o * window_.strides[axis] - window_.pads_begin[axis] +
                        k * window_.dilations[axis];
      if (i < 0 || i >= in_[axis]) return -1;
      at += i * stride;
      stride *= in_[axis];
    }
    return at;
  }

  const Tensor& x_;
  int64_t channels_;
  Window window_;
  Dims in_;
  Dims out_;
  int64_t plane_ = 1;
};

// Rows of a matrix product's left side.
class MatrixRows {
 public:
  explicit MatrixRows(const Tensor& x) : x_(x) {}
  int64_t rows() const { return width() == 0 ? 0 : x_.size() / width(); }
  int64_t width() const { return x_.dim(x_.rank() - 1); }
  void Read(int64_t row, float* to) const {
    std::copy_n(x_.data<float>() + row * width(), width(), to);
  }

 private:
  const Tensor& x_;
};

class Accumulator {
 public:
  Accumulator(const Graph& graph, int64_t samples, const Context& context)
      : graph_(graph), samples_(samples), seed_(context.seed) {}

  void Add(NodeId id, const Tensor& x, int64_t sample, ThreadPool& pool,
           InputMoments& moments) {
    const Node& node = graph_.node(id);
    const int64_t wanted =
        std::max(kFewestRows, moments.size * kRowsPerNumber) / samples_ + 1;
    if (node.Is("Conv")) {
      Take(ConvRows(node, *graph_.ConstantOf(node.input(1)), x), wanted,
           sample);
    } else {
      Take(MatrixRows(x), wanted, sample);
    }
    const int64_t width = moments.size * moments.groups;
    const auto taken = static_cast<int64_t>(rows_.size()) / width;
    moments.rows += taken;
    for (int64_t r = 0; r < taken; ++r) {
      for (int64_t i = 0; i < width; ++i) {
        moments.sums[static_cast<size_t>(i)] +=
            static_cast<double>(rows_[static_cast<size_t>(r * width + i)]);
      }
    }
    if (moments.groups == 1) {
      AddLarge(taken, pool, moments);
    } else {
      AddGroups(taken, pool, moments);
    }
  }

 private:
  template <typename Rows>
  void Take(const Rows& from, int64_t wanted, int64_t sample) {
    const int64_t taken = std::min(wanted, from.rows());
    rows_.resize(static_cast<size_t>(taken * from.width()));
    for (int64_t r = 0; r < taken; ++r) {
      const uint64_t key = (seed_ << 48) ^
                           (static_cast<uint64_t>(sample) << 20) ^
                           static_cast<uint64_t>(r);
      const auto row =
          taken == from.rows()
              ? r
              : static_cast<int64_t>(Scatter(key) %
                                     static_cast<uint64_t>(from.rows()));
      from.Read(row, rows_.data() + r * from.width());
    }
  }

  void AddLarge(int64_t rows, ThreadPool& pool, InputMoments& moments) {
    const int64_t n = moments.size;
    product_.resize(static_cast<size_t>(n * n));
    Gemm({.m = n,
          .n = n,
          .k = rows,
          .a = {rows_.data(), 1, n},
          .b = {rows_.data(), n, 1},
          .c = product_.data(),
          .c_stride = n},
         pool);
    for (size_t i = 0; i < product_.size(); ++i) {
      moments.products[i] += product_[i];
    }
  }

  void AddGroups(int64_t rows, ThreadPool& pool, InputMoments& moments) const {
    const int64_t n = moments.size;
    const int64_t width = n * moments.groups;
    const auto add = [&](size_t begin, size_t end) {
      for (auto g = static_cast<int64_t>(begin); g < static_cast<int64_t>(end);
           ++g) {
        float* to = moments.products.data() + g * n * n;
        for (int64_t r = 0; r < rows; ++r) {
          const float* x = rows_.data() + r * width + g * n;
          for (int64_t i = 0; i < n; ++i) {
            for (int64_t k = 0; k < n; ++k) to[i * n + k] += x[i] * x[k];
          }
        }
      }
    };
    pool.ParallelFor(static_cast<size_t>(moments.groups), 4, add);
  }

  const Graph& graph_;
  int64_t samples_;
  uint64_t seed_;
  std::vector<float> rows_;
  std::vector<float> product_;
};

}  // namespace

std::vector<float> InputMoments::Of(int64_t group, bool centred) const {
  const double count = std::max(1.0, static_cast<double>(rows));
  std::vector<float> result(static_cast<size_t>(size * size));
  const float* from = products.data() + group * size * size;
  const double* sum = sums.data() + group * size;
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t k = 0; k < size; ++k) {
      double moment = static_cast<double>(from[i * size + k]) / count;
      if (centred) moment -= sum[i] / count * (sum[k] / count);
      result[static_cast<size_t>(i * size + k)] = static_cast<float>(moment);
    }
    // Rounding must not make a variance negative.
    float& variance = result[static_cast<size_t>(i * size + i)];
    variance = std::max(variance, 0.0f);
  }
  return result;
}

size_t MomentBytes(const Graph& graph, NodeId layer) {
  const WeightLayout layout = LayoutOfLayer(graph, layer);
  const auto n = static_cast<size_t>(layout.inputs * layout.window);
  return static_cast<size_t>(layout.groups) * n * n * sizeof(float);
}

std::map<NodeId, InputMoments> MeasureInputs(const Graph& graph,
                                             const std::set<NodeId>& layers,
                                             const TuningData& data,
                                             const Context& context) {
  std::map<NodeId, InputMoments> result;
  std::map<ValueId, std::vector<NodeId>> readers;
  RunOptions options;
  for (const NodeId id : layers) {
    const WeightLayout layout = LayoutOfLayer(graph, id);
    InputMoments& moments = result[id];
    moments.size = layout.inputs * layout.window;
    moments.groups = layout.groups;
    moments.sums.resize(static_cast<size_t>(layout.groups * moments.size));
    moments.products.resize(MomentBytes(graph, id) / sizeof(float));
    readers[graph.node(id).input(0)].push_back(id);
  }
  Executor executor(std::make_shared<const Graph>(graph), context);
  Accumulator accumulator(
      graph, std::max<int64_t>(1, static_cast<int64_t>(data.samples.size())),
      context);
  int64_t sample = 0;
  for (const auto& [id, nodes] : readers) options.taps.push_back(id);
  options.tap = [&](ValueId value, const Tensor& x) {
    for (const NodeId id : readers.at(value)) {
      accumulator.Add(id, x, sample, executor.threads(), result.at(id));
    }
  };
  SampleStream stream(data.dataset, data.samples, 1);
  while (const auto next = stream.Next()) {
    context.ThrowIfCancelled();
    sample = next->index;
    executor.Run(next->inputs, options);
  }
  return result;
}

}  // namespace squint
