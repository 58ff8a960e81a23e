#include "squint/quantize/tuning_samples.h"

#include <algorithm>

#include "squint/runtime/executor.h"

namespace squint {
namespace {

size_t BytesOf(const std::vector<Tensor>& tensors) {
  size_t bytes = 0;
  for (const Tensor& tensor : tensors) bytes += tensor.bytes();
  return bytes;
}

size_t BytesOf(const BlockSample& sample) {
  return BytesOf(sample.quantized) + BytesOf(sample.real) +
         BytesOf(sample.targets);
}

}  // namespace

// Runs the part of a network between values that are kept and wanted ones.
class TuningSamples::Walker {
 public:
  Walker(const Graph& graph, const std::set<ValueId>& from,
         const std::vector<ValueId>& to, const Context& context)
      : part_(PartOf(graph, from, to)),
        inputs_(graph.inputs()),
        executor_(std::make_shared<const Graph>(part_.graph), context) {}

  // Reads the sample only where its inputs are needed.
  std::vector<Tensor> Run(const std::map<ValueId, Tensor>& kept,
                          const Dataset& dataset, int64_t index) {
    std::vector<Tensor> given;
    Sample sample;
    for (const ValueId id : part_.needed) {
      if (const auto it = kept.find(id); it != kept.end()) {
        given.push_back(it->second);
        continue;
      }
      if (sample.inputs.empty()) sample = dataset.Get(index);
      const auto place = std::ranges::find(inputs_, id) - inputs_.begin();
      given.push_back(sample.inputs[static_cast<size_t>(place)]);
    }
    return executor_.Run(given);
  }

 private:
  GraphPart part_;
  std::vector<ValueId> inputs_;
  Executor executor_;
};

TuningSamples::TuningSamples(const Graph& real, const TuningData& data,
                             const Context& context)
    : real_(real),
      data_(data),
      context_(context),
      budget_(context.memory_limit / 4),
      kept_(data.samples.size()) {}

std::set<ValueId> TuningSamples::KeptIds(bool real) const {
  std::set<ValueId> ids;
  if (kept_.empty()) return ids;
  for (const auto& [id, tensor] :
       real ? kept_.front().real : kept_.front().quantized) {
    ids.insert(id);
  }
  return ids;
}

// A requantized copy stands for the value that it was made of.
std::vector<ValueId> TuningSamples::RealIds(
    const Graph& quantized, const std::vector<ValueId>& ids) const {
  std::vector<ValueId> result;
  for (ValueId id : ids) {
    while (id >= real_.num_values()) {
      const NodeId producer = quantized.value(id).producer;
      CheckInternal(producer != kNoNode &&
                        quantized.node(producer).Is("Requantize", "squint"),
                    "TuningSamples: a value without a float counterpart");
      id = quantized.node(producer).input(0);
    }
    result.push_back(id);
  }
  return result;
}

std::vector<BlockSample> TuningSamples::At(const Graph& quantized,
                                           const TuningBlock& block) {
  const std::vector<ValueId> real_inputs = RealIds(quantized, block.inputs);
  std::vector<ValueId> wanted = real_inputs;
  const std::vector<ValueId> targets = RealIds(quantized, block.outputs);
  wanted.insert(wanted.end(), targets.begin(), targets.end());
  Walker with_integers(quantized, KeptIds(false), block.inputs, context_);
  Walker in_float(real_, KeptIds(true), wanted, context_);
  std::vector<BlockSample> samples;
  size_t bytes = 0;
  for (size_t i = 0; i < kept_.size(); ++i) {
    context_.ThrowIfCancelled();
    const int64_t index = data_.samples[i];
    BlockSample at;
    at.quantized = with_integers.Run(kept_[i].quantized, *data_.dataset, index);
    const auto cut = static_cast<std::ptrdiff_t>(block.inputs.size());
    std::vector<Tensor> made =
        in_float.Run(kept_[i].real, *data_.dataset, index);
    at.real.assign(made.begin(), made.begin() + cut);
    at.targets.assign(made.begin() + cut, made.end());
    bytes += BytesOf(at);
    if (bytes > budget_ && !samples.empty()) {
      kept_.resize(i);
      break;
    }
    samples.push_back(std::move(at));
  }
  // What is kept is what this block starts from, and its float results.
  for (size_t i = 0; i < samples.size(); ++i) {
    kept_[i] = {};
    for (size_t k = 0; k < block.inputs.size(); ++k) {
      kept_[i].quantized[block.inputs[k]] = samples[i].quantized[k];
      kept_[i].real[real_inputs[k]] = samples[i].real[k];
    }
    for (size_t k = 0; k < targets.size(); ++k) {
      kept_[i].real[targets[k]] = samples[i].targets[k];
    }
  }
  return samples;
}

void TuningSamples::Passed(const Graph& quantized, const TuningBlock& block) {
  Walker walker(quantized, KeptIds(false), block.outputs, context_);
  for (size_t i = 0; i < kept_.size(); ++i) {
    const std::vector<Tensor> outputs =
        walker.Run(kept_[i].quantized, *data_.dataset, data_.samples[i]);
    for (size_t k = 0; k < outputs.size(); ++k) {
      kept_[i].quantized[block.outputs[k]] = outputs[k];
    }
    for (const ValueId id : block.inputs) kept_[i].quantized.erase(id);
  }
}

}  // namespace squint
