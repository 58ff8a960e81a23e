#include "squint/ops/macs.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "squint/ops/attention_shape.h"
#include "squint/ops/conv_add.h"
#include "squint/ops/conv_chain.h"
#include "squint/ops/conv_channels.h"
#include "squint/ops/conv_mean.h"
#include "squint/ops/einsum_equation.h"
#include "squint/ops/fused_attention.h"
#include "squint/ops/matmul_to_bytes.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

// A node with the shapes of its operands in the order of the standard
// operator.
struct Work {
  const Node& node;
  std::vector<Dims> in;
  const std::vector<Dims>& out;

  bool has(size_t i) const { return i < in.size() && !in[i].empty(); }
  int64_t results() const { return out.empty() ? 0 : ElementCount(out[0]); }
};

int64_t CountFrom(const Dims& dims, size_t axis) {
  return ElementCount(std::span(dims).subspan(std::min(axis, dims.size())));
}

// Each result sums over the input channels of its group and the window.
int64_t Conv(const Work& work) {
  return work.has(1) ? work.results() * CountFrom(work.in[1], 1) : 0;
}

// Each input is spread over the output channels of its group and the window.
int64_t ConvTranspose(const Work& work) {
  if (!work.has(0) || !work.has(1)) return 0;
  return ElementCount(work.in[0]) * CountFrom(work.in[1], 1);
}

int64_t MatMul(const Work& work) {
  return work.has(0) ? work.results() * work.in[0].back() : 0;
}

int64_t Gemm(const Work& work) {
  if (!work.has(0)) return 0;
  const bool transposed = work.node.Int("transA", 0) != 0;
  return work.results() * (transposed ? work.in[0].front() : work.in[0].back());
}

// Of every step and sample: one product with each weight. W and R of all
// directions.
int64_t Recurrent(const Work& work) {
  if (!work.has(0) || !work.has(1) || !work.has(2)) return 0;
  const Dims& x = work.in[0];
  const int64_t rows = CountFrom(x, 0) / std::max<int64_t>(x.back(), 1);
  return rows * (ElementCount(work.in[1]) + ElementCount(work.in[2]));
}

int64_t RecurrentSteps(const Work& work) {
  if (!work.has(StepInputs::kGates)) return 0;
  const Dims& gates = work.in[StepInputs::kGates];
  int64_t weights = 0;
  for (size_t i = 0; i < InputsOfSteps(work.node).num_weights; ++i) {
    const size_t at = StepInputs::kWeights + i;
    if (work.has(at)) weights += ElementCount(work.in[at]);
  }
  return CountFrom(gates, 0) / std::max<int64_t>(gates.back(), 1) * weights;
}

// Scores, and the values that they weigh.
int64_t Attention(const Work& work) {
  if (!work.has(kAttentionQ) || !work.has(kAttentionK)) return 0;
  const auto length = [&](size_t i) {
    const Dims& dims = work.in[i];
    return dims.size() < 2 ? 0 : dims[dims.size() - 2];
  };
  int64_t total = length(kAttentionK);
  if (work.has(kAttentionPastKey)) total += length(kAttentionPastKey);
  return total * (ElementCount(work.in[kAttentionQ]) + work.results());
}

int64_t FusedAttention(const Work& work) {
  for (size_t i = 0; i < 3; ++i) {
    if (!work.has(i) || work.in[i].size() < 2) return 0;
  }
  const AttentionDims dims = DimsOfAttention(work.node, work.in);
  const int64_t rows = work.results() / std::max<int64_t>(dims.value_size(), 1);
  return rows * dims.keys() * (dims.size() + dims.value_size());
}

// Every combination of its letters.
int64_t Einsum(const Work& work) {
  if (work.in.size() < 2) return 0;
  std::vector<int> ranks;
  std::vector<Shape> shapes;
  for (const Dims& dims : work.in) {
    ranks.push_back(static_cast<int>(dims.size()));
    shapes.push_back(Shape::Of(dims));
  }
  const EinsumEquation equation =
      ParseEinsum(work.node.String("equation", ""), ranks);
  int64_t macs = 1;
  for (const auto& [label, size] : EinsumSizes(equation, shapes)) {
    macs *= size.value().value_or(0);
  }
  return macs;
}

struct Formula {
  std::string_view op_type;
  int64_t (*macs)(const Work&);
};
constexpr std::array kFormulas = {
    Formula{"Attention", Attention},
    Formula{"Conv", Conv},
    Formula{"ConvInteger", Conv},
    Formula{"ConvTranspose", ConvTranspose},
    Formula{"DeformConv", Conv},
    Formula{"DynamicQuantizeLSTM", Recurrent},
    Formula{"DynamicQuantizeMatMul", MatMul},
    Formula{"Einsum", Einsum},
    Formula{"FusedAttention", FusedAttention},
    Formula{"GRU", Recurrent},
    Formula{"GRUSteps", RecurrentSteps},
    Formula{"Gemm", Gemm},
    Formula{"LSTM", Recurrent},
    Formula{"LSTMSteps", RecurrentSteps},
    Formula{"MatMul", MatMul},
    Formula{"MatMulAdd", MatMul},
    Formula{"MatMulInteger", MatMul},
    Formula{"MatMulNBits", MatMul},
    Formula{"RNN", Recurrent},
};

}  // namespace

int64_t MacsOf(const Node& node, const std::vector<Dims>& inputs,
               const std::vector<Dims>& outputs) {
  if (node.Is("QLinearConvAdd", "squint")) {
    return MacsOf(ConvOfConvAdd(node), inputs, outputs);
  }
  if (node.Is("QLinearConvChain", "squint")) return MacsOfChain(node, inputs);
  if (node.Is("QLinearConvGlobalAveragePool", "squint")) {
    if (inputs.size() < 4 || inputs[0].size() < 3 || inputs[3].size() < 3) {
      return 0;
    }
    return MacsOf(ConvOfConvMean(node), inputs,
                  {ConvDimsOfConvMean(node, inputs[0], inputs[3])});
  }
  if (node.Is("QLinearConvChannels", "squint")) {
    return MacsOf(ConvOfConvChannels(node), inputs,
                  WrittenByConvChannels(inputs, outputs));
  }
  if (node.Is("MatMulIntegerToBytes", "squint")) {
    return MacsOf(ProductOfToBytes(node), inputs, outputs);
  }
  Work work{node, {}, outputs};
  std::string_view type = node.op_type;
  if (const auto form = QLinearFormOf(node)) {
    type = form->op_type;
    for (const QLinearOperand& operand : form->inputs) {
      work.in.push_back(operand.data < inputs.size() ? inputs[operand.data]
                                                     : Dims());
    }
  } else {
    work.in = inputs;
  }
  const auto formula = std::ranges::find(kFormulas, type, &Formula::op_type);
  return formula == kFormulas.end() ? 0 : formula->macs(work);
}

}  // namespace squint
