// squint convert: the same network in another form.
#include <filesystem>

#include "squint/base/error.h"
#include "squint/base/json.h"
#include "squint/interchange/convert.h"
#include "squint/interchange/interchange.h"
#include "squint/squint.h"

namespace squint {
namespace {

// What a model with external data keeps outside.
constexpr size_t kUsualThreshold = 1024;

void ExpectOneOf(const std::string& option, const std::string& value,
                 const std::vector<std::string>& allowed) {
  std::string list;
  for (const std::string& each : allowed) {
    if (value == each) return;
    list += (list.empty() ? "" : " or ") + each;
  }
  Fail(ErrorCode::kInvalidArgument, "{} is '{}', expected {}", option, value,
       list);
}

void CheckRequest(const ConvertRequest& request) {
  if (!request.activations.empty()) {
    ExpectOneOf("--activations", request.activations, {"int8", "uint8"});
  }
  if (!request.format.empty()) {
    ExpectOneOf("--format", request.format, {"qdq"});
  }
}

size_t ThresholdOf(const ConvertRequest& request, const LoadedModel& loaded) {
  if (request.external_threshold) return *request.external_threshold;
  const bool has_external =
      std::filesystem::file_size(request.model) < loaded.file_bytes;
  return has_external ? kUsualThreshold : 0;
}

}  // namespace

ConvertSummary ConvertFile(const ConvertRequest& request,
                           const Context& context) {
  CheckRequest(request);
  LoadedModel loaded = LoadModel(request.model, context);
  ConvertSummary summary;
  try {
    if (!request.activations.empty() || !request.format.empty()) {
      Absorb(loaded.graph);
    }
    if (!request.format.empty()) RequireQdq(loaded.graph);
    if (!request.activations.empty()) {
      summary.notes =
          ChangeActivations(loaded.graph, DTypeFromName(request.activations));
    }
  } catch (const Error& error) {
    throw error.In(request.model);
  }
  const SaveResult saved =
      SaveModel(loaded.graph, request.output,
                {.external_threshold = ThresholdOf(request, loaded),
                 .opset = request.opset});
  summary.bytes = saved.bytes;
  summary.opset = saved.opset;
  summary.ir_version = saved.ir_version;
  summary.json = JsonText(JsonObject(
      "output", request.output, "bytes", saved.bytes, "opset", saved.opset,
      "ir_version", saved.ir_version, "notes", summary.notes));
  return summary;
}

}  // namespace squint
