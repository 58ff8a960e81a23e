#include "squint/api/budget_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "squint/base/file.h"
#include "squint/base/hash.h"
#include "squint/base/json.h"

namespace squint {
namespace {

constexpr const char* kFormat = "squint-trials";
constexpr int kVersion = 2;

Json ToJson(const Trial& trial) {
  Json layers = Json::object();
  for (const auto& [name, type] : trial.layers) {
    layers[name] = FormatName(type);
  }
  return JsonObject("layers", layers, "methods", trial.methods, "metric",
                    trial.metric, "bytes", trial.bytes, "latency",
                    trial.latency, "seconds", trial.seconds, "holds",
                    trial.holds);
}

WeightFormat FormatFrom(const Json& json) {
  const auto name = json.get<std::string>();
  const std::optional<WeightFormat> format = FormatFromName(name);
  if (!format) Fail(ErrorCode::kInvalidArgument, "'{}' is not a type", name);
  return *format;
}

Trial TrialFromJson(const Json& json) {
  Trial trial;
  for (const auto& [name, type] : json.at("layers").items()) {
    trial.layers[name] = FormatFrom(type);
  }
  trial.methods = json.at("methods").get<std::map<std::string, bool>>();
  trial.metric = json.at("metric").get<double>();
  trial.bytes = json.at("bytes").get<size_t>();
  trial.latency = json.at("latency").get<double>();
  trial.seconds = json.at("seconds").get<double>();
  return trial;
}

Json ToJson(const LayerNoise& noise) {
  return JsonObject("layer", noise.layer, "low", FormatName(noise.low), "high",
                    FormatName(noise.high), "methods", noise.methods, "noise",
                    noise.noise);
}

LayerNoise NoiseFromJson(const Json& json) {
  return {.layer = json.at("layer").get<std::string>(),
          .low = FormatFrom(json.at("low")),
          .high = FormatFrom(json.at("high")),
          .methods = json.at("methods").get<std::map<std::string, bool>>(),
          .noise = json.at("noise").get<double>()};
}

Json KeyJson(const TrialsKey& key) {
  return JsonObject("model", key.model, "data", key.data, "recipe", key.recipe,
                    "metric", key.metric, "objective", key.objective);
}

void Add(const std::string& hash, ContentHasher& hasher) {
  hasher.Add(std::as_bytes(std::span(hash.data(), hash.size())));
}

Budget BudgetOf(const AccuracyBudget& asked) {
  Budget budget = ParseBudget(asked.max_drop);
  budget.metric = asked.metric;
  budget.seconds = asked.seconds;
  if (asked.objective == "latency") {
    budget.objective = Objective::kLatency;
  } else if (asked.objective != "size") {
    Fail(ErrorCode::kInvalidArgument,
         "the objective is size or latency, not '{}'", asked.objective);
  }
  return budget;
}

// "12 int8, 3 float32" of the layers that were raised.
std::string CountsOf(const Trial& trial) {
  std::map<WeightFormat, int> counts;
  for (const auto& [name, type] : trial.layers) ++counts[type];
  std::string text;
  for (const auto& [type, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count,
                        FormatName(type));
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::filesystem::path TrialsPath(const std::string& output) {
  return output + ".trials.json";
}

SearchRecord ReadTrials(const std::filesystem::path& path,
                        const TrialsKey& key) {
  SearchRecord record;
  if (!std::filesystem::exists(path)) return record;
  try {
    const Json json = ParseJson(ReadTextFile(path), path.string());
    if (json.at("format") != kFormat || json.at("version") != kVersion) {
      Fail(ErrorCode::kInvalidArgument,
           "{} is in the way: it holds no trials of this version",
           path.string());
    }
    if (json.at("key") != KeyJson(key)) return record;
    for (const Json& trial : json.at("trials")) {
      record.trials.push_back(TrialFromJson(trial));
    }
    for (const Json& noise : json.at("ranking")) {
      record.noises.push_back(NoiseFromJson(noise));
    }
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: no file of trials: {}; remove it to start anew", path.string(),
         error.what());
  } catch (const Error& error) {
    throw Error(error.code(),
                fmt::format("{}; remove it to start anew", error.message()));
  }
  return record;
}

void WriteTrials(const std::filesystem::path& path, const TrialsKey& key,
                 const SearchRecord& record) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["version"] = kVersion;
  json["key"] = KeyJson(key);
  json["trials"] = Json::array();
  for (const Trial& trial : record.trials) {
    json["trials"].push_back(ToJson(trial));
  }
  json["ranking"] = Json::array();
  for (const LayerNoise& noise : record.noises) {
    json["ranking"].push_back(ToJson(noise));
  }
  WriteTextFile(path, json.dump(1) + "\n");
}

std::string DataHash(const Calibration& calibration) {
  ContentHasher hasher;
  for (const auto& [index, hash] : calibration.samples) Add(hash, hasher);
  return hasher.Digest();
}

BudgetJob::BudgetJob(const QuantizeRequest& request, const Prepared& prepared,
                     std::shared_ptr<const Dataset> dataset,
                     const Context& context)
    : request_(request),
      prepared_(prepared),
      context_(context),
      budget_(BudgetOf(request.budget)) {
  if (dataset == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "a budget is judged on real samples: give --data");
  }
  judge_.dataset = std::move(dataset);
}

void BudgetJob::HoldBack(Split& split) {
  const DataRequest& other = request_.budget.judge;
  if (other.source.empty()) {
    std::vector<int64_t> kept;
    for (size_t i = 0; i < split.calibrate.size(); ++i) {
      (i % 2 == 0 ? kept : judge_.samples).push_back(split.calibrate[i]);
    }
    split.calibrate = std::move(kept);
  } else {
    judge_.dataset = OpenData(other, *prepared_.graph, context_);
    judge_.samples = SampleIndices(other, judge_.dataset->size());
  }
  for (const int64_t index : judge_.samples) {
    judge_hashes_.push_back(judge_.dataset->Get(index).hash);
  }
}

std::string BudgetJob::OverlapNote(const Calibration& calibration) const {
  std::set<std::string> seen;
  for (const auto& [index, hash] : calibration.samples) seen.insert(hash);
  const auto twice = std::ranges::count_if(
      judge_hashes_,
      [&](const std::string& hash) { return seen.contains(hash); });
  if (twice == 0) return "";
  return fmt::format(
      "{} of {} samples that judge the budget calibrated, too: the budget may "
      "look better met than it is",
      twice, judge_hashes_.size());
}

BudgetResult BudgetJob::Search(
    const Calibration& calibration, const Recipe& recipe,
    const TuningData& tuning,
    std::function<void(const Recipe&, const QuantizeResult&)> on_best) const {
  const std::filesystem::path path = TrialsPath(request_.output);
  ContentHasher judged;
  for (const std::string& hash : judge_hashes_) Add(hash, judged);
  const TrialsKey key{prepared_.hash, DataHash(calibration) + judged.Digest(),
                      RecipeToText(recipe), budget_.metric,
                      request_.budget.objective};
  return SearchBudget(
      {.graph = *prepared_.graph,
       .calibration = calibration,
       .recipe = recipe,
       .tuning = tuning,
       .judge = judge_,
       .budget = budget_,
       .known = ReadTrials(path, key),
       .on_best = std::move(on_best),
       .on_record =
           [&](const SearchRecord& record) { WriteTrials(path, key, record); }},
      context_);
}

std::string DescribeBudget(const BudgetResult& result) {
  std::string text = fmt::format(
      "budget     {} {} {:.5g} (float {:.5g}), {} in {} trial{}{}\n",
      result.metric,
      result.limit <= result.float_metric ? ">=" : "<=", result.limit,
      result.float_metric,
      result.met ? "met" : "NOT met, the best found is kept",
      result.trials.size(), result.trials.size() == 1 ? "" : "s",
      result.out_of_time ? "; the time was up" : "");
  text += fmt::format("  {:>10} {:>10} {:>9}  {}\n", result.metric, "weights",
                      "holds", "raised layers");
  for (const Trial& trial : result.pareto) {
    text +=
        fmt::format("  {:>10.5g} {:>10} {:>9}  {}\n", trial.metric, trial.bytes,
                    trial.holds ? "yes" : "no", CountsOf(trial));
  }
  return text;
}

}  // namespace squint
