// Everything that decides how a network is quantized, apart from the data.
// A recipe is what the command line's flags fill in, what --recipe reads and
// what the quantized file's metadata records.
#ifndef SQUINT_QUANTIZE_RECIPE_H_
#define SQUINT_QUANTIZE_RECIPE_H_

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/tensor/dtype.h"

namespace squint {

enum class QuantizeMode {
  kStatic,      // activations by calibrated ranges
  kDynamic,     // activations by their range at run time
  kWeightOnly,  // activations stay float
};
std::string_view ModeName(QuantizeMode mode);  // "static", ...

// What a user asks of one tensor, by its name in the file.
struct TensorOverride {
  std::optional<bool> keep_float;
  std::optional<DType> dtype;
  std::optional<bool> symmetric;
  std::optional<std::string> observer;
  // Both ends in real numbers, instead of calibrated ones.
  std::optional<std::pair<double, double>> range;
};

// How the numbers of a weight are stored.
struct WeightFormat {
  DType dtype = DType::kInt8;
  int bits = 8;  // at most the type's; signed integers of fewer are symmetric

  friend auto operator<=>(const WeightFormat&, const WeightFormat&) = default;
};
WeightFormat FormatOf(DType dtype);  // with all its bits
// As types are named; "int5", "int6" and "int7" are so many bits in an int8.
std::string FormatName(const WeightFormat& format);
std::optional<WeightFormat> FormatFromName(std::string_view name);

struct Recipe {
  QuantizeMode mode = QuantizeMode::kStatic;
  std::string target = "x86";
  std::optional<DType> activations;  // unset: the target's
  std::optional<DType> weights;      // unset: the target's
  int weight_bits = 0;  // of integers in a wider type; 0: the type's
  // Static, fewer than 8 bits: the first and last layers have 8 all the same.
  bool edges_8_bits = true;
  int64_t group = 32;  // weight-only int4: elements along K with one scale
  bool per_channel = true;
  std::string observer;  // "": the default of the mode and type
  double percentile = 99.999;
  bool saturation_safe = false;            // no int16 saturation without VNNI
  DType io = DType::kFloat32;              // graph inputs and outputs
  std::vector<std::string> exclude_nodes;  // names in the user's file
  std::vector<std::string> exclude_types;  // operator types
  std::map<std::string, TensorOverride> tensors;
  // Of single layers' weights instead, by node; float32: the node stays float.
  std::map<std::string, WeightFormat> layers;
  int64_t iterations = 1000;  // of methods that descend, for each block
  // Methods switched on or off against their defaults, by name.
  std::map<std::string, bool> methods;
};

// What `layers` says of a node, by one of its names; null: nothing.
const WeightFormat* LayerFormat(const Node& node, const Recipe& recipe);

// JSON with "format": "squint-recipe", "version": 1. Unknown keys and values
// of the wrong type are Error{kInvalidArgument} naming file and key.
Recipe ReadRecipe(const std::filesystem::path& path);
Recipe RecipeFromText(std::string_view text, std::string_view where);
std::string RecipeToText(const Recipe& recipe);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_RECIPE_H_
