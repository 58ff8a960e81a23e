#include "squint/quantize/block_network.h"

#include <algorithm>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/select.h"
#include "squint/ops/gradient.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/macs.h"
#include "squint/runtime/fake_quantize.h"

namespace squint {
namespace {

// The reals that a static per-tensor grid reaches in FakeQuantize.
std::pair<float, float> LimitsOf(const QuantParams& params) {
  const QuantRange range = RangeOf(params.dtype, false);
  const float scale = params.scale_at();
  const int32_t zero_point = params.zero_point_at();
  return {DequantizeValue(range.qmin, scale, zero_point),
          DequantizeValue(range.qmax, scale, zero_point)};
}

bool HasLimits(const QuantParams& params) {
  return params.kind == QuantKind::kStatic && params.per_tensor() &&
         !params.scale.empty();
}

std::vector<uint64_t> Words(int64_t count, RandomBits& bits) {
  std::vector<uint64_t> words(static_cast<size_t>((count + 63) / 64));
  for (uint64_t& word : words) word = bits.Next();
  return words;
}

}  // namespace

uint64_t RandomBits::Next() {
  // xorshift64*, Vigna 2016, arXiv:1402.6246.
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545F4914F6CDD1DULL;
}

Tensor Mixed(const Tensor& a, const Tensor& b, RandomBits& bits,
             ThreadPool& pool) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (a.dtype() != DType::kFloat32) return a;
  Tensor out(DType::kFloat32, a.dims());
  SelectByBits(a.size(), Words(a.size(), bits).data(), a.data<float>(),
               b.data<float>(), -kInfinity, kInfinity,
               out.mutable_data<float>(), pool);
  return out;
}

BlockNetwork::BlockNetwork(const Graph& graph, const TuningBlock& block,
                           const std::set<ValueId>& tuned,
                           const Context& context, ThreadPool& pool)
    : graph_(graph),
      block_(block),
      tuned_(tuned),
      pool_(pool),
      shapes_{.mutex = {}, .graph = graph},
      memory_(context.memory_limit) {
  for (const NodeId id : block.nodes) {
    const Node& node = graph.node(id);
    plans_[id] = std::make_unique<NodePlan>();
    const bool follows = std::ranges::any_of(
        node.inputs, [&](ValueId v) { return Differentiates(v); });
    if (follows) follows_.insert(node.outputs.begin(), node.outputs.end());
  }
}

void BlockNetwork::SetConstant(ValueId id, Tensor real) {
  constants_[id] = std::move(real);
  for (const NodeId node : block_.nodes) {
    if (std::ranges::count(graph_.node(node).inputs, id) > 0) {
      plans_[node] = std::make_unique<NodePlan>();
    }
  }
}

const Tensor& BlockNetwork::Real(ValueId id) {
  const auto made = values_.find(id);
  if (made != values_.end()) return made->second;
  Tensor& real = constants_[id];
  if (real.empty()) {
    const Value& value = graph_.value(id);
    CheckInternal(value.is_constant(), "BlockNetwork: a value is missing");
    real = value.quant ? DequantizeTensor(value.constant, *value.quant)
                       : value.constant.Materialize();
  }
  return real;
}

std::vector<Tensor> BlockNetwork::Forward(const std::vector<Tensor>& inputs,
                                          RandomBits* drop) {
  values_.clear();
  unrounded_.clear();
  macs_ = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    values_[block_.inputs[i]] = inputs[i];
  }
  for (const NodeId id : block_.nodes) {
    RunNode(id);
    for (const ValueId value : graph_.node(id).outputs) {
      if (value != kNoValue && graph_.value(value).quant) Simulate(value, drop);
    }
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : block_.outputs) outputs.push_back(values_[id]);
  return outputs;
}

void BlockNetwork::RunNode(NodeId id) {
  const Node& node = graph_.node(id);
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr) throw CannotRun(node);
  std::vector<const Tensor*> inputs;
  std::vector<Dims> dims;
  for (const ValueId input : node.inputs) {
    inputs.push_back(input == kNoValue ? nullptr : &Real(input));
    dims.push_back(input == kNoValue ? Dims{} : inputs.back()->dims());
  }
  const std::shared_ptr<const PreparedNode> prepared = plans_[id]->Get(
      {shapes_, *op, id, pool_.threads(), std::nullopt}, inputs);
  std::vector<Tensor> made;
  if (prepared->step == nullptr) {
    made = RunNodeReference(shapes_.graph, node, inputs);
  } else {
    std::vector<const void*> in;
    std::vector<void*> out;
    for (const Tensor* input : inputs) {
      in.push_back(input == nullptr ? nullptr : input->raw());
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      made.push_back(node.outputs[i] == kNoValue
                         ? Tensor()
                         : memory_.Take(prepared->output_dtypes[i],
                                        prepared->output_dims[i]));
      out.push_back(made[i].empty() ? nullptr : BufferPool::Writable(made[i]));
    }
    const size_t bytes = prepared->step->scratch_bytes();
    const BufferRef scratch = bytes > 0 ? memory_.TakeBytes(bytes) : nullptr;
    prepared->step->Run(
        {in, out, scratch ? const_cast<std::byte*>(scratch->data()) : nullptr,
         pool_});
  }
  std::vector<Dims> made_dims;
  for (const Tensor& tensor : made) made_dims.push_back(tensor.dims());
  macs_ += MacsOf(node, dims, made_dims);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) values_[node.outputs[i]] = made[i];
  }
}

void BlockNetwork::Simulate(ValueId id, RandomBits* drop) {
  const QuantParams& params = *graph_.value(id).quant;
  const Tensor real = values_[id];
  Tensor rounded = memory_.Take(DType::kFloat32, real.dims());
  auto* out = reinterpret_cast<float*>(BufferPool::Writable(rounded));
  FakeQuantize(real.data<float>(), out, real.dims(), params, pool_);
  if (drop != nullptr && HasLimits(params)) {
    const auto [low, high] = LimitsOf(params);
    SelectByBits(real.size(), Words(real.size(), *drop).data(), out,
                 real.data<float>(), low, high, out, pool_);
  }
  unrounded_[id] = real;
  values_[id] = std::move(rounded);
}

void BlockNetwork::Backward(const std::vector<Tensor>& output_gradients,
                            std::map<ValueId, Tensor>& gradients) {
  std::map<ValueId, Tensor> by_value;
  for (size_t i = 0; i < output_gradients.size(); ++i) {
    Accumulate(by_value[block_.outputs[i]], output_gradients[i]);
  }
  for (auto it = block_.nodes.rbegin(); it != block_.nodes.rend(); ++it) {
    const Node& node = graph_.node(*it);
    const ValueId output = node.output();
    if (!by_value.contains(output) || !follows_.contains(output)) continue;
    NodeBackward(node, by_value, gradients);
    by_value.erase(output);
  }
}

// Rounding lets gradients through where the value was in its range.
void BlockNetwork::NodeBackward(const Node& node,
                                std::map<ValueId, Tensor>& by_value,
                                std::map<ValueId, Tensor>& gradients) {
  const ValueId output = node.output();
  Tensor gradient = by_value[output];
  const Tensor* made = &values_[output];
  if (const auto it = unrounded_.find(output); it != unrounded_.end()) {
    made = &it->second;
    const QuantParams& params = *graph_.value(output).quant;
    if (HasLimits(params)) {
      const auto [low, high] = LimitsOf(params);
      Tensor inside(DType::kFloat32, gradient.dims());
      SelectInside(inside.size(), made->data<float>(), low, high,
                   gradient.data<float>(), inside.mutable_data<float>(), pool_);
      gradient = std::move(inside);
    }
  }
  GradientContext context{.node = node,
                          .inputs = {},
                          .outputs = {made},
                          .output_gradients = {&gradient},
                          .wanted = {},
                          .input_gradients = {},
                          .pool = pool_};
  for (const ValueId id : node.inputs) {
    context.inputs.push_back(id == kNoValue ? nullptr : &Real(id));
    context.wanted.push_back(id != kNoValue && Differentiates(id));
  }
  context.input_gradients.resize(node.inputs.size());
  FindGradient(node)(context);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (context.input_gradients[i].empty()) continue;
    const ValueId id = node.inputs[i];
    Accumulate(tuned_.contains(id) ? gradients[id] : by_value[id],
               std::move(context.input_gradients[i]));
  }
}

}  // namespace squint
