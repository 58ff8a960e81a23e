// The dataset .json: which files feed which input, what the targets are, and
// how the outputs are scored. docs/datasets.md is its reference.
#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "squint/data/images_column.h"
#include "squint/data/json_source.h"
#include "squint/data/metric.h"
#include "squint/data/sources.h"
#include "squint/data/token_columns.h"

namespace squint {
namespace {

// What is known of an input before masks and constants like it are made.
struct BaseColumn {
  ColumnRef ids;  // trimmed, not yet filled; equals `input` for non-tokens
  ColumnRef input;
  int64_t padding = 0;
  bool padded = false;
};
using BaseColumns = std::map<std::string, BaseColumn>;

class JsonDatasetReader {
 public:
  JsonDatasetReader(const std::filesystem::path& path,
                    const std::vector<InputSpec>& specs,
                    const DatasetOptions& options)
      : context_{path, options, ""}, specs_(specs), json_(ReadJson(path)) {}

  DatasetRef Read() {
    CheckKeys(json_, context_,
              {"format", "version", "name", "input", "inputs", "samples",
               "labels", "target", "classes", "label_offset", "split", "metric",
               "reduction", "output"});
    CheckFormat();
    StartParts();
    FindShift();
    parts_.inputs = BuildInputs(false);
    if (has_pairs_) parts_.second_inputs = BuildInputs(true);
    ReadLabelsKey();
    ReadTarget();
    ReadSplit();
    ReadScoring();
    return MakeColumnDataset(specs_, std::move(parts_));
  }

 private:
  void CheckFormat() const {
    if (json_.value("format", "squint-dataset") != "squint-dataset" ||
        json_.value("version", 1) != 1) {
      context_.Complain("expected \"format\": \"squint-dataset\" of version 1");
    }
  }

  void StartParts() {
    if (json_.contains("samples")) {
      const JsonContext inner = context_.In("samples");
      sample_files_ = inner.PathsOf(json_["samples"]);
      if (sample_files_.empty()) {
        inner.Complain("no files match {}", json_["samples"].dump());
      }
      parts_ = PartsOfNpzFiles(sample_files_, context_.file.string(), specs_);
    }
    parts_.name = context_.file.string();
    parts_.description = json_.value("name", context_.file.filename().string());
    ChooseInputs();
  }

  // "inputs" by name; "input", or a single entry of any name, serves a model
  // with one input.
  void ChooseInputs() {
    Json inputs = Json::object();
    if (json_.contains("inputs")) inputs = json_["inputs"];
    if (json_.contains("input")) {
      inputs[OnlyInput(specs_, context_.file.string()).name] = json_["input"];
    }
    if (!inputs.is_object()) context_.Complain("\"inputs\" must be an object");
    const bool rename = specs_.size() == 1 && inputs.size() == 1;
    for (const auto& [name, source] : inputs.items()) {
      const bool known = std::ranges::any_of(
          specs_,
          [&name = name](const InputSpec& spec) { return spec.name == name; });
      if (!known && !rename) {
        context_.Complain("the model has no input '{}'; its inputs are {}",
                          name, InputNames());
      }
      sources_[known ? name : specs_[0].name] =
          source.is_string() ? JsonObject("file", source) : source;
    }
  }

  std::string InputNames() const {
    std::string names;
    for (const InputSpec& spec : specs_) {
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", spec.name);
    }
    return names;
  }

  int SpecIndex(const std::string& name, const JsonContext& context) const {
    for (size_t i = 0; i < specs_.size(); ++i) {
      if (specs_[i].name == name) return static_cast<int>(i);
    }
    if (specs_.size() == 1) return 0;
    context.Complain("the model has no input '{}'; its inputs are {}", name,
                     InputNames());
  }

  // {"input": name, "shift": n}: that input loses its last n tokens.
  void FindShift() {
    if (!json_.contains("target") || !json_["target"].is_object()) return;
    const Json& target = json_["target"];
    shift_ = target.value("shift", int64_t{0});
    if (shift_ < 0) context_.In("target").Complain("\"shift\" is negative");
    if (shift_ > 0 && !target.contains("input")) {
      context_.In("target").Complain("\"shift\" needs \"input\"");
    }
    if (target.contains("input")) {
      shifted_ =
          SpecIndex(target["input"].get<std::string>(), context_.In("target"));
    }
  }

  std::vector<ColumnRef> BuildInputs(bool second) {
    BaseColumns bases;
    for (const InputSpec& spec : specs_) {
      const auto found = sources_.find(spec.name);
      if (found == sources_.end()) continue;
      const Json& json = found->second;
      CheckKeys(json, context_.In(spec.name),
                {"file", "files", "folder", "array", "value", "dims",
                 "preprocess", "padding", "fill", "dtype", "scale", "offset",
                 "reshape", "second", "mask_of", "like"});
      if (json.contains("mask_of") || json.contains("like")) continue;
      bases[spec.name] = BuildBase(json, spec, second);
    }
    std::vector<ColumnRef> result;
    for (size_t i = 0; i < specs_.size(); ++i) {
      result.push_back(BuildInput(i, bases));
    }
    if (!second) first_bases_ = std::move(bases);
    return result;
  }

  ColumnRef BuildInput(size_t index, const BaseColumns& bases) const {
    const InputSpec& spec = specs_[index];
    const auto found = sources_.find(spec.name);
    if (found == sources_.end()) {
      if (!sample_files_.empty()) return parts_.inputs[index];
      context_.Complain("describes no input '{}' of the model", spec.name);
    }
    const auto base = bases.find(spec.name);
    return base != bases.end() ? base->second.input
                               : BuildDerived(found->second, spec, bases);
  }

  // Where a pair's second half differs from the first.
  static Json SecondOf(const Json& json) {
    Json result = json;
    if (!json.contains("second")) return result;
    const Json& second = json["second"];
    if (second.is_object()) {
      result.update(second);
    } else {
      result[json.contains("files") ? "files" : "file"] = second;
    }
    return result;
  }

  BaseColumn BuildBase(const Json& stated, const InputSpec& spec, bool second) {
    const JsonContext inner = context_.In(spec.name);
    has_pairs_ = has_pairs_ || stated.contains("second");
    const Json json = second ? SecondOf(stated) : stated;
    JsonSource source = ReadSource(json, inner, &spec);
    if (!second) Adopt(&source);
    BaseColumn base;
    base.ids = source.column;
    base.padded = json.contains("padding");
    if (base.padded) {
      base.padding = json["padding"].get<int64_t>();
      const bool open =
          !spec.dims || spec.dims->empty() || spec.dims->back() < 0;
      if (open) base.ids = TrimPadding(base.ids, base.padding);
    }
    base.input = base.ids;
    if (shift_ > 0 && &spec == &specs_[static_cast<size_t>(shifted_)]) {
      base.input = WithoutLast(base.input, shift_);
    }
    if (base.padded) {
      base.input = ReplacePadding(base.input, base.padding,
                                  json.value("fill", int64_t{0}));
    }
    base.input = ApplyArrayOptions(base.input, json, inner);
    return base;
  }

  // What a source brings along besides its column.
  void Adopt(JsonSource* source) {
    if (!source->told.empty()) parts_.description += ", " + source->told;
    if (source->labels) parts_.labels = source->labels;
    if (source->num_classes > 0) parts_.num_classes = source->num_classes;
    if (!source->files.empty()) files_ = std::move(source->files);
  }

  ColumnRef BuildDerived(const Json& json, const InputSpec& spec,
                         const BaseColumns& bases) const {
    const JsonContext inner = context_.In(spec.name);
    const bool mask = json.contains("mask_of");
    const auto of = json[mask ? "mask_of" : "like"].get<std::string>();
    const auto found = bases.find(of);
    if (found == bases.end()) {
      inner.Complain("'{}' is no input with a source of its own", of);
    }
    const BaseColumn& base = found->second;
    if (!mask) {
      return LikeWithValue(base.input, json.value("value", 0.0), spec.dtype);
    }
    const bool shifted =
        shift_ > 0 && specs_[static_cast<size_t>(shifted_)].name == of;
    const ColumnRef ids = shifted ? WithoutLast(base.ids, shift_) : base.ids;
    // Without padding every token counts.
    return base.padded ? MaskOf(ids, base.padding)
                       : LikeWithValue(ids, 1, DType::kInt64);
  }

  void ReadLabelsKey() {
    parts_.label_offset = json_.value("label_offset", int64_t{0});
    if (json_.contains("classes")) {
      const Json& classes = json_["classes"];
      parts_.num_classes = classes.is_array()
                               ? static_cast<int64_t>(classes.size())
                               : classes.get<int64_t>();
    }
    if (!json_.contains("labels")) return;
    const JsonContext inner = context_.In("labels");
    const Json& labels = json_["labels"];
    if (labels.is_array()) {
      parts_.labels = MakeLabelColumn(labels.get<std::vector<int64_t>>(),
                                      context_.file.string());
      return;
    }
    const Json source =
        labels.is_string() ? JsonObject("file", labels) : labels;
    CheckKeys(source, inner, {"file", "files", "array", "value"});
    const auto file = source.value("file", std::string());
    if (file.ends_with(".txt") || file.ends_with(".csv")) {
      const auto path = inner.PathOf(file);
      parts_.labels = MakeLabelColumn(ReadLabels(path, files_), path.string());
      return;
    }
    parts_.labels = ReadSource(source, inner, nullptr).column;
  }

  void ReadTarget() {
    if (!json_.contains("target")) return;
    const JsonContext inner = context_.In("target");
    const Json& target = json_["target"];
    if (target == "input") {
      parts_.target_input = 0;
      return;
    }
    if (target.is_object() && target.contains("input")) {
      CheckKeys(target, inner, {"input", "shift"});
      if (shift_ == 0) {
        parts_.target_input = shifted_;
        return;
      }
      const std::string& name = specs_[static_cast<size_t>(shifted_)].name;
      const auto base = first_bases_.find(name);
      if (base == first_bases_.end()) {
        inner.Complain("'{}' is no input with a source of its own", name);
      }
      parts_.target = WithoutFirst(base->second.ids, shift_);
      return;
    }
    const Json source =
        target.is_string() ? JsonObject("file", target) : target;
    CheckKeys(
        source, inner,
        {"file", "files", "array", "dtype", "scale", "offset", "reshape"});
    parts_.target = ApplyArrayOptions(ReadSource(source, inner, nullptr).column,
                                      source, inner);
  }

  int64_t StoredSize() const {
    for (const ColumnRef& column : parts_.inputs) {
      if (column->size() != Column::kAny) return column->size();
    }
    return 0;
  }

  // "a:b", either may be left out, or a list of indices.
  void ReadSplit() {
    if (!json_.contains("split")) return;
    const JsonContext inner = context_.In("split");
    if (json_["split"].is_array()) {
      parts_.split = json_["split"].get<std::vector<int64_t>>();
      return;
    }
    const auto text = json_["split"].get<std::string>();
    const size_t colon = text.find(':');
    if (colon == std::string::npos) inner.Complain("expected \"begin:end\"");
    const int64_t size = StoredSize();
    const int64_t begin = Number(text.substr(0, colon), 0, inner);
    const int64_t end = Number(text.substr(colon + 1), size, inner);
    if (begin < 0 || begin >= end || end > size) {
      inner.Complain("\"{}\" is no range of the {} samples", text, size);
    }
    parts_.split.emplace();
    for (int64_t i = begin; i < end; ++i) parts_.split->push_back(i);
  }

  static int64_t Number(const std::string& text, int64_t otherwise,
                        const JsonContext& context) {
    if (text.empty()) return otherwise;
    int64_t value = 0;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc() || end != last) {
      context.Complain("\"{}\" is no number", text);
    }
    return value;
  }

  void ReadScoring() {
    parts_.metric = json_.value("metric", std::string());
    parts_.reduction = json_.value("reduction", std::string());
    parts_.output = json_.value("output", 0);
    if (parts_.metric.empty()) return;
    try {
      MakeMetric(parts_.metric, {parts_.output, parts_.reduction});
    } catch (const Error& error) {
      throw error.In(context_.file.string());
    }
  }

  JsonContext context_;
  const std::vector<InputSpec>& specs_;
  Json json_;
  std::map<std::string, Json> sources_;  // by the model's input names
  Paths sample_files_;                   // "samples"
  Paths files_;                          // of the input's file list
  BaseColumns first_bases_;
  DatasetParts parts_;
  int64_t shift_ = 0;
  int shifted_ = 0;  // the input that the target is made of
  bool has_pairs_ = false;
};

}  // namespace

DatasetRef OpenJson(const std::filesystem::path& path,
                    const std::vector<InputSpec>& inputs,
                    const DatasetOptions& options) {
  try {
    return JsonDatasetReader(path, inputs, options).Read();
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument, "{}: a value is of the wrong kind: {}",
         path.string(), error.what());
  }
}

}  // namespace squint
