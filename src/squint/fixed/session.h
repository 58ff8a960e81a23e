// A quantized network in fixed-point arithmetic: the numbers that emitted C
// gives, computed here by the same kernels.
#ifndef SQUINT_FIXED_SESSION_H_
#define SQUINT_FIXED_SESSION_H_

#include <optional>
#include <vector>

#include "squint/base/context.h"
#include "squint/fixed/program.h"
#include "squint/tensor/tensor.h"

namespace squint {

class FixedSession {
 public:
  // Activations must be signed (MakeActivationsSigned); nodes that have no
  // fixed-point form run by their references.
  explicit FixedSession(const Graph& quantized, const Context& context = {});

  // `inputs` in the order of the graph's inputs. Inputs of new sizes prepare
  // the network anew. Error{kUnsupported} for nested graphs and for values
  // that are quantized at run time.
  std::vector<Tensor> Run(const std::vector<Tensor>& inputs);

 private:
  void Prepare(const std::vector<Tensor>& inputs);
  void RunStep(const FixedNode& node);
  void RunReference(const FixedNode& node);
  const Tensor& Read(ValueId id);

  Graph lowered_;
  Context context_;
  std::vector<Dims> dims_;
  std::optional<FixedProgram> program_;
  std::vector<Tensor> values_;
};

}  // namespace squint

#endif  // SQUINT_FIXED_SESSION_H_
