// squint quantize: load, optimize, calibrate, quantize, write, compare.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "squint/api/budget_job.h"
#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/base/hash.h"
#include "squint/base/stopwatch.h"
#include "squint/data/scaled_dataset.h"
#include "squint/data/synthetic.h"
#include "squint/graph/user_name.h"
#include "squint/interchange/interchange.h"
#include "squint/quantize/finite_weights.h"
#include "squint/quantize/io.h"
#include "squint/quantize/match_inputs.h"
#include "squint/quantize/quantize.h"
#include "squint/quantize/tuning_data.h"
#include "squint/quantize/weight_format.h"
#include "squint/report/compare.h"
#include "squint/report/evaluate.h"

namespace squint {
namespace {

// Left-float nodes by reason, the most numerous first. Shape arithmetic and
// the like is not news to anyone.
std::vector<FloatGroup> GroupFloatNodes(const std::vector<NodeOutcome>& nodes) {
  std::vector<FloatGroup> groups;
  for (const NodeOutcome& node : nodes) {
    if (node.integer || node.kind == FloatKind::kNotReal) continue;
    const auto it = std::find_if(
        groups.begin(), groups.end(), [&](const FloatGroup& group) {
          return group.reason == node.reason && group.op_type == node.op_type;
        });
    FloatGroup& group =
        it != groups.end()
            ? *it
            : groups.emplace_back(FloatGroup{node.reason, node.op_type, {}});
    group.nodes.push_back(node.name);
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const FloatGroup& a, const FloatGroup& b) {
                     return a.nodes.size() > b.nodes.size();
                   });
  return groups;
}

void NoteUnfused(const Recipe& recipe, QuantizeSummary& summary) {
  const Target& target = FindTarget(recipe.target);
  if (!target.note.empty()) summary.notes.push_back(target.note);
  const bool other_activations =
      recipe.activations && *recipe.activations != target.activation;
  if (recipe.mode == QuantizeMode::kStatic && other_activations) {
    summary.notes.push_back(fmt::format(
        "{} activations were asked for where {} fuses {}: the file is valid, "
        "but ONNX Runtime will run parts of it in float",
        DTypeName(*recipe.activations), target.name,
        DTypeName(target.activation)));
    if (BitsOf(*recipe.activations) != 8) {
      summary.notes.push_back(fmt::format(
          "Squint simulates {} activations: it rounds them and computes in "
          "float",
          DTypeName(*recipe.activations)));
    }
  }
}

// What the recipe's target needs; float results stay as they are.
void ApplyRecipe(Prepared& prepared, const Recipe& recipe) {
  if (prepared.quantized) return;
  Graph graph = *prepared.graph;
  PrepareForRecipe(graph, recipe);
  prepared.graph = std::make_shared<const Graph>(std::move(graph));
}

// Before the work, not after it.
void CheckOutput(const QuantizeRequest& request) {
  namespace fs = std::filesystem;
  const fs::path output = request.output;
  const fs::path folder =
      output.has_parent_path() ? output.parent_path() : fs::path(".");
  std::error_code ignored;
  if (fs::is_directory(output, ignored) || !fs::is_directory(folder, ignored) ||
      ::access(folder.c_str(), W_OK) != 0) {
    Fail(ErrorCode::kIo, "{}: cannot write there", request.output);
  }
}

// Layers are told apart by name: nodes without one, and those of which several
// have the same, get one from their result.
void NameNodes(Prepared& prepared) {
  Graph graph = *prepared.graph;
  std::map<std::string, int> uses;
  for (const NodeId id : graph.order()) ++uses[UserName(graph.node(id))];
  for (const NodeId id : graph.order()) {
    Node& node = graph.node(id);
    const std::string name = UserName(node);
    if (node.output() == kNoValue || (!name.empty() && uses[name] == 1)) {
      continue;
    }
    node.name = fmt::format("{}{}{}", name, name.empty() ? "" : " ",
                            graph.value(node.output()).name);
    node.user_names = {node.name};
  }
  prepared.graph = std::make_shared<const Graph>(std::move(graph));
}

class QuantizeJob {
 public:
  QuantizeJob(const QuantizeRequest& request, const Context& context)
      : request_(request),
        context_(context),
        recipe_(MakeRecipe(request.recipe)),
        prepared_(Prepare(request.model, request.disabled_passes, context)) {
    CheckOutput(request);
    if (HasBudget() || !recipe_.layers.empty()) NameNodes(prepared_);
    ApplyRecipe(prepared_, recipe_);
  }

  QuantizeSummary Run() {
    summary_.float_bytes = prepared_.file_bytes;
    summary_.data_free =
        request_.no_data && recipe_.mode == QuantizeMode::kStatic;
    if (summary_.data_free) {
      // Synthetic inputs do not show which tails real ones can do without.
      if (recipe_.observer.empty()) recipe_.observer = "min_max";
      MakeData();
    } else if (!request_.data.source.empty()) {
      dataset_ = OpenData(request_.data, *prepared_.graph, context_);
      split_ = SplitSamples(SampleIndices(request_.data, dataset_->size()));
    }
    if (HasBudget()) {
      budget_.emplace(request_, prepared_,
                      summary_.data_free ? nullptr : dataset_, context_);
      budget_->HoldBack(split_);
    }
    const bool calibrated = GetCalibration();
    const TuningData data{dataset_, split_.calibrate};
    QuantizeResult result =
        HasBudget()
            ? SearchForBudget(data)
            : Quantize(*prepared_.graph, calibrated ? &calibration_ : nullptr,
                       recipe_, context_, dataset_ ? &data : nullptr);
    Write(result);
    if (summary_.integer_nodes == 0 && summary_.quantized_weight_bytes == 0 &&
        !HasBudget()) {
      summary_.notes.push_back(
          "nothing became integer: the model has no float32 weights or "
          "operators that this recipe quantizes");
    }
    if (dataset_ && request_.compare && !summary_.data_free)
      CompareNetworks(std::move(result.graph));
    summary_.total_seconds = total_.Seconds();
    summary_.json = JsonText(ToJson());
    return std::move(summary_);
  }

 private:
  bool HasBudget() const { return !request_.budget.max_drop.empty(); }

  QuantizeResult SearchForBudget(const TuningData& tuning) try {
    const std::string note = budget_->OverlapNote(calibration_);
    if (!note.empty()) summary_.notes.push_back(note);
    BudgetResult found =
        budget_->Search(calibration_, recipe_, tuning,
                        [&](const Recipe& recipe, const QuantizeResult& best) {
                          Save(best.graph, recipe);
                          saved_ = true;
                        });
    recipe_ = found.recipe;
    summary_.budget_met = found.met;
    summary_.budget_text = DescribeBudget(found);
    return std::move(found.network);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCancelled || !saved_) throw;
    throw Error(ErrorCode::kCancelled,
                fmt::format("cancelled; {} holds the best network so far",
                            request_.output));
  }

  void MakeData() {
    if (!request_.data.source.empty() || !request_.calibration.empty()) {
      Fail(ErrorCode::kInvalidArgument,
           "--no-data does without samples: leave out --data and "
           "--calibration");
    }
    // Ranges from BatchNormalization would hide what the weights do.
    CheckWeightsAreFinite(*prepared_.graph);
    dataset_ =
        OpenDataset("synthetic", InputSpecsOf(*prepared_.graph),
                    {.preset = request_.data.preset, .seed = context_.seed});
    split_.calibrate = SampleIndices({}, dataset_->size());
    KeepUnknownInputsFloat();
    const auto scaling = MatchInputs(*prepared_.graph, prepared_.normals,
                                     {dataset_, split_.calibrate}, context_);
    // Who names the preprocessing knows better.
    if (scaling && request_.data.preset.empty()) {
      dataset_ = MakeScaledDataset(dataset_, scaling->factor, scaling->offset);
    }
    DoubtSyntheticInputs(scaling.has_value());
  }

  // docs/accuracy.md has the figures ("Without data"). Methods are left out
  // unless the user asks for them.
  void DoubtSyntheticInputs(bool units_known) {
    const std::vector<InputSpec> inputs = InputSpecsOf(*prepared_.graph);
    const bool noise = !std::ranges::any_of(inputs, TakesImages);
    // Believes in single channels' ranges.
    recipe_.methods.emplace("smooth-quant", false);
    // Noise in units that nothing tells has other means than real inputs.
    if (noise && !units_known) {
      recipe_.methods.emplace("bias-correction", false);
    }
    // Real inputs hold what a network was trained to answer strongly to. Images
    // in the widest of all units, by a guess, reach too far already.
    synthetic_reach_ = noise || units_known ? 1.2f : 1.0f;
  }

  // Noise says nothing of how far real inputs reach: what reads them stays
  // float, unless they are images.
  void KeepUnknownInputsFloat() {
    for (const InputSpec& input : InputSpecsOf(*prepared_.graph)) {
      if (TakesImages(input) || !IsFloat(input.dtype)) continue;
      for (const NodeId id : FirstLayers(*prepared_.graph)) {
        const Node& node = prepared_.graph->node(id);
        const std::string& name = prepared_.graph->value(node.input(0)).name;
        recipe_.tensors[name].keep_float = true;
      }
    }
  }

  void UseWhatTheFileSays() {
    for (auto& [name, statistics] : calibration_.values) {
      statistics.minimum *= synthetic_reach_;
      statistics.maximum *= synthetic_reach_;
    }
    const int known =
        UseNormalizations(*prepared_.graph, prepared_.normals, calibration_);
    summary_.notes.push_back(fmt::format(
        "data-free: no sample was seen. Of {} ranges {} follow from "
        "BatchNormalization, the others from {}; compare with real data "
        "before relying on it",
        calibration_.values.size(), known, dataset_->description()));
  }

  bool GetCalibration() {
    if (recipe_.mode != QuantizeMode::kStatic) return false;
    const Stopwatch stopwatch;
    if (!request_.calibration.empty()) {
      calibration_ = ReadCalibration(request_.calibration);
      if (calibration_.model_hash != prepared_.hash) {
        Fail(ErrorCode::kInvalidArgument,
             "{} was made for the model with hash {}, {} has {}",
             request_.calibration, calibration_.model_hash, request_.model,
             prepared_.hash);
      }
    } else {
      if (!dataset_) {
        Fail(ErrorCode::kInvalidArgument,
             "no data given: --data takes a folder of images, a .npy, .npz or "
             ".json file, or the word random; --no-data does without");
      }
      CalibrateOptions options;
      options.samples = split_.calibrate;
      options.values = ValuesToCalibrate(*prepared_.graph, recipe_);
      calibration_ = Calibrate(*prepared_.graph, *dataset_, options, context_);
      calibration_.model_hash = prepared_.hash;
      if (summary_.data_free) UseWhatTheFileSays();
    }
    summary_.calibration_samples =
        static_cast<int64_t>(calibration_.samples.size());
    summary_.calibrate_seconds = stopwatch.Seconds();
    return true;
  }

  // Returns the bytes of what is written.
  size_t Save(const Graph& graph, const Recipe& recipe) const {
    Graph written = graph;
    auto& metadata = written.metadata;
    metadata["squint.version"] = Version();
    metadata["squint.recipe"] = RecipeToText(recipe);
    metadata["squint.float_model"] = prepared_.hash;
    if (summary_.data_free) {
      metadata["squint.calibration_data"] = "none: data-free";
    } else if (!calibration_.samples.empty()) {
      metadata["squint.calibration_data"] = DataHash(calibration_);
    }
    if (recipe.io != DType::kFloat32) {
      QuantizeInputsAndOutputs(written, recipe.io);
    }
    return SaveModel(written, request_.output,
                     {.external_threshold = request_.external_data})
        .bytes;
  }

  void Write(const QuantizeResult& result) {
    summary_.quantized_bytes = Save(result.graph, recipe_);
    summary_.float_weight_bytes = result.float_weight_bytes;
    summary_.quantized_weight_bytes = result.quantized_weight_bytes;
    summary_.notes.insert(summary_.notes.end(), result.notes.begin(),
                          result.notes.end());
    NoteUnfused(recipe_, summary_);
    summary_.left_float = GroupFloatNodes(result.nodes);
    for (const NodeOutcome& node : result.nodes) {
      summary_.integer_nodes += node.integer;
      summary_.float_nodes += !node.integer && node.kind != FloatKind::kNotReal;
    }
  }

  void CompareNetworks(Graph quantized) {
    Runner real(prepared_.graph, RunMode::kExecutor, context_);
    Runner simulated(std::make_shared<const Graph>(std::move(quantized)),
                     RunMode::kExecutor, context_);
    const Comparison comparison = Compare(
        real, simulated, dataset_, {.samples = split_.compare}, context_);
    summary_.compared_samples = comparison.samples;
    summary_.compared_on_calibration = split_.overlap;
    summary_.agreement = comparison.agreement;
    summary_.sqnr = std::numeric_limits<double>::infinity();
    for (const ValueDifference& output : comparison.outputs) {
      summary_.sqnr = std::min(summary_.sqnr, output.sqnr);
    }
    if (!dataset_->has_labels() && !dataset_->has_targets()) return;
    EvaluateOptions options{.metric = "", .samples = split_.compare};
    const MetricResult a = Evaluate(real, nullptr, dataset_, options, context_);
    const MetricResult b =
        Evaluate(simulated, nullptr, dataset_, options, context_);
    summary_.metric = a.name;
    summary_.float_metric = a.value;
    summary_.quantized_metric = b.value;
  }

  Json ToJson() const {
    Json json = Json::object();
    json["model"] = request_.model;
    json["output"] = request_.output;
    json["float_bytes"] = summary_.float_bytes;
    json["quantized_bytes"] = summary_.quantized_bytes;
    json["float_weight_bytes"] = summary_.float_weight_bytes;
    json["quantized_weight_bytes"] = summary_.quantized_weight_bytes;
    json["integer_nodes"] = summary_.integer_nodes;
    json["float_nodes"] = summary_.float_nodes;
    json["left_float"] = Json::array();
    for (const FloatGroup& group : summary_.left_float) {
      json["left_float"].push_back(JsonObject("op_type", group.op_type,
                                              "reason", group.reason, "nodes",
                                              group.nodes));
    }
    json["notes"] = summary_.notes;
    json["data_free"] = summary_.data_free;
    json["calibration_samples"] = summary_.calibration_samples;
    json["calibrate_seconds"] = summary_.calibrate_seconds;
    json["total_seconds"] = summary_.total_seconds;
    if (summary_.compared_samples > 0) {
      json["compared_samples"] = summary_.compared_samples;
      json["compared_on_calibration"] = summary_.compared_on_calibration;
      json["execution"] = "simulated";
      json["sqnr"] = NumberOrNull(summary_.sqnr);
      json["agreement"] = summary_.agreement;
    }
    if (!summary_.metric.empty()) {
      json["metric"] = summary_.metric;
      json["float"] = summary_.float_metric;
      json["quantized"] = summary_.quantized_metric;
    }
    if (HasBudget()) json["budget_met"] = summary_.budget_met;
    json["recipe"] = Json::parse(RecipeToText(recipe_));
    return json;
  }

  const QuantizeRequest& request_;
  const Context& context_;
  Stopwatch total_;
  Recipe recipe_;
  Prepared prepared_;
  std::shared_ptr<const Dataset> dataset_;
  Split split_;
  std::optional<BudgetJob> budget_;
  bool saved_ = false;  // the best so far, of a search
  Calibration calibration_;
  float synthetic_reach_ = 1;  // ranges over those of synthetic samples
  QuantizeSummary summary_;
};

Json CalibrationJson(const Calibration& calibration) {
  return JsonObject("samples", calibration.samples.size(), "tensors",
                    calibration.values.size());
}

CalibrateSummary SummaryOf(const Calibration& calibration) {
  return {static_cast<int64_t>(calibration.samples.size()),
          static_cast<int64_t>(calibration.values.size()),
          JsonText(CalibrationJson(calibration))};
}

CalibrateSummary CalibrateModel(const CalibrateRequest& request,
                                const Context& context) {
  const Recipe recipe = MakeRecipe(request.recipe);
  Prepared prepared = Prepare(request.model, {}, context);
  ApplyRecipe(prepared, recipe);
  const auto dataset = OpenData(request.data, *prepared.graph, context);
  const std::vector<int64_t> samples =
      SampleIndices(request.data, dataset->size());
  CalibrateOptions options;
  options.samples = request.all ? samples : SplitSamples(samples).calibrate;
  options.values = ValuesToCalibrate(*prepared.graph, recipe);
  options.resume = request.output + ".partial";
  Calibration calibration =
      Calibrate(*prepared.graph, *dataset, options, context);
  calibration.model_hash = prepared.hash;
  WriteCalibration(request.output, calibration);
  std::filesystem::remove(options.resume);
  return SummaryOf(calibration);
}

}  // namespace

std::string Version() { return SQUINT_VERSION; }

QuantizeSummary QuantizeFile(const QuantizeRequest& request,
                             const Context& context) {
  return RunOnFiles(request.model,
                    [&] { return QuantizeJob(request, context).Run(); });
}

CalibrateSummary CalibrateFile(const CalibrateRequest& request,
                               const Context& context) {
  return RunOnFiles(request.model,
                    [&] { return CalibrateModel(request, context); });
}

CalibrateSummary MergeCalibrationFiles(const std::vector<std::string>& inputs,
                                       const std::string& output) try {
  if (inputs.empty()) {
    Fail(ErrorCode::kInvalidArgument, "nothing to merge");
  }
  Calibration merged = ReadCalibration(inputs[0]);
  for (size_t i = 1; i < inputs.size(); ++i) {
    try {
      merged.Merge(ReadCalibration(inputs[i]));
    } catch (const Error& error) {
      throw error.In(inputs[i]);
    }
  }
  WriteCalibration(output, merged);
  return SummaryOf(merged);
} catch (...) {
  RethrowAsError(output);
}

}  // namespace squint
