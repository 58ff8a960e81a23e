// Steps as C: their calls for model.c, their constants for weights.c.
#ifndef SQUINT_EMIT_MODEL_WRITER_H_
#define SQUINT_EMIT_MODEL_WRITER_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "squint/emit/code_bound.h"
#include "squint/emit/network.h"
#include "squint/emit/plan.h"
#include "squint/fixed/patch_step.h"

namespace squint {

// What one step takes of the flash, beside the code that all share.
struct StepCost {
  std::string name;     // in the emitted C
  std::string op_type;  // of the network's operator
  std::string layer;    // its node in the network
  int64_t constant_bytes = 0;
  int64_t parameter_bytes = 0;
  int64_t state_bytes = 0;
  int64_t macs = 0;
};

// The expression for a place in the arena.
std::string InArena(int64_t offset);

class ModelWriter : public StepWriter {
 public:
  // `argument(id)`: the expression for where a value lies.
  ModelWriter(const FixedNetwork& network, const MemoryPlan& plan,
              std::string prefix, std::function<std::string(ValueId)> argument);

  // Steps in the order of the plan; then outputs that no step makes.
  void WriteStep(size_t position);
  void WriteCopy(ValueId id, const std::string& output);

  const std::set<std::string, std::less<>>& kernels() const { return kernels_; }
  const std::map<std::string, CallCount, std::less<>>& call_counts() const {
    return call_counts_;
  }
  const std::string& parameters() const { return parameters_; }
  const std::string& calls() const { return calls_; }
  const std::string& constants() const { return constants_; }
  const std::string& declarations() const { return declarations_; }
  const std::vector<StepCost>& costs() const { return costs_; }

  // The array that holds a constant of the network which steps read as an
  // input; written once.
  std::string ConstantInput(ValueId id);

 private:
  std::string In(size_t i) override;
  std::string Out(size_t i) override;
  std::string Scratch(size_t offset) override;
  std::string State(size_t offset) override;
  std::string Real(float value) override;
  std::string Count(int32_t whole) override;
  std::string Window(const squint_window& whole) override;
  std::string Pair(const squint_pair& whole) override;
  std::string Rows() override;
  std::string Columns() override;
  void RunLayer(const PatchLayer& layer) override;
  std::string WriteParams(std::string_view type,
                          std::span<const int32_t> fields) override;
  std::string WriteArray(std::string_view role, std::string_view type,
                         const std::vector<int64_t>& values) override;
  std::string WriteReals(std::string_view role,
                         const std::vector<float>& values) override;
  std::string WriteFunction(std::string_view header,
                            std::string_view name) override;
  std::string WriteWeights(const std::string& values, const std::string& bias,
                           const std::string& multiplier,
                           const std::string& shift) override;
  void WriteCall(std::string_view header, std::string_view name,
                 const std::vector<std::string>& arguments) override;
  void CountCall(std::string_view header, size_t arguments);
  void OpenLoops(int32_t rows, int32_t columns) override;
  void CloseLoops() override;

  // An array of the file of constants with this content.
  std::string Constant(std::string_view role, std::string_view type,
                       const std::string& body, size_t size);
  const FixedNode& step() const;
  // Takes up a step for the report, and opens it with a comment.
  void Begin(const FixedStep& step, NodeId id);
  // The name of a definition with this content: an older one's, or a new one.
  // `size`: "" or "[n]", of an array.
  std::string Define(const std::string& type, const std::string& wish,
                     const std::vector<std::string>& items, int64_t bytes,
                     const std::string& size = "");
  std::string Spans(const std::vector<squint_span>& spans,
                    std::string_view role, std::string_view index);
  // `whole`: the values of the patched step.
  std::string Operand(const PatchOperand& operand,
                      const std::vector<ValueId>& whole);
  std::string ScratchAt(int64_t offset) const;
  // A local "window" or "pair", made for the patch at hand.
  std::string Local(std::string_view kind, const std::string& whole);

  const FixedNetwork& network_;
  const MemoryPlan& plan_;
  std::string prefix_;
  std::function<std::string(ValueId)> argument_;
  size_t position_ = 0;
  const PatchLayer* layer_ = nullptr;  // of the patches that are written
  std::string indent_ = "  ";
  std::set<std::string> locals_;  // of the loops
  size_t loop_begin_ = 0;         // in `calls_`
  std::set<std::string, std::less<>> kernels_;
  std::map<std::string, CallCount, std::less<>> call_counts_;
  std::string parameters_;
  std::string calls_;
  std::string constants_;
  std::string declarations_;
  std::vector<StepCost> costs_;
  std::map<std::string, std::string> defined_;  // type and content -> name
  std::map<std::string, std::string> arrays_;   // type and content -> name
  std::set<std::string> names_;
};

}  // namespace squint

#endif  // SQUINT_EMIT_MODEL_WRITER_H_
