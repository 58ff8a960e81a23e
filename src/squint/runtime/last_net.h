// For tests of passes over lowered graphs with channels-last images: makes such
// graphs, and runs them in every kind of memory.
#ifndef SQUINT_RUNTIME_LAST_NET_H_
#define SQUINT_RUNTIME_LAST_NET_H_

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "squint/ops/infer.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/fused_graph.h"

namespace squint {

// Random bytes.
template <typename T>
Tensor Bytes(Dims dims, uint32_t seed) {
  std::mt19937 random(seed);
  Tensor tensor(DTypeOf<T>(), std::move(dims));
  for (T& byte : std::span(tensor.mutable_data<T>(),
                           static_cast<size_t>(tensor.size()))) {
    byte = static_cast<T>(random() >> 9);
  }
  return tensor;
}

// A lowered graph with channels-last images of uint8.
class LastNet {
 public:
  explicit LastNet(Dims dims = {2, 7, 6, 8}) : dims_(dims) {
    graph.opset[""] = 25;
    DimList list(dims.begin(), dims.end());
    x = graph.AddInput("x", DType::kUint8, Shape(std::move(list)));
  }
  Graph graph;
  ValueId x;

  ValueId Op(std::string_view type, std::string_view domain,
             std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph.Emit(type, std::move(inputs), std::string(type) + "_out",
                      std::move(attributes), domain);
  }
  ValueId Conv(ValueId in, int64_t channels, int64_t filters,
               int64_t kernel = 3, int64_t group = 1) {
    std::vector<ValueId> inputs = {in};
    Append(inputs, Grid(0.02f, 117));
    inputs.push_back(Constant(
        Bytes<int8_t>({filters, channels / group, kernel, kernel}, ++seed_)));
    inputs.push_back(Constant(Tensor::Scalar<float>(0.01f)));
    inputs.push_back(Constant(Tensor::Scalar<int8_t>(0)));
    Append(inputs, Grid(0.6f, 99));
    const int64_t pad = kernel / 2;
    return Op("QLinearConv", "com.microsoft", std::move(inputs),
              {{"channels_last", int64_t{1}},
               {"group", group},
               {"pads", std::vector<int64_t>{pad, pad, pad, pad}}});
  }
  ValueId Add(ValueId a, ValueId b) {
    std::vector<ValueId> inputs = {a};
    Append(inputs, Grid(0.6f, 99));
    inputs.push_back(b);
    Append(inputs, Grid(0.3f, 100));
    Append(inputs, Grid(0.7f, 90));
    return Op("QLinearAdd", "com.microsoft", std::move(inputs));
  }
  ValueId Pool(ValueId in) {
    return Op("NhwcMaxPool", "com.microsoft", {in},
              {{"kernel_shape", std::vector<int64_t>{3, 3}},
               {"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  }
  // Reads whole images only.
  ValueId Turn(ValueId in) {
    return Op("Transpose", "", {in},
              {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  }
  // A table for each channel.
  ValueId Tables(ValueId in, int64_t channels) {
    return Op("Lookup", "squint",
              {in, Constant(Bytes<uint8_t>({channels, 256}, ++seed_))},
              {{"axis", int64_t{3}}});
  }
  ValueId Table(ValueId in) {
    return Op("Lookup", "squint",
              {in, Constant(Bytes<uint8_t>({256}, ++seed_))});
  }
  ValueId Concat(std::vector<ValueId> parts, int64_t axis = -1) {
    return Op("Concat", "", std::move(parts), {{"axis", axis}});
  }
  ValueId Constant(Tensor tensor) {
    return graph.AddConstant("c", std::move(tensor));
  }
  Graph Finish(std::vector<ValueId> outputs) {
    graph.SetOutputs(std::move(outputs));
    InferShapes(graph);
    return graph;
  }
  Tensor Input() const { return Bytes<uint8_t>(dims_, 31); }

 private:
  std::vector<ValueId> Grid(float scale, int zero) {
    return {Constant(Tensor::Scalar<float>(scale)),
            Constant(Tensor::Scalar<uint8_t>(static_cast<uint8_t>(zero)))};
  }
  static void Append(std::vector<ValueId>& to, std::vector<ValueId> ids) {
    to.insert(to.end(), ids.begin(), ids.end());
  }

  Dims dims_;
  uint32_t seed_ = 100;
};

// Runs in memory of its own, in an arena, into the caller's, and again as
// written down.
inline void ExpectRuns(const Graph& graph, const Tensor& x,
                       const std::vector<Tensor>& right) {
  for (const int threads : {1, 3}) {
    SCOPED_TRACE(threads);
    Context context;
    context.threads = threads;
    Executor executor(std::make_shared<const Graph>(graph), context);
    for (int i = 0; i < 3; ++i) ExpectSameBytes(executor.Run({x}), right);
    std::list<std::vector<std::byte>> places;
    RunOptions options;
    options.place = [&](size_t, DType dtype, const Dims& dims) {
      places.emplace_back(BytesOf(dtype, ElementCount(dims)) + 64,
                          std::byte{0x7F});
      return places.back().data();
    };
    for (int i = 0; i < 5; ++i) {
      ExpectSameBytes(executor.Run({x}, options), right);
    }
    // Each value is held by another one, so that none is written over.
    std::list<Tensor> held;
    RunOptions holding;
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      if (!graph.value(id).is_constant()) holding.taps.push_back(id);
    }
    holding.tap = [&](ValueId, const Tensor& value) { held.push_back(value); };
    ExpectSameBytes(executor.Run({x}, holding), right);
    EXPECT_FALSE(held.empty());
  }
}

}  // namespace squint

#endif  // SQUINT_RUNTIME_LAST_NET_H_
