#include "squint/report/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/stopwatch.h"
#include "squint/quantize/method.h"
#include "squint/quantize/rounded_weights.h"
#include "squint/quantize/weight_format.h"
#include "squint/report/budget_layers.h"
#include "squint/report/evaluate.h"
#include "squint/report/runner.h"

namespace squint {
namespace {

constexpr size_t kRankingSamples = 16;
constexpr WeightFormat kFloat{DType::kFloat32, 32};
constexpr size_t kLoweringTrials = 8;  // of single layers, at the end

// Tried before any layer is raised: they cost neither bytes nor time.
constexpr const char* kFreeMethods[] = {"equalization", "weight-rounding"};

class Search {
 public:
  Search(const BudgetRequest& request, const Context& context)
      : request_(request),
        context_(context),
        quiet_(context),
        float_graph_(std::make_shared<const Graph>(request.graph)),
        float_runner_(float_graph_, RunMode::kExecutor, context),
        judged_(float_runner_),
        ranked_(float_runner_),
        tuning_(request.tuning),
        base_(request.recipe) {
    tuning_.rounded = std::make_shared<RoundedWeights>();
    quiet_.progress = nullptr;
    quiet_.log = nullptr;
    for (const MethodDef* method : AllMethods()) {
      if (!method->needs_data) continue;
      const std::string name(method->name);
      if (MethodIsOn(*method, base_)) slow_[name] = true;
      base_.methods[name] = false;
    }
  }

  BudgetResult Run() {
    FindFloatMetric();
    base_format_ = CommonWeightFormat(base_);
    TakeUp();
    const Stopwatch stopwatch;
    QuantizeResult cheapest = Quantized(base_);
    layers_ = RaisableLayers(request_.graph, cheapest);
    if (request_.budget.objective == Objective::kLatency) {
      other_seconds_ = MeasureLayers(
          float_graph_, cheapest.graph,
          tuning_.dataset->Get(tuning_.samples.front()), quiet_, layers_);
    }
    const Trial* known = Known({});
    Reach(known != nullptr ? *known
                           : Judge({}, std::move(cheapest), stopwatch));
    if (!reached_->holds) {
      TryFreeMethods();
      if (!reached_->holds) TrySlowMethods({});
      RaiseLayers();
      if (!reached_->holds) TrySlowMethods(Types(reached_->layers));
    }
    Finish();
    return std::move(result_);
  }

 private:
  using Types = std::map<std::string, WeightFormat>;

  // ---- metric

  void FindFloatMetric() {
    std::string name = request_.budget.metric;
    const Dataset& data = *request_.judge.dataset;
    if (name.empty()) name = data.metric();
    if (name.empty() && !data.has_labels() && !data.has_targets()) {
      name = "agreement";
    }
    const MetricResult found = Evaluated(float_runner_, name);
    if (!std::isfinite(found.value)) {
      Fail(ErrorCode::kInvalidArgument,
           "metric {} is {} for the float network: a budget needs a number (do "
           "its "
           "weights hold NaN?)",
           found.name, found.value);
    }
    result_.metric = metric_ = found.name;
    higher_is_better_ = found.higher_is_better;
    result_.float_metric = found.value;
    if (request_.budget.relative && found.value == 0) {
      Fail(ErrorCode::kInvalidArgument,
           "{} of the float network is 0, of which a share allows nothing: "
           "give an absolute --max-drop",
           found.name);
    }
    const double drop = request_.budget.relative
                            ? request_.budget.max_drop * std::fabs(found.value)
                            : request_.budget.max_drop;
    result_.limit = found.value + (higher_is_better_ ? -drop : drop);
  }

  MetricResult Evaluated(Runner& runner, const std::string& name) {
    return Evaluate(runner, &judged_, request_.judge.dataset,
                    {.metric = name, .samples = request_.judge.samples},
                    quiet_);
  }

  bool Holds(double metric) const {
    return higher_is_better_ ? metric >= result_.limit
                             : metric <= result_.limit;
  }
  bool Better(double a, double b) const {
    return higher_is_better_ ? a > b : a < b;
  }

  // ---- trials

  // The best of earlier trials is kept from the beginning. The search itself
  // goes the same way again, past what is known.
  void TakeUp() {
    record_ = request_.known;
    if (record_.trials.empty()) return;
    for (Trial& trial : record_.trials) trial.holds = Holds(trial.metric);
    result_.best = record_.trials.front();
    for (const Trial& trial : record_.trials) {
      if (Beats(trial, result_.best)) result_.best = trial;
    }
    const std::map<std::string, bool> methods = base_.methods;
    base_.methods = result_.best.methods;
    Keep(result_.best, Quantized(RecipeWith(result_.best.layers)));
    base_.methods = methods;
  }

  Recipe RecipeWith(const Types& layers) const {
    Recipe recipe = base_;
    for (const auto& [name, type] : layers) recipe.layers[name] = type;
    return recipe;
  }

  QuantizeResult Quantized(const Recipe& recipe) const {
    return Quantize(request_.graph, &request_.calibration, recipe, quiet_,
                    &tuning_);
  }

  // With the methods that are on; null when it has not been made.
  const Trial* Known(const Types& layers) const {
    const auto it =
        std::ranges::find_if(record_.trials, [&](const Trial& made) {
          return made.layers == layers && made.methods == base_.methods;
        });
    return it == record_.trials.end() ? nullptr : &*it;
  }

  Trial Try(const Types& layers) {
    const Stopwatch stopwatch;
    const Trial* known = Known(layers);
    const Trial trial =
        known != nullptr
            ? *known
            : Judge(layers, Quantized(RecipeWith(layers)), stopwatch);
    Reach(trial);
    return trial;
  }

  void Reach(const Trial& trial) {
    if (!reached_ || Beats(trial, *reached_)) reached_ = trial;
  }

  Trial Judge(const Types& layers, QuantizeResult quantized,
              const Stopwatch& stopwatch) {
    context_.ThrowIfCancelled();
    Trial trial{.layers = layers, .methods = base_.methods};
    Runner runner(std::make_shared<const Graph>(quantized.graph),
                  RunMode::kExecutor, quiet_);
    trial.metric = Evaluated(runner, metric_).value;
    trial.holds = Holds(trial.metric);
    trial.bytes = BytesOf(quantized, layers);
    trial.latency = LatencyOf(layers);
    trial.seconds = stopwatch.Seconds();
    if (record_.trials.empty() || Beats(trial, result_.best)) {
      Keep(trial, std::move(quantized));
    }
    Record(trial);
    return trial;
  }

  size_t BytesOf(const QuantizeResult& quantized, const Types& layers) const {
    double bytes = static_cast<double>(quantized.quantized_weight_bytes);
    for (const BudgetLayer& layer : layers_) {
      const auto it = layers.find(layer.name);
      if (it != layers.end() && it->second == kFloat) {
        bytes += BytesOfWeights(layer, DType::kFloat32);
      }
    }
    return static_cast<size_t>(bytes);
  }

  double LatencyOf(const Types& layers) const {
    double seconds = other_seconds_;
    for (const BudgetLayer& layer : layers_) {
      const auto it = layers.find(layer.name);
      const bool stays = it != layers.end() && it->second == kFloat;
      seconds += stays ? layer.float_seconds : layer.integer_seconds;
    }
    return seconds;
  }

  double CostOf(const Trial& trial) const {
    return request_.budget.objective == Objective::kLatency
               ? trial.latency + static_cast<double>(trial.bytes) * 1e-15
               : static_cast<double>(trial.bytes);
  }

  // What holds, then what is cheaper; while neither does, what is more
  // accurate.
  bool Beats(const Trial& a, const Trial& b) const {
    if (a.holds != b.holds) return a.holds;
    return a.holds ? CostOf(a) < CostOf(b) : Better(a.metric, b.metric);
  }

  void Keep(const Trial& trial, QuantizeResult quantized) {
    result_.best = trial;
    result_.recipe = RecipeWith(trial.layers);
    result_.network = std::move(quantized);
    if (request_.on_best) request_.on_best(result_.recipe, result_.network);
  }

  void Record(const Trial& trial) {
    record_.trials.push_back(trial);
    if (request_.on_record) request_.on_record(record_);
    const size_t made = record_.trials.size();
    context_.Detail(
        fmt::format("trial {}: {} layers raised, {} {:.5g} ({}), {} bytes",
                    made, trial.layers.size(), metric_, trial.metric,
                    trial.holds ? "holds" : "misses", trial.bytes));
    context_.Report("budget", static_cast<int64_t>(made), 0);
  }

  bool OutOfTime() {
    const double limit = request_.budget.seconds;
    result_.out_of_time = limit > 0 && total_.Seconds() > limit;
    return result_.out_of_time;
  }

  // ---- search

  void TryFreeMethods() {
    for (const char* name : kFreeMethods) {
      if (reached_->holds || OutOfTime()) return;
      const auto all = AllMethods();
      const auto method = std::ranges::find(all, name, &MethodDef::name);
      // One that is on already would give the same network again.
      if (method == all.end() || base_.methods.contains(name) ||
          MethodIsOn(**method, base_)) {
        continue;
      }
      const double before = reached_->metric;
      base_.methods[name] = true;
      if (!Better(Try({}).metric, before)) base_.methods.erase(name);
    }
  }

  // Those that take minutes are tried at the beginning and at the end only.
  void TrySlowMethods(const Types& layers) {
    if (slow_.empty() || OutOfTime()) return;
    const std::map<std::string, bool> before = base_.methods;
    for (const auto& [name, on] : slow_) base_.methods[name] = on;
    Try(layers);
    base_.methods = before;
  }

  // From the recipe's bits to eight, where that is more, and then to float.
  void RaiseLayers() {
    WeightFormat low = base_format_;
    for (const WeightFormat& high : {FormatOf(DType::kInt8), kFloat}) {
      if (reached_->holds || OutOfTime()) return;
      if (high.bits <= low.bits) continue;
      Types all;
      for (const BudgetLayer& layer : layers_) all[layer.name] = high;
      if (high != kFloat && !Try(all).holds) {
        low = high;
        raised_ = all;
        continue;
      }
      // Fewer bits of one type save nothing: all may have them.
      if (low.dtype != high.dtype) FewestOf(RankedFor(low, high), high);
      return;
    }
  }

  // Noise of the outputs against the float network's, on samples that
  // calibrated.
  double NoiseOf(const Types& layers) {
    const QuantizeResult quantized = Quantized(RecipeWith(layers));
    Runner runner(std::make_shared<const Graph>(quantized.graph),
                  RunMode::kExecutor, quiet_);
    double noise = 0;
    double signal = 0;
    const auto add = [&](const std::vector<Tensor>& want,
                         const std::vector<Tensor>& got) {
      for (size_t k = 0; k < want.size(); ++k) {
        if (want[k].dtype() != DType::kFloat32) continue;
        for (int64_t j = 0; j < want[k].size(); ++j) {
          const auto a = static_cast<double>(want[k].data<float>()[j]);
          const auto b = static_cast<double>(got[k].data<float>()[j]);
          noise += (a - b) * (a - b);
          signal += a * a;
        }
      }
    };
    const size_t count = std::min(kRankingSamples, tuning_.samples.size());
    for (size_t done = 0; done < count;) {
      std::vector<Sample> samples;
      const size_t end = std::min(count, done + runner.together());
      for (; done < end; ++done) {
        samples.push_back(tuning_.dataset->Get(
            tuning_.samples[done * tuning_.samples.size() / count]));
      }
      ranked_.Prepare(samples);
      const auto got = runner.RunAll(samples);
      for (size_t i = 0; i < samples.size(); ++i) {
        add(ranked_.Of(samples[i]), got[i]);
      }
    }
    return signal > 0 ? noise / signal : noise;
  }

  // NoiseOf all layers raised but one, or all where `name` is "".
  double NoiseWithout(const std::string& name, const WeightFormat& low,
                      const WeightFormat& high) {
    for (const LayerNoise& known : record_.noises) {
      if (known.layer == name && known.low == low && known.high == high &&
          known.methods == base_.methods) {
        return known.noise;
      }
    }
    Types types;
    for (const BudgetLayer& layer : layers_) {
      if (layer.name != name) {
        types[layer.name] = high;
      } else if (low != base_format_) {
        types[name] = low;
      }
    }
    record_.noises.push_back({name, low, high, base_.methods, NoiseOf(types)});
    ++result_.ranked;
    if (request_.on_record) request_.on_record(record_);
    return record_.noises.back().noise;
  }

  // Layers by what they cost alone while all others are raised, against what
  // they save; the worst bargain first.
  std::vector<BudgetLayer> RankedFor(const WeightFormat& low,
                                     const WeightFormat& high) {
    const double floor = NoiseWithout("", low, high);
    std::vector<std::pair<double, size_t>> order;
    for (size_t i = 0; i < layers_.size(); ++i) {
      context_.ThrowIfCancelled();
      if (OutOfTime()) break;
      const double noise = NoiseWithout(layers_[i].name, low, high);
      const double damage = std::max(0.0, noise - floor);
      order.emplace_back(-damage / Saved(layers_[i], low, high), i);
      context_.Report("rank layers", static_cast<int64_t>(i) + 1,
                      static_cast<int64_t>(layers_.size()));
    }
    std::ranges::stable_sort(order);
    std::vector<BudgetLayer> ranked;
    for (const auto& [score, i] : order) ranked.push_back(layers_[i]);
    // Those for which there was no time come last, as they are.
    for (size_t i = order.size(); i < layers_.size(); ++i) {
      ranked.push_back(layers_[i]);
    }
    return ranked;
  }

  double Saved(const BudgetLayer& layer, const WeightFormat& low,
               const WeightFormat& high) const {
    const double bytes =
        BytesOfWeights(layer, high.dtype) - BytesOfWeights(layer, low.dtype);
    if (request_.budget.objective == Objective::kSize || high != kFloat) {
      return std::max(1.0, bytes);
    }
    return std::max(1e-7, layer.float_seconds - layer.integer_seconds);
  }

  Types FirstOf(const std::vector<BudgetLayer>& ranked, size_t count,
                const WeightFormat& high) const {
    Types types = raised_;
    for (size_t i = 0; i < count; ++i) types[ranked[i].name] = high;
    return types;
  }

  // Halves the ranking until the fewest are found, then tries to do without
  // single ones of them.
  void FewestOf(const std::vector<BudgetLayer>& ranked,
                const WeightFormat& high) {
    size_t misses = 0;
    size_t holds = ranked.size();
    while (holds - misses > 1 && !OutOfTime()) {
      const size_t middle = misses + (holds - misses) / 2;
      (Try(FirstOf(ranked, middle, high)).holds ? holds : misses) = middle;
    }
    Types types = FirstOf(ranked, holds, high);
    if (!reached_->holds) Try(types);
    if (!reached_->holds) return;
    std::vector<BudgetLayer> large(
        ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(holds));
    std::ranges::stable_sort(large,
                             [](const BudgetLayer& a, const BudgetLayer& b) {
                               return a.numbers > b.numbers;
                             });
    if (large.size() > kLoweringTrials) large.resize(kLoweringTrials);
    for (const BudgetLayer& layer : large) {
      if (OutOfTime() || holds < 2) return;
      Types fewer = types;
      if (raised_.contains(layer.name)) {
        fewer[layer.name] = raised_[layer.name];
      } else {
        fewer.erase(layer.name);
      }
      if (Try(fewer).holds) types = fewer;
    }
  }

  void Finish() {
    result_.met = result_.best.holds;
    result_.trials = record_.trials;
    std::vector<Trial> trials = record_.trials;
    std::ranges::stable_sort(trials, [&](const Trial& a, const Trial& b) {
      return CostOf(a) < CostOf(b);
    });
    for (const Trial& trial : trials) {
      if (result_.pareto.empty() ||
          Better(trial.metric, result_.pareto.back().metric)) {
        result_.pareto.push_back(trial);
      }
    }
  }

  const BudgetRequest& request_;
  const Context& context_;
  Context quiet_;  // progress is of the search
  std::shared_ptr<const Graph> float_graph_;
  Runner float_runner_;
  ReferenceOutputs judged_;  // of the samples that judge
  ReferenceOutputs ranked_;  // of those that rank
  TuningData tuning_;        // the request's, and what was made of it
  Recipe base_;
  std::map<std::string, bool> slow_;  // methods that were asked for
  WeightFormat base_format_;
  std::string metric_;
  bool higher_is_better_ = true;
  std::vector<BudgetLayer> layers_;
  double other_seconds_ = 0;
  Types raised_;  // by the step before
  Stopwatch total_;
  SearchRecord record_;
  std::optional<Trial> reached_;  // the best on the way of this search
  BudgetResult result_;
};

}  // namespace

Budget ParseBudget(const std::string& max_drop) {
  Budget budget;
  size_t used = 0;
  try {
    budget.max_drop = std::stod(max_drop, &used);
  } catch (const std::exception&) {
    used = std::string::npos;
  }
  const std::string rest = used > max_drop.size() ? "?" : max_drop.substr(used);
  budget.relative = rest == "%";
  if ((!rest.empty() && rest != "%") || !std::isfinite(budget.max_drop) ||
      budget.max_drop < 0) {
    Fail(ErrorCode::kInvalidArgument,
         "a drop is a number, absolute as in 0.005 or relative to the float "
         "metric as in 0.5%, not '{}'",
         max_drop);
  }
  if (budget.relative) budget.max_drop /= 100;
  return budget;
}

BudgetResult SearchBudget(const BudgetRequest& request,
                          const Context& context) {
  if (request.recipe.mode != QuantizeMode::kStatic) {
    Fail(ErrorCode::kUnsupported,
         "a budget is searched for static quantization only");
  }
  if (request.judge.samples.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "a budget needs samples that did not calibrate to be judged on");
  }
  return Search(request, context).Run();
}

}  // namespace squint
