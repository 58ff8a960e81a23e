// Weights rounded by what their layer's result is worth, one correcting the
// other (feedback_rounding.h), at scales chosen by the same measure. The
// second moments of a layer's inputs come from the calibration samples,
// measured in the float network for as many layers at once as the memory
// allows; around the mean where bias correction will see to that.
#include "squint/quantize/weight_rounding.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/hash.h"
#include "squint/base/threads.h"
#include "squint/quantize/feedback_rounding.h"
#include "squint/quantize/input_moments.h"
#include "squint/quantize/method.h"
#include "squint/quantize/rounded_weights.h"
#include "squint/quantize/weight_format.h"
#include "squint/quantize/weight_layout.h"

namespace squint {
namespace {

constexpr size_t kLanes = FeedbackRounding::kLanes;
constexpr size_t kMostMoments = size_t{1} << 30;  // bytes held at once

// Tried in this order, of the scale that the weight has: the first wins ties.
constexpr std::array<float, 10> kRatios = {1.0f, 1.1f, 1.2f,  0.95f, 0.9f,
                                           0.8f, 0.7f, 0.85f, 0.6f,  0.5f};

bool IsRoundable(const Graph& quantized, const UseMap& uses, const Node& node) {
  if (!node.has_input(1) || !node.has_input(0)) return false;
  const Value& weight = quantized.value(node.input(1));
  return weight.is_constant() && weight.quant && weight.quant->block == 0 &&
         (weight.quant->dtype == DType::kInt8 ||
          weight.quant->dtype == DType::kInt4) &&
         uses.of(node.input(1)).size() == 1 &&
         LayoutOf(node, weight.constant).has_value();
}

// One layer: its weights as rows, their integers and scales.
class LayerRounding {
 public:
  LayerRounding(const Tensor& weight, const WeightLayout& layout,
                const QuantParams& params, float largest)
      : weight_(weight.Materialize()),
        layout_(layout),
        params_(params),
        largest_(largest),
        scales_(static_cast<size_t>(layout.outputs)),
        integers_(params.dtype, weight.dims()) {
    for (size_t o = 0; o < scales_.size(); ++o) {
      scales_[o] =
          params.scale_at(params.per_tensor() ? 0 : static_cast<int64_t>(o));
    }
  }

  void Run(const InputMoments& moments, bool centred, ThreadPool& pool) {
    std::vector<FeedbackRounding> groups;
    for (int64_t g = 0; g < layout_.groups; ++g) {
      groups.emplace_back(moments.Of(g, centred),
                          static_cast<size_t>(moments.size), &pool);
    }
    std::vector<std::array<double, kRatios.size()>> errors(scales_.size());
    ForTiles(groups, pool, [&](const FeedbackRounding& rounding, Tile& tile) {
      for (size_t i = 0; i < kRatios.size(); ++i) {
        Try(rounding, tile, kRatios[i]);
        for (size_t lane = 0; lane < tile.count; ++lane) {
          errors[tile.first + lane][i] = tile.errors[lane];
        }
      }
    });
    ChooseScales(errors);
    ForTiles(groups, pool, [&](const FeedbackRounding& rounding, Tile& tile) {
      Try(rounding, tile, 1.0f);
      Store(tile);
    });
  }

  Tensor integers() const { return integers_; }
  QuantParams params() const {
    QuantParams params = params_;
    params.scale = params_.per_tensor()
                       ? Tensor::Of<float>(params_.scale.dims(), {scales_[0]})
                       : Tensor::Of<float>(params_.scale.dims(), scales_);
    return params;
  }

 private:
  // Some rows of one group, side by side.
  struct Tile {
    size_t first = 0;
    size_t count = 0;
    std::vector<float> weights;
    std::vector<float> integers;
    std::array<double, kLanes> errors = {};
  };

  int64_t width() const { return layout_.inputs * layout_.window; }

  template <typename F>
  void ForTiles(const std::vector<FeedbackRounding>& groups, ThreadPool& pool,
                const F& work) {
    const auto rows = static_cast<size_t>(layout_.outputs / layout_.groups);
    const size_t tiles = (rows + kLanes - 1) / kLanes;
    pool.ParallelFor(groups.size() * tiles, 1, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const size_t group = t / tiles;
        const size_t row = t % tiles * kLanes;
        Tile tile = Load(group * rows + row, std::min(kLanes, rows - row));
        work(groups[group], tile);
      }
    });
  }

  template <typename F>
  void ForEachWeight(const F& visit) const {
    for (int64_t i = 0; i < layout_.inputs; ++i) {
      for (int64_t k = 0; k < layout_.window; ++k) {
        visit(i, k, static_cast<size_t>(i * layout_.window + k) * kLanes);
      }
    }
  }

  Tile Load(size_t first, size_t count) const {
    Tile tile{.first = first, .count = count, .weights = {}, .integers = {}};
    tile.weights.resize(static_cast<size_t>(width()) * kLanes);
    tile.integers.resize(tile.weights.size());
    const float* w = weight_.data<float>();
    ForEachWeight([&](int64_t i, int64_t k, size_t at) {
      for (size_t lane = 0; lane < count; ++lane) {
        tile.weights[at + lane] =
            w[layout_.Index(static_cast<int64_t>(first + lane), i, k)];
      }
    });
    return tile;
  }

  void Try(const FeedbackRounding& rounding, Tile& tile, float ratio) const {
    std::array<float, kLanes> scales;
    scales.fill(1.0f);
    for (size_t lane = 0; lane < tile.count; ++lane) {
      scales[lane] = scales_[tile.first + lane] * ratio;
    }
    tile.errors.fill(0.0);
    rounding.Round(tile.weights.data(), scales.data(), largest_,
                   tile.integers.data(), tile.errors.data());
  }

  void ChooseScales(
      const std::vector<std::array<double, kRatios.size()>>& errors) {
    std::array<double, kRatios.size()> total = {};
    for (const auto& row : errors) {
      for (size_t i = 0; i < total.size(); ++i) total[i] += row[i];
    }
    for (size_t o = 0; o < scales_.size(); ++o) {
      const auto& judged = params_.per_tensor() ? total : errors[o];
      scales_[o] *= kRatios[static_cast<size_t>(
          std::ranges::min_element(judged) - judged.begin())];
    }
  }

  void Store(const Tile& tile) {
    std::byte* to = integers_.mutable_raw();
    ForEachWeight([&](int64_t i, int64_t k, size_t at) {
      for (size_t lane = 0; lane < tile.count; ++lane) {
        const int64_t index =
            layout_.Index(static_cast<int64_t>(tile.first + lane), i, k);
        const auto q = static_cast<int>(tile.integers[at + lane]);
        if (params_.dtype == DType::kInt8) {
          reinterpret_cast<int8_t*>(to)[index] = static_cast<int8_t>(q);
        } else {
          // Two threads may hold the two numbers of one byte.
          const std::scoped_lock lock(packing_);
          WritePacked(to, params_.dtype, index, q);
        }
      }
    });
  }

  Tensor weight_;
  WeightLayout layout_;
  QuantParams params_;
  float largest_;
  std::vector<float> scales_;  // by output channel
  Tensor integers_;
  std::mutex packing_;
};

bool IsOn(std::string_view name, const Recipe& recipe) {
  return std::ranges::any_of(AllMethods(), [&](const MethodDef* method) {
    return method->name == name && MethodIsOn(*method, recipe);
  });
}

// A MatMul may have no Add that holds a bias.
bool IsCentred(bool mean_is_restored, const Node& node) {
  return mean_is_restored && !node.Is("MatMul");
}

using Rounded = RoundedWeights::Rounded;

Rounded RoundLayer(const MethodContext& context, NodeId id, WeightFormat format,
                   const InputMoments& moments, bool centred, ThreadPool& pool,
                   const Graph& quantized) {
  const Node& before = context.original.node(id);
  const Value& weight = quantized.value(quantized.node(id).input(1));
  const Tensor& real = *context.original.ConstantOf(before.input(1));
  const float largest =
      static_cast<float>((1 << (std::min(format.bits, 8) - 1)) - 1);
  LayerRounding rounding(real, *LayoutOf(before, real), *weight.quant, largest);
  rounding.Run(moments, centred, pool);
  return {rounding.integers(), rounding.params()};
}

void UseRounded(const Rounded& rounded, NodeId id, Graph& quantized) {
  const Value weight = quantized.value(quantized.node(id).input(1));
  const ValueId copy = quantized.AddConstant(weight.name, rounded.integers);
  Value& value = quantized.value(copy);
  value.dtype = DType::kFloat32;
  value.user_name = weight.user_name;
  value.quant = rounded.params;
  quantized.ReplaceInput(id, 1, copy);
}

std::vector<NodeId> RoundableLayers(const MethodContext& context,
                                    const Graph& quantized) {
  const UseMap uses(quantized);
  std::vector<NodeId> layers;
  for (const NodeId id : context.original.order()) {
    const Node& node = quantized.node(id);
    const ValueId input = context.original.node(id).input(0);
    if (node.removed || !IsRoundable(quantized, uses, node) ||
        context.original.value(input).is_constant()) {
      continue;
    }
    layers.push_back(id);
  }
  return layers;
}

// Layers by what their rounding depends on, where it is kept.
class KeptRoundings {
 public:
  KeptRoundings(const MethodContext& context, const WeightFormats& formats,
                bool mean_is_restored)
      : formats_(formats),
        mean_is_restored_(mean_is_restored),
        kept_(context.data->rounded) {
    if (kept_ != nullptr) digest_ = DigestOf(context.original);
  }

  const Rounded* Find(NodeId id, const Graph& quantized) const {
    return kept_ == nullptr ? nullptr : kept_->Find(KeyOf(id, quantized));
  }
  void Keep(NodeId id, const Graph& quantized, const Rounded& rounded) const {
    if (kept_ != nullptr) kept_->Keep(KeyOf(id, quantized), rounded);
  }
  const InputMoments* FindMoments(NodeId id) const {
    return kept_ == nullptr ? nullptr : kept_->FindMoments(MomentKeyOf(id));
  }
  void KeepMoments(NodeId id, const InputMoments& moments) const {
    if (kept_ != nullptr) kept_->KeepMoments(MomentKeyOf(id), moments);
  }

 private:
  // `quantized` holds the layer as it was before its rounding.
  std::string KeyOf(NodeId id, const Graph& quantized) const {
    const Node& node = quantized.node(id);
    const Value& weight = quantized.value(node.input(1));
    const Tensor& scale = weight.quant->scale;
    return fmt::format("{} {} {} {} {} {}", digest_, id,
                       DTypeName(weight.quant->dtype), formats_.of(id).bits,
                       IsCentred(mean_is_restored_, node),
                       ContentHash(std::span(scale.raw(), scale.bytes())));
  }

  std::string MomentKeyOf(NodeId id) const {
    return fmt::format("{} {}", digest_, id);
  }

  const WeightFormats& formats_;
  bool mean_is_restored_;
  std::shared_ptr<RoundedWeights> kept_;
  std::string digest_;
};

int RoundWeights(const MethodContext& context, Graph& quantized) {
  return RoundWithFeedback(context, IsOn("bias-correction", context.recipe),
                           quantized);
}

// Eight bits a channel are fine as they are, and rounding takes longer than
// calibrating (docs/decisions/014-weight-rounding.md).
bool IsWorthIt(const Recipe& recipe) {
  const DType dtype = recipe.weights.value_or(DType::kInt8);
  const int bits = recipe.weight_bits > 0 ? recipe.weight_bits : BitsOf(dtype);
  return recipe.mode == QuantizeMode::kStatic &&
         (!recipe.per_channel || bits < 8);
}

}  // namespace

bool RoundsWithFeedback(const Recipe& recipe) {
  return IsOn("weight-rounding", recipe);
}

int RoundWithFeedback(const MethodContext& context, bool mean_is_restored,
                      Graph& quantized) {
  if (context.data == nullptr || context.recipe.saturation_safe) return 0;
  const WeightFormats formats(context.original, context.recipe, context.target);
  const KeptRoundings kept(context, formats, mean_is_restored);
  ThreadPool pool(context.context.threads);
  const auto round = [&](NodeId id, const InputMoments& moments) {
    const bool centred = IsCentred(mean_is_restored, context.original.node(id));
    const Rounded rounded = RoundLayer(context, id, formats.of(id), moments,
                                       centred, pool, quantized);
    kept.Keep(id, quantized, rounded);
    UseRounded(rounded, id, quantized);
  };
  const std::vector<NodeId> layers = RoundableLayers(context, quantized);
  std::vector<NodeId> missing;
  for (const NodeId id : layers) {
    if (const Rounded* rounded = kept.Find(id, quantized)) {
      UseRounded(*rounded, id, quantized);
    } else if (const InputMoments* moments = kept.FindMoments(id)) {
      round(id, *moments);
    } else {
      missing.push_back(id);
    }
  }
  const size_t limit = std::min(kMostMoments, context.context.memory_limit / 4);
  for (auto next = missing.begin(); next != missing.end();) {
    std::set<NodeId> together;
    size_t bytes = 0;
    for (; next != missing.end(); ++next) {
      bytes += MomentBytes(context.original, *next);
      if (bytes > limit && !together.empty()) break;
      together.insert(*next);
    }
    for (const auto& [id, moments] : MeasureInputs(
             context.original, together, *context.data, context.context)) {
      kept.KeepMoments(id, moments);
      round(id, moments);
    }
  }
  return static_cast<int>(layers.size());
}

extern constinit const MethodDef kWeightRoundingMethod = {
    .name = "weight-rounding",
    .summary =
        "rounds each weight so that it makes up for those rounded before "
        "(GPTQ with activation order)",
    .source = "arXiv:2210.17323, arXiv:2307.13304",
    .correct = RoundWeights,
    .on_for = IsWorthIt,
};

}  // namespace squint
