// Small networks of images for tests of this module.
#ifndef SQUINT_EMIT_TEST_NET_H_
#define SQUINT_EMIT_TEST_NET_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "squint/emit/network.h"
#include "squint/fixed/lower.h"
#include "squint/ops/infer.h"

namespace squint {

// Layers on a grid of their own each.
class Net {
 public:
  explicit Net(Dims dims) {
    graph_.opset[""] = 25;
    last = graph_.AddInput("x", DType::kFloat32, Shape::Of(dims));
  }

  Net& Conv(int64_t filters, int64_t kernel, int64_t stride,
            int64_t groups = 1) {
    const int64_t channels = Channels();
    const std::vector<int64_t> pads(4, kernel / 2);
    last = graph_.Emit(
        "Conv", {last, Weight({filters, channels / groups, kernel, kernel})},
        "conv",
        {{"pads", pads},
         {"strides", std::vector<int64_t>{stride, stride}},
         {"group", groups}});
    return *this;
  }
  Net& Depthwise(int64_t stride) {
    const int64_t channels = Channels();
    return Conv(channels, 3, stride, channels);
  }
  Net& Pool() {
    last = graph_.Emit("MaxPool", {last}, "pool",
                       {{"kernel_shape", std::vector<int64_t>{3, 3}},
                        {"pads", std::vector<int64_t>(4, 1)},
                        {"strides", std::vector<int64_t>{2, 2}}});
    return *this;
  }
  // A convolution around which its input is added.
  Net& Block() {
    const ValueId x = last;
    Conv(Channels(), 3, 1);
    last = graph_.Emit("Add", {last, x}, "sum");
    return *this;
  }
  Net& Table() {
    last = graph_.Emit("Tanh", {last}, "tanh");
    return *this;
  }

  FixedNetwork Finish() {
    graph_.AddOutput(graph_.Emit("GlobalAveragePool", {last}, "mean"));
    InferShapes(graph_);
    const Dims dims = *graph_.value(graph_.inputs()[0]).shape.values();
    for (ValueId id = 0; id < graph_.num_values(); ++id) {
      Value& value = graph_.value(id);
      if (value.is_constant()) continue;
      // A pool keeps the grid of what it chooses from.
      const NodeId maker = value.producer;
      const bool kept = maker != kNoNode && graph_.node(maker).Is("MaxPool");
      value.quant = kept
                        ? graph_.value(graph_.node(maker).input(0)).quant
                        : PerTensor(DType::kInt8, 0.02f + 0.01f * float(id % 3),
                                    static_cast<int32_t>(id % 7) - 3);
    }
    return MakeNetwork(LowerToFixed(graph_), {dims});
  }

  ValueId last;

 private:
  int64_t Channels() {
    InferShapes(graph_);
    return (*graph_.value(last).shape.values())[1];
  }
  ValueId Weight(const Dims& dims) {
    Tensor real(DType::kFloat32, dims);
    for (int64_t i = 0; i < real.size(); ++i) {
      real.mutable_data<float>()[i] =
          std::sin(0.7f * static_cast<float>(i + graph_.num_values()));
    }
    const QuantParams quant = PerTensor(DType::kInt8, 0.008f, 0);
    const ValueId id = graph_.AddConstant("w", QuantizeTensor(real, quant));
    graph_.value(id).dtype = DType::kFloat32;
    graph_.value(id).quant = quant;
    return id;
  }

  Graph graph_;
};

}  // namespace squint

#endif  // SQUINT_EMIT_TEST_NET_H_
