// The quantized constants of a graph, each made once for all nodes that can
// share it.
#ifndef SQUINT_QUANTIZE_WEIGHT_STORE_H_
#define SQUINT_QUANTIZE_WEIGHT_STORE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "squint/base/context.h"
#include "squint/base/threads.h"
#include "squint/graph/graph.h"
#include "squint/ops/op.h"
#include "squint/quantize/recipe.h"
#include "squint/quantize/weight_format.h"
#include "squint/quantize/weights.h"

namespace squint {

class WeightStore {
 public:
  // All must outlive this. `original` is what `graph` starts as.
  WeightStore(Graph& graph, const Graph& original, const Recipe& recipe,
              const Target& target, const Context& context)
      : graph_(graph),
        recipe_(recipe),
        target_(target),
        context_(context),
        formats_(original, recipe, target),
        pool_(context.threads) {}

  // The inputs of a node that `spec` calls weights. `stored`: a float node
  // whose weights are stored as integers, as they lie (LSTM, GRU). Errors:
  // kInvalidModel for NaN and infinity, kOutOfMemory past the memory limit,
  // both with the weight's name.
  void QuantizeInputs(NodeId id, const QuantSpec& spec, bool stored);
  // The table (input 0, rank 2) of a Gather: one scale per column, so that the
  // looked-up rows can be dequantized along their last axis.
  void QuantizeTable(NodeId id);

  size_t float_bytes() const { return float_bytes_; }
  size_t quantized_bytes() const { return quantized_bytes_; }
  // What the summary should say.
  std::vector<std::string> Notes() const;

 private:
  WeightOptions OptionsFor(NodeId id, const QuantSlot& slot,
                           ValueId weight) const;
  // Weight-only 4 bits: MatMul and Gemm in the form that fuses to MatMulNBits,
  // K first; recurrent weights as they lie. False: a form without groups.
  bool UseGroups(NodeId id, bool stored, WeightOptions& options);
  // In static mode the integers are held: the network runs right after.
  Tensor Stored(const Tensor& weight, const QuantParams& params,
                const WeightOptions& options) const;
  // One quantized constant for every way in which a constant is used.
  ValueId Quantized(ValueId id, const WeightOptions& options);

  Graph& graph_;
  const Recipe& recipe_;
  const Target& target_;
  const Context& context_;
  WeightFormats formats_;
  ThreadPool pool_;
  std::map<std::tuple<ValueId, DType, int, int, int64_t, int>, ValueId>
      weights_;
  std::set<ValueId> quantized_once_;
  std::vector<std::string> stored_twice_;
  size_t float_bytes_ = 0;
  size_t quantized_bytes_ = 0;
  std::map<int, int64_t> narrow_numbers_;  // by the bits that they hold
  bool eight_bits_instead_ = false;
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_WEIGHT_STORE_H_
