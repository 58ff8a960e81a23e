// The samples that blocks are tuned on: what the float and the quantized
// network hold at the edges of one block after the other.
#ifndef SQUINT_QUANTIZE_TUNING_SAMPLES_H_
#define SQUINT_QUANTIZE_TUNING_SAMPLES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/quantize/block.h"
#include "squint/quantize/tuning_data.h"

namespace squint {

// One sample at one block.
struct BlockSample {
  std::vector<Tensor> quantized;  // block.inputs in the quantized network
  std::vector<Tensor> real;       // the same in the float network
  std::vector<Tensor> targets;    // block.outputs in the float network
};

class TuningSamples {
 public:
  // `real` has the ids of the quantized networks below, but for what these
  // add. Must outlive this.
  TuningSamples(const Graph& real, const TuningData& data,
                const Context& context);

  // At a block of the quantized network as it is now; blocks come in order.
  // As many samples as fit the memory (a quarter of the context's limit).
  std::vector<BlockSample> At(const Graph& quantized, const TuningBlock& block);
  // To be called once the block has its weights, for the blocks behind it.
  void Passed(const Graph& quantized, const TuningBlock& block);

 private:
  struct Kept {
    std::map<ValueId, Tensor> quantized;
    std::map<ValueId, Tensor> real;
  };
  class Walker;

  std::set<ValueId> KeptIds(bool real) const;
  std::vector<ValueId> RealIds(const Graph& quantized,
                               const std::vector<ValueId>& ids) const;

  const Graph& real_;
  const TuningData& data_;
  const Context& context_;
  size_t budget_;
  std::vector<Kept> kept_;  // of data_.samples, of which the last are dropped
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_TUNING_SAMPLES_H_
