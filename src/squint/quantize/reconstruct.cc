// TuningBlock reconstruction: block by block, the rounding of every weight and
// the biases are tuned by descent until the quantized block gives what the
// float one gave. Rounding by AdaRound (Nagel et al. 2020, arXiv:2004.10568),
// blocks as in BRECQ (Li et al. 2021, arXiv:2102.05426), half of the
// activations left unrounded while tuning as in QDrop (Wei et al. 2022,
// arXiv:2203.05740), inputs of a block mixed from both networks likewise.
//
// The loss is relative to that of rounding to nearest, so that nothing
// depends on the size of a block's numbers.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/select.h"
#include "squint/quantize/block_network.h"
#include "squint/quantize/method.h"
#include "squint/quantize/soft_weight.h"
#include "squint/quantize/tuning_samples.h"

namespace squint {
namespace {

constexpr float kRate = 0.05f;    // of Adam
constexpr float kPull = 3000.0f;  // of all weights together, against loss 1
constexpr double kWarmUp = 0.2;   // of all steps, without the pull
constexpr int kFirstPower = 20;   // of the pull, going down to 2
constexpr int64_t kMacsAStep = 150'000'000;
constexpr size_t kMostInAStep = 32;  // samples
// Few samples are soon fitted themselves: then every so manieth is not tuned on
// and says whether a block has become better. With more all do both.
constexpr size_t kFewSamples = 64;
constexpr size_t kJudgesEvery = 5;
constexpr size_t kMostJudges = 64;
// A bias moves by this share of its layer's output step at rate 1.
constexpr float kBiasUnit = 2.0f;

// Sum of squared differences of all outputs.
double ErrorOf(const std::vector<Tensor>& got,
               const std::vector<Tensor>& want) {
  double sum = 0;
  for (size_t k = 0; k < got.size(); ++k) {
    const float* a = got[k].data<float>();
    const float* b = want[k].data<float>();
    for (int64_t i = 0; i < got[k].size(); ++i) {
      const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      sum += d * d;
    }
  }
  return sum;
}

// Of factor / 2 * the error, by the outputs.
std::vector<Tensor> ErrorGradients(const std::vector<Tensor>& got,
                                   const std::vector<Tensor>& want,
                                   float factor, ThreadPool& pool) {
  std::vector<Tensor> gradients;
  for (size_t k = 0; k < got.size(); ++k) {
    Tensor gradient(DType::kFloat32, got[k].dims());
    ScaledDifference(gradient.size(), factor, got[k].data<float>(),
                     want[k].data<float>(), gradient.mutable_data<float>(),
                     pool);
    gradients.push_back(std::move(gradient));
  }
  return gradients;
}

ValueId AddLike(Graph& graph, ValueId old, Tensor tensor) {
  const Value before = graph.value(old);
  const ValueId id = graph.AddConstant(before.name, std::move(tensor));
  Value& value = graph.value(id);
  value.dtype = before.dtype;
  value.quant = before.quant;
  value.user_name = before.user_name;
  return id;
}

// Layers whose weight nobody else reads, with the float weight at hand.
std::set<NodeId> TunableNodes(const MethodContext& context,
                              const Graph& graph) {
  std::set<NodeId> nodes;
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.Is("Conv") && !node.Is("Gemm") && !node.Is("MatMul")) continue;
    if (id >= context.original.num_nodes()) continue;
    const ValueId weight = node.input(1);
    const Tensor* real =
        context.original.ConstantOf(context.original.node(id).input(1));
    if (real == nullptr || !graph.value(weight).is_constant() ||
        !graph.value(weight).quant || uses.of(weight).size() != 1 ||
        real->dims() != graph.value(weight).constant.dims()) {
      continue;
    }
    if (SoftWeight::Suits(*real, *graph.value(weight).quant)) nodes.insert(id);
  }
  return nodes;
}

class BlockTuner {
 public:
  BlockTuner(const MethodContext& context, Graph& graph,
             const TuningBlock& block, const std::vector<BlockSample>& samples,
             ThreadPool& pool)
      : context_(context),
        graph_(graph),
        block_(block),
        samples_(samples),
        pool_(pool),
        bits_(context.context.seed * 0x9E3779B97F4A7C15ULL +
              static_cast<uint64_t>(block.nodes.front())) {
    const bool split =
        samples.size() >= 2 * kJudgesEvery && samples.size() < kFewSamples;
    for (size_t i = 0; i < samples.size(); ++i) {
      const bool judges = i % kJudgesEvery == kJudgesEvery - 1;
      if (!split || !judges) tuned_on_.push_back(&samples[i]);
      if (!split || judges) judges_.push_back(&samples[i]);
    }
    AddBiases();
    for (const NodeId id : block.tuned) {
      const Node& node = graph.node(id);
      const ValueId weight = node.input(1);
      const Tensor* real =
          context.original.ConstantOf(context.original.node(id).input(1));
      weights_.emplace(
          weight, SoftWeight(real->Materialize(), graph.value(weight).constant,
                             *graph.value(weight).quant));
      if (const std::optional<float> unit = BiasUnit(node)) {
        const ValueId bias = node.input(2);
        biases_.emplace(
            bias, TunedConstant(graph.ConstantOf(bias)->Materialize(), *unit));
      }
    }
    std::set<ValueId> tuned;
    for (const auto& [id, weight] : weights_) tuned.insert(id);
    for (const auto& [id, bias] : biases_) tuned.insert(id);
    network_.emplace(graph, block, tuned, context.context, pool);
  }

  // Whether the block has become better; only then it is changed.
  bool Run() {
    before_ = HardError();
    if (before_ <= 0 || !std::isfinite(before_)) return false;
    const int64_t steps = context_.recipe.iterations;
    for (int64_t i = 0; i < steps; ++i) {
      context_.context.ThrowIfCancelled();
      Step(i, steps);
    }
    SetHard();
    after_ = HardError();
    if (!(after_ < before_)) return false;
    Store();
    return true;
  }

  double before() const { return before_; }
  double after() const { return after_; }

 private:
  void AddBiases() {
    for (const NodeId id : block_.tuned) {
      const Node& node = graph_.node(id);
      if (node.Is("MatMul") || node.has_input(2)) continue;
      const Tensor& weight = graph_.value(node.input(1)).constant;
      const bool columns = node.Is("Gemm") && node.Int("transB", 0) == 0;
      const Tensor zeros(DType::kFloat32, {weight.dim(columns ? 1 : 0)});
      const std::string name = graph_.value(node.output()).name + "_bias";
      graph_.ReplaceInput(id, 2, graph_.AddConstant(name, zeros));
    }
  }

  // None where the bias is not to be tuned.
  std::optional<float> BiasUnit(const Node& node) const {
    if (node.Is("MatMul") || !node.has_input(2)) return std::nullopt;
    const Value& bias = graph_.value(node.input(2));
    if (!bias.is_constant() || bias.quant || bias.dtype != DType::kFloat32) {
      return std::nullopt;
    }
    const auto& quant = graph_.value(node.output()).quant;
    if (quant && quant->per_tensor() && !quant->scale.empty()) {
      return kBiasUnit * quant->scale_at();
    }
    double square = 0;
    int64_t count = 0;
    const auto at = std::ranges::find(block_.outputs, node.output());
    if (at == block_.outputs.end()) return std::nullopt;
    const auto k = static_cast<size_t>(at - block_.outputs.begin());
    for (const BlockSample& sample : samples_) {
      for (const float v : sample.targets[k].values<float>()) {
        square += static_cast<double>(v) * static_cast<double>(v);
      }
      count += sample.targets[k].size();
    }
    const double rms =
        std::sqrt(square / static_cast<double>(std::max<int64_t>(1, count)));
    return kBiasUnit * static_cast<float>(rms) / 64.0f;
  }

  // Mean over some samples with the constants that are set, nothing dropped.
  double HardError() {
    double sum = 0;
    const size_t count = std::min(kMostJudges, judges_.size());
    for (size_t i = 0; i < count; ++i) {
      const BlockSample& sample = *judges_[i * judges_.size() / count];
      sum +=
          ErrorOf(network_->Forward(sample.quantized, nullptr), sample.targets);
    }
    return sum / static_cast<double>(count);
  }

  size_t SamplesAStep() const {
    const int64_t fit = kMacsAStep / std::max<int64_t>(1, network_->macs());
    return static_cast<size_t>(std::clamp<int64_t>(
        fit, 1,
        static_cast<int64_t>(std::min(kMostInAStep, tuned_on_.size()))));
  }

  TuningStep StepAt(int64_t i, int64_t steps) const {
    TuningStep step{.step = static_cast<int>(i) + 1, .rate = kRate};
    const double done = static_cast<double>(i) / static_cast<double>(steps);
    if (done < kWarmUp) return step;
    int64_t count = 0;
    for (const auto& [id, weight] : weights_) count += weight.size();
    const double along = (done - kWarmUp) / (1 - kWarmUp);
    step.pull = kPull / static_cast<float>(count);
    step.power =
        kFirstPower - 2 * static_cast<int>(along * (kFirstPower - 2) / 2);
    return step;
  }

  void Step(int64_t i, int64_t steps) {
    for (const auto& [id, weight] : weights_) {
      network_->SetConstant(id, weight.weight());
    }
    for (const auto& [id, bias] : biases_) {
      network_->SetConstant(id, bias.value());
    }
    const size_t count = SamplesAStep();
    const auto factor =
        static_cast<float>(2.0 / (before_ * static_cast<double>(count)));
    std::map<ValueId, Tensor> gradients;
    for (size_t k = 0; k < count; ++k) {
      const BlockSample& sample = *tuned_on_[bits_.Next() % tuned_on_.size()];
      std::vector<Tensor> inputs;
      for (size_t j = 0; j < sample.real.size(); ++j) {
        inputs.push_back(
            Mixed(sample.real[j], sample.quantized[j], bits_, pool_));
      }
      const std::vector<Tensor> outputs = network_->Forward(inputs, &bits_);
      network_->Backward(ErrorGradients(outputs, sample.targets, factor, pool_),
                         gradients);
    }
    const TuningStep step = StepAt(i, steps);
    for (auto& [id, weight] : weights_) {
      if (gradients.contains(id)) weight.Step(gradients[id], step, pool_);
    }
    for (auto& [id, bias] : biases_) {
      if (gradients.contains(id)) bias.Step(gradients[id], step);
    }
  }

  void SetHard() {
    for (const auto& [id, weight] : weights_) {
      network_->SetConstant(
          id, DequantizeTensor(weight.Integers(), *graph_.value(id).quant));
    }
    for (const auto& [id, bias] : biases_) {
      network_->SetConstant(id, bias.value());
    }
  }

  void Store() {
    for (const NodeId id : block_.tuned) {
      const Node& node = graph_.node(id);
      const ValueId weight = node.input(1);
      const ValueId bias = node.input(2);
      if (const auto it = biases_.find(bias); it != biases_.end()) {
        graph_.ReplaceInput(id, 2, AddLike(graph_, bias, it->second.value()));
      }
      graph_.ReplaceInput(
          id, 1, AddLike(graph_, weight, weights_.at(weight).Integers()));
    }
  }

  const MethodContext& context_;
  Graph& graph_;
  const TuningBlock& block_;
  const std::vector<BlockSample>& samples_;
  std::vector<const BlockSample*> tuned_on_;
  std::vector<const BlockSample*> judges_;
  ThreadPool& pool_;
  RandomBits bits_;
  std::map<ValueId, SoftWeight> weights_;
  std::map<ValueId, TunedConstant> biases_;
  std::optional<BlockNetwork> network_;
  double before_ = 0;
  double after_ = 0;
};

int Reconstruct(const MethodContext& context, Graph& graph) {
  if (context.data == nullptr) return 0;
  const std::set<NodeId> tunable = TunableNodes(context, graph);
  const std::vector<TuningBlock> blocks = CutIntoBlocks(graph, tunable);
  ThreadPool pool(context.context.threads);
  TuningSamples samples(context.original, *context.data, context.context);
  int changed = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    context.context.Report("reconstruct", static_cast<int64_t>(i),
                           static_cast<int64_t>(blocks.size()));
    const TuningBlock& block = blocks[i];
    const std::vector<BlockSample> at = samples.At(graph, block);
    BlockTuner tuner(context, graph, block, at, pool);
    const bool better = tuner.Run();
    if (better) changed += static_cast<int>(block.tuned.size());
    context.context.Detail(fmt::format(
        "reconstruct: block {} of {}, {} layers, {} samples, error {:.3g} -> "
        "{:.3g}{}",
        i + 1, blocks.size(), block.tuned.size(), at.size(), tuner.before(),
        tuner.after(), better ? "" : " (left)"));
    samples.Passed(graph, block);
  }
  return changed;
}

}  // namespace

extern constinit const MethodDef kReconstructMethod = {
    .name = "reconstruct",
    .summary =
        "tunes the rounding of weights and the biases block by block "
        "until it gives the float block's results",
    .source = "arXiv:2004.10568, arXiv:2102.05426, arXiv:2203.05740",
    .on_by_default = false,
    .needs_data = true,
    .correct = Reconstruct,
};

}  // namespace squint
