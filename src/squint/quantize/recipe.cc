// Recipes as JSON: strict about keys, so that a misspelt one is an error and
// not a silent default.
#include "squint/quantize/recipe.h"

#include <functional>

#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/base/json.h"

namespace squint {
namespace {

constexpr std::string_view kFormat = "squint-recipe";

DType ReadType(const Json& json) {
  const auto name = json.get<std::string>();
  const DType dtype = DTypeFromName(name);
  if (dtype == DType::kUndefined) {
    Fail(ErrorCode::kInvalidArgument, "'{}' is not a type", name);
  }
  return dtype;
}

WeightFormat ReadFormat(const Json& json) {
  const auto name = json.get<std::string>();
  const std::optional<WeightFormat> format = FormatFromName(name);
  if (!format) Fail(ErrorCode::kInvalidArgument, "'{}' is not a type", name);
  return *format;
}

QuantizeMode ReadMode(const Json& json) {
  const auto name = json.get<std::string>();
  for (const QuantizeMode mode : {QuantizeMode::kStatic, QuantizeMode::kDynamic,
                                  QuantizeMode::kWeightOnly}) {
    if (name == ModeName(mode)) return mode;
  }
  Fail(ErrorCode::kInvalidArgument,
       "mode '{}' is none of static, dynamic, weight-only", name);
}

using Setter = std::function<void(const Json&)>;
using Setters = std::map<std::string, Setter, std::less<>>;

// Runs the setter of every key; an unknown key is an error.
void ReadObject(const Json& json, const Setters& setters) {
  if (!json.is_object()) {
    Fail(ErrorCode::kInvalidArgument, "expected a JSON object");
  }
  for (const auto& [key, value] : json.items()) {
    const auto it = setters.find(key);
    if (it == setters.end()) {
      Fail(ErrorCode::kInvalidArgument, "key '{}' is not known", key);
    }
    try {
      it->second(value);
    } catch (const nlohmann::json::exception& error) {
      Fail(ErrorCode::kInvalidArgument, "key '{}': {}", key, error.what());
    } catch (const Error& error) {
      throw error.In(fmt::format("key '{}'", key));
    }
  }
}

template <typename T>
Setter Into(T& field) {
  return [&field](const Json& v) { field = v.get<T>(); };
}

TensorOverride ReadOverride(const Json& json) {
  TensorOverride out;
  const auto range = [&](const Json& v) {
    const auto ends = v.get<std::vector<double>>();
    if (ends.size() != 2 || !(ends[0] <= ends[1])) {
      Fail(ErrorCode::kInvalidArgument,
           "a range is [low, high] with low <= high");
    }
    out.range = {ends[0], ends[1]};
  };
  ReadObject(
      json,
      {{"float", [&](const Json& v) { out.keep_float = v.get<bool>(); }},
       {"dtype", [&](const Json& v) { out.dtype = ReadType(v); }},
       {"symmetric", [&](const Json& v) { out.symmetric = v.get<bool>(); }},
       {"observer",
        [&](const Json& v) { out.observer = v.get<std::string>(); }},
       {"range", range}});
  return out;
}

void RequireFormat(const Json& json) {
  if (json.get<std::string>() != kFormat) {
    Fail(ErrorCode::kInvalidArgument, "expected \"{}\"", kFormat);
  }
}

void RequireVersion(const Json& json) {
  if (json.get<int>() != 1) {
    Fail(ErrorCode::kInvalidArgument, "version {} is not known, expected 1",
         json.get<int>());
  }
}

Json OverrideToJson(const TensorOverride& override) {
  Json json = Json::object();
  if (override.keep_float) json["float"] = *override.keep_float;
  if (override.dtype) json["dtype"] = DTypeName(*override.dtype);
  if (override.symmetric) json["symmetric"] = *override.symmetric;
  if (override.observer) json["observer"] = *override.observer;
  if (override.range) {
    json["range"] = {override.range->first, override.range->second};
  }
  return json;
}

}  // namespace

std::string_view ModeName(QuantizeMode mode) {
  switch (mode) {
    case QuantizeMode::kStatic:
      return "static";
    case QuantizeMode::kDynamic:
      return "dynamic";
    case QuantizeMode::kWeightOnly:
      return "weight-only";
  }
  return "static";
}

WeightFormat FormatOf(DType dtype) { return {dtype, BitsOf(dtype)}; }

std::string FormatName(const WeightFormat& format) {
  if (format.bits == BitsOf(format.dtype)) {
    return std::string(DTypeName(format.dtype));
  }
  return fmt::format("int{}", format.bits);
}

std::optional<WeightFormat> FormatFromName(std::string_view name) {
  for (const int bits : {5, 6, 7}) {
    const WeightFormat narrow{DType::kInt8, bits};
    if (name == FormatName(narrow)) return narrow;
  }
  const DType dtype = DTypeFromName(name);
  if (dtype == DType::kUndefined) return std::nullopt;
  return FormatOf(dtype);
}

const WeightFormat* LayerFormat(const Node& node, const Recipe& recipe) {
  if (recipe.layers.empty()) return nullptr;
  for (const std::string& name : node.user_names) {
    const auto it = recipe.layers.find(name);
    if (it != recipe.layers.end()) return &it->second;
  }
  const auto it = recipe.layers.find(node.name);
  return it == recipe.layers.end() ? nullptr : &it->second;
}

Recipe RecipeFromText(std::string_view text, std::string_view where) {
  Recipe recipe;
  const auto tensors = [&](const Json& json) {
    for (const auto& [name, entry] : json.items()) {
      recipe.tensors[name] = ReadOverride(entry);
    }
  };
  const auto layers = [&](const Json& json) {
    for (const auto& [name, type] : json.items()) {
      recipe.layers[name] = ReadFormat(type);
    }
  };
  const Json json = ParseJson(text, where);
  try {
    ReadObject(
        json,
        {{"format", RequireFormat},
         {"version", RequireVersion},
         {"mode", [&](const Json& v) { recipe.mode = ReadMode(v); }},
         {"target", Into(recipe.target)},
         {"activations",
          [&](const Json& v) { recipe.activations = ReadType(v); }},
         {"weights", [&](const Json& v) { recipe.weights = ReadType(v); }},
         {"weight_bits", Into(recipe.weight_bits)},
         {"edges_8_bits", Into(recipe.edges_8_bits)},
         {"group", Into(recipe.group)},
         {"iterations", Into(recipe.iterations)},
         {"per_channel", Into(recipe.per_channel)},
         {"observer", Into(recipe.observer)},
         {"percentile", Into(recipe.percentile)},
         {"saturation_safe", Into(recipe.saturation_safe)},
         {"io", [&](const Json& v) { recipe.io = ReadType(v); }},
         {"exclude_nodes", Into(recipe.exclude_nodes)},
         {"exclude_types", Into(recipe.exclude_types)},
         {"methods", Into(recipe.methods)},
         {"tensors", tensors},
         {"layers", layers}});
  } catch (const nlohmann::json::exception& error) {
    Fail(ErrorCode::kInvalidArgument, "{}: a value is of the wrong kind: {}",
         where, error.what());
  } catch (const Error& error) {
    throw error.In(where);
  }
  return recipe;
}

Recipe ReadRecipe(const std::filesystem::path& path) {
  return RecipeFromText(ReadTextFile(path), path.string());
}

std::string RecipeToText(const Recipe& recipe) {
  Json json = Json::object();
  json["format"] = kFormat;
  json["version"] = 1;
  json["mode"] = ModeName(recipe.mode);
  json["target"] = recipe.target;
  if (recipe.activations) {
    json["activations"] = DTypeName(*recipe.activations);
  }
  if (recipe.weights) json["weights"] = DTypeName(*recipe.weights);
  if (recipe.weight_bits > 0) json["weight_bits"] = recipe.weight_bits;
  if (!recipe.edges_8_bits) json["edges_8_bits"] = false;
  json["group"] = recipe.group;
  json["iterations"] = recipe.iterations;
  json["per_channel"] = recipe.per_channel;
  if (!recipe.observer.empty()) json["observer"] = recipe.observer;
  json["percentile"] = recipe.percentile;
  if (recipe.saturation_safe) json["saturation_safe"] = true;
  json["io"] = DTypeName(recipe.io);
  if (!recipe.exclude_nodes.empty()) {
    json["exclude_nodes"] = recipe.exclude_nodes;
  }
  if (!recipe.exclude_types.empty()) {
    json["exclude_types"] = recipe.exclude_types;
  }
  if (!recipe.methods.empty()) json["methods"] = recipe.methods;
  for (const auto& [name, type] : recipe.layers) {
    json["layers"][name] = FormatName(type);
  }
  for (const auto& [name, override] : recipe.tensors) {
    json["tensors"][name] = OverrideToJson(override);
  }
  return JsonText(json);
}

}  // namespace squint
