#include "squint/api/budget_job.h"

#include <fmt/format.h>

#include <utility>

#include "squint/base/file.h"
#include "squint/base/json.h"

namespace squint {
namespace {

constexpr const char* kFormat = "squint-trials";

Json ToJson(const Trial& trial) {
  Json layers = Json::object();
  for (const auto& [name, type] : trial.layers) layers[name] = DTypeName(type);
  return JsonObject("layers", layers, "methods", trial.methods, "metric",
                    trial.metric, "bytes", trial.bytes, "latency",
                    trial.latency, "seconds", trial.seconds, "holds",
                    trial.holds);
}

Trial FromJson(const Json& json) {
  Trial trial;
  for (const auto& [name, type] : json.at("layers").items()) {
    trial.layers[name] = DTypeFromName(type.get<std::string>());
  }
  trial.methods = json.at("methods").get<std::map<std::string, bool>>();
  trial.metric = json.at("metric").get<double>();
  trial.bytes = json.at("bytes").get<size_t>();
  trial.latency = json.at("latency").get<double>();
  trial.seconds = json.at("seconds").get<double>();
  return trial;
}

Json KeyJson(const TrialsKey& key) {
  return JsonObject("model", key.model, "data", key.data, "recipe", key.recipe,
                    "metric", key.metric);
}

// "12 int8, 3 float32" of the layers that were raised.
std::string CountsOf(const Trial& trial) {
  std::map<DType, int> counts;
  for (const auto& [name, type] : trial.layers) ++counts[type];
  std::string text;
  for (const auto& [type, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count,
                        DTypeName(type));
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::filesystem::path TrialsPath(const std::string& output) {
  return output + ".trials.json";
}

std::vector<Trial> ReadTrials(const std::filesystem::path& path,
                              const TrialsKey& key) {
  std::vector<Trial> trials;
  if (!std::filesystem::exists(path)) return trials;
  try {
    const Json json = ParseJson(ReadTextFile(path), path.string());
    if (json.value("format", "") != kFormat || json.at("key") != KeyJson(key)) {
      return trials;
    }
    for (const Json& trial : json.at("trials")) {
      trials.push_back(FromJson(trial));
    }
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument, "{}: {}; remove the file to start anew",
         path.string(), error.what());
  }
  return trials;
}

void WriteTrials(const std::filesystem::path& path, const TrialsKey& key,
                 const std::vector<Trial>& trials) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["version"] = 1;
  json["key"] = KeyJson(key);
  json["trials"] = Json::array();
  for (const Trial& trial : trials) json["trials"].push_back(ToJson(trial));
  WriteTextFile(path, json.dump(1) + "\n");
}

std::string DescribeBudget(const BudgetResult& result) {
  std::string text = fmt::format(
      "budget     {} {} {:.5g} (float {:.5g}), {} in {} trials{}\n",
      result.metric,
      result.limit <= result.float_metric ? ">=" : "<=", result.limit,
      result.float_metric,
      result.met ? "met" : "NOT met, the best found is kept",
      result.trials.size(), result.out_of_time ? "; the time was up" : "");
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
