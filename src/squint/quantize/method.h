// Methods that keep accuracy, as a list of rows: method_list.inc names them,
// each has a file of its own. Four kinds, by when they act:
//   select: before anything is quantized; asks for nodes to stay float;
//   rewrite: then; changes the float graph without changing what it computes,
//            and the calibration with it (ids stay, new ones are added);
//   weights: says how the scales of weights are chosen;
//   correct: after weights are quantized and before biases are; changes the
//            integers and scales of weights, and the float biases (and may
//            add them).
#ifndef SQUINT_QUANTIZE_METHOD_H_
#define SQUINT_QUANTIZE_METHOD_H_

#include <span>
#include <string_view>

#include "squint/base/context.h"
#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"
#include "squint/quantize/recipe.h"
#include "squint/quantize/selection.h"
#include "squint/quantize/tuning_data.h"
#include "squint/quantize/weights.h"

namespace squint {

struct MethodContext {
  const Graph& original;           // the float graph, ids as in the result
  const Calibration* calibration;  // null without data
  const Recipe& recipe;
  const Target& target;
  const Context& context;
  // What a `correct` method may learn from; null: nothing to learn from.
  const TuningData* data = nullptr;
};

struct MethodDef {
  std::string_view name;
  std::string_view summary;
  std::string_view source;  // paper or document
  bool on_by_default = true;
  bool needs_calibration = true;
  bool needs_data = false;  // samples themselves
  // rewrite: values that get a new name with new statistics are observed anew
  // where samples are at hand.
  bool observes_anew = false;
  // select: adds requests with a reason.
  void (*select)(const MethodContext&, FloatRequests&) = nullptr;
  // rewrite: returns how many places it changed. The context's graph is the
  // one before this method, `requests` what the select methods asked for.
  int (*rewrite)(const MethodContext&, const FloatRequests& requests,
                 Graph& graph, Calibration& calibration) = nullptr;
  void (*weights)(WeightOptions&) = nullptr;
  // correct: returns how many weights and biases it changed.
  int (*correct)(const MethodContext&, Graph& quantized) = nullptr;
  // Instead of on_by_default, where that depends on the recipe.
  bool (*on_for)(const Recipe&) = nullptr;
};

std::span<const MethodDef* const> AllMethods();
bool MethodIsOn(const MethodDef& method, const Recipe& recipe);
// Error{kInvalidArgument} when a recipe names a method that does not exist.
void CheckMethodNames(const Recipe& recipe);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_METHOD_H_
