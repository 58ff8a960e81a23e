// For the tests of what joins nodes of a graph: the joined graph and the one it
// was made of, both by the engine's kernels, give equal bits.
#ifndef SQUINT_RUNTIME_FUSED_GRAPH_H_
#define SQUINT_RUNTIME_FUSED_GRAPH_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "squint/runtime/executor.h"

namespace squint {

// base + height * sin(step * i) for element i, from 1 on.
inline Tensor SineWave(Dims dims, float step, float base = 0,
                       float height = 1) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        base + height * std::sin(step * static_cast<float>(i + 1));
  }
  return tensor;
}

inline int CountOf(const Graph& graph, std::string_view op_type) {
  int count = 0;
  for (const NodeId id : graph.order()) {
    count += graph.node(id).op_type == op_type;
  }
  return count;
}

inline void ExpectSameBytes(const std::vector<Tensor>& made,
                            const std::vector<Tensor>& right) {
  ASSERT_EQ(made.size(), right.size());
  for (size_t i = 0; i < made.size(); ++i) {
    ASSERT_EQ(made[i].dims(), right[i].dims()) << i;
    EXPECT_EQ(std::memcmp(made[i].raw(), right[i].raw(), right[i].bytes()), 0)
        << i;
  }
}

// With one thread and with two.
inline void CheckSameBits(const Graph& fused, const Graph& apart,
                          const std::vector<Tensor>& inputs) {
  for (const int threads : {1, 2}) {
    Context context;
    context.threads = threads;
    SCOPED_TRACE(threads);
    ExpectSameBytes(
        Executor(std::make_shared<const Graph>(fused), context).Run(inputs),
        Executor(std::make_shared<const Graph>(apart), context).Run(inputs));
  }
}

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSED_GRAPH_H_
