// What an operator is to the rest of Squint: a row of function pointers. Each
// operator file ends with its rows; op_list.inc names them. This header owns
// the types that rows speak in. Operators mean here what they mean in opset
// 25; `upgrade` turns older nodes into that meaning when a file is read.
#ifndef SQUINT_OPS_OP_H_
#define SQUINT_OPS_OP_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/error.h"
#include "squint/graph/graph.h"
#include "squint/tensor/quant_params.h"
#include "squint/tensor/tensor.h"

namespace squint {

class ThreadPool;
struct Context;

// ---------------------------------------------------------------- inference

// Contents of small integer tensors, element by element, symbolic where need
// be: what Shape-Gather-Concat-Reshape chains compute with.
struct DimTensor {
  DimList elements;
  bool scalar = false;  // rank 0 instead of rank 1
};

// One node's view while types and shapes are inferred. Unknown is normal:
// an unknown input shape has no rank, and an output that cannot be told is
// left alone. Rules the model breaks are errors (Fail(kInvalidModel, ...));
// the driver adds file, node and tensor names.
class InferContext {
 public:
  InferContext(const Graph& graph, const Node& node,
               const std::map<ValueId, DimTensor>& dim_tensors);

  const Node& node() const { return node_; }
  const Graph& graph() const { return graph_; }
  size_t num_inputs() const { return node_.inputs.size(); }
  size_t num_outputs() const { return node_.outputs.size(); }
  bool has_input(size_t i) const { return node_.has_input(i); }
  DType dtype(size_t i) const;             // kUndefined when absent
  const Shape& shape(size_t i) const;      // unranked when absent
  const Tensor* constant(size_t i) const;  // null when not constant
  // Content of an integer input (rank 0 or 1): from a constant or from the
  // chain that computes it; nullptr/nullopt when not known.
  const DimTensor* dim_tensor(size_t i) const;
  // The same for any value of the graph (what a nested graph captures).
  const DimTensor* ContentOf(ValueId id) const;
  // The same when every element is a plain integer (attribute-like inputs:
  // axes, pads, starts ...).
  std::optional<std::vector<int64_t>> ints(size_t i) const;

  void SetOutput(size_t i, DType dtype, Shape shape);
  void SetDimTensor(size_t i, DimTensor content);
  // Output 0 has input 0's type and shape.
  void SameAsInput();

  struct Result {
    DType dtype = DType::kUndefined;
    Shape shape;
    std::optional<DimTensor> content;
  };
  const std::vector<Result>& results() const { return results_; }

 private:
  const Graph& graph_;
  const Node& node_;
  const std::map<ValueId, DimTensor>& dim_tensors_;
  std::vector<Result> results_;
  mutable std::map<ValueId, DimTensor> from_constant_;
};

// A negative axis counted from the end; Error{kInvalidModel} when outside.
int NormalizeAxis(int64_t axis, int rank);

// Infers the nested graph under attribute `key`, or a copy of it, from the
// types that its inputs have; what it captures is typed by the driver.
using InferBody = std::function<void(std::string_view key, Graph& body)>;

// ---------------------------------------------------------------- reference

// How a node runs its nested graphs (If, Loop, Scan). Whoever runs the node
// supplies it: the interpreter and the executor each run them in their way.
class Bodies {
 public:
  virtual ~Bodies() = default;
  // The outputs, in real types, of the nested graph under attribute `key`;
  // `inputs` in the order of its inputs. Captures are seen to, and so is the
  // limit on how often nested graphs run.
  virtual std::vector<Tensor> Run(std::string_view key,
                                  const std::vector<Tensor>& inputs) = 0;
  // Cancel, and the limit on memory.
  virtual const Context& context() const = 0;
};

// For implementations: counts one more run of a nested graph. Error when
// that is beyond the limit.
void CountBodyRun(int64_t& runs, const Context& context);

// One node's run in plain loops. `inputs` has a null for each absent one.
// The operator assigns every output. Shapes are concrete.
struct RunContext {
  const Node& node;
  std::vector<const Tensor*> inputs;
  std::vector<Tensor> outputs;  // node.outputs.size() empty tensors
  // The integer reading only: quantization of each input and output, null
  // where it is float; inputs then hold the stored integers.
  std::vector<const QuantParams*> input_quant;
  std::vector<const QuantParams*> output_quant;
  Bodies* bodies = nullptr;  // set where the node has nested graphs

  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  const Tensor& in(size_t i) const {
    CheckInternal(has(i), "RunContext::in: input is absent");
    return *inputs[i];
  }
};

// ------------------------------------------------------------- quantization

// What one input or output of an operator may become.
enum class Role : uint8_t {
  kFloat,       // never quantized (indices, shapes, masks, float-only inputs)
  kActivation,  // per tensor, type of the target's activations; constants in
                // such a place are quantized per tensor like activations
  kWeight,      // constant: weight type, per channel along `axis` if asked
  kBias,        // constant: int32 at scale(input 0) * scale(weight), zero 0
};
struct QuantSlot {
  Role role = Role::kFloat;
  int axis = -1;          // kWeight: the output-channel axis
  int reduce_axis = -1;   // kWeight: K, where groups lie; = axis: a row each
  bool optional = false;  // may stay float although the node is quantized
  // Outputs with a range known by definition (Softmax, Sigmoid: [0, 1] at
  // scale 1/256, zero point qmin).
  bool unit_range = false;
};
// How a node would be executed in integers, or why not.
struct QuantSpec {
  std::string reason;  // why it stays float; kWeight inputs may be integers
  std::vector<QuantSlot> inputs;
  std::vector<QuantSlot> outputs;
  // Input i and output j (by index) must have equal parameters: data
  // movement, max pooling. For Concat: all inputs share with the output when
  // the target wants it; see `prefer_same`.
  std::vector<std::pair<int, int>> same;
  bool prefer_same = false;  // sharing is a preference, not a constraint
  // Relu, Clip: the node only clamps to [low, high]; it disappears where the
  // output's quantized range absorbs it.
  std::optional<std::pair<float, float>> clamp;

  static QuantSpec Float(std::string why) {
    QuantSpec spec;
    spec.reason = std::move(why);
    return spec;
  }
};

// Which operators and types become integer: a data table, chosen by
// --preset (x86, arm, tensorrt, squint, edge). Filled in interchange/.
struct Target {
  std::string name;
  DType activation = DType::kUint8;
  bool symmetric_activation = false;
  DType weight = DType::kInt8;
  bool per_channel = true;
  // Softmax/Sigmoid outputs at 1/256 (false: calibrated like others).
  bool unit_range_outputs = true;
  // Biases as int32 (false: they stay float; TensorRT takes no other).
  bool quantize_bias = true;
  // "Conv", "com.microsoft::X": operators that run in integers there. With
  // `all_integer` the list is every row that has an integer reading.
  std::set<std::string, std::less<>> operators = {};
  bool all_integer = false;
  std::string note = {};  // printed when files are written for this target
};

struct QuantizeQuery {
  const Graph& graph;
  const Node& node;
  const Target& target;
};

// ------------------------------------------------------------------ execution

// Weights in a kernel's own layout, made once and shared by all shapes.
class PackCache {
 public:
  template <typename T>
  std::shared_ptr<const T> Get(
      const std::string& key,
      const std::function<std::shared_ptr<const T>()>& make) {
    auto& slot = entries_[key];
    if (!slot) slot = make();
    return std::static_pointer_cast<const T>(slot);
  }

 private:
  std::map<std::string, std::shared_ptr<const void>> entries_;
};

struct StepArgs {
  std::span<const void* const> inputs;  // null where absent
  std::span<void* const> outputs;
  void* scratch;  // Step::scratch_bytes(), 64-aligned
  ThreadPool& pool;
};

// One node prepared for fixed shapes: Run is const, reentrant and allocates
// nothing.
class Step {
 public:
  virtual ~Step() = default;
  virtual void Run(const StepArgs& args) const = 0;
  virtual size_t scratch_bytes() const { return 0; }
  // Output 0 may be the same memory as this input (equal size).
  virtual bool can_run_in_place() const { return false; }
  virtual size_t in_place_input() const { return 0; }
};

struct PrepareContext {
  const Node& node;
  // Of every input (kUndefined / empty when absent) and output; concrete.
  std::vector<DType> input_dtypes;
  std::vector<Dims> input_dims;
  std::vector<DType> output_dtypes;
  std::vector<Dims> output_dims;
  std::vector<const Tensor*> constants;  // null unless constant
  // For prepare_stored: what constants[i] is quantized with, null where it is
  // not; it then holds the stored integers, and input_dtypes[i] is the type
  // of the numbers they stand for.
  std::vector<const QuantParams*> stored = {};
  PackCache& packs;
  std::string pack_key;  // unique for this node; add a suffix per input
  int threads = 1;
  // Clamp of output 0 that the caller fused in (only when the row says
  // fuses_clamp).
  std::optional<std::pair<float, float>> clamp;

  bool has(size_t i) const {
    return i < input_dtypes.size() && input_dtypes[i] != DType::kUndefined;
  }
};

// --------------------------------------------------------------------- upgrade

// Rewrites one node from the meaning of opset `from` to that of opset 25.
// May add constants and nodes (InsertBefore/InsertAfter). The node keeps its
// id unless it is replaced as a whole.
struct UpgradeContext {
  Graph& graph;
  NodeId node_id;
  int64_t from;  // opset of the node's domain in the file
  Node& node() { return graph.node(node_id); }
  // Turns attribute `key` (ints) into constant input `index`.
  void AttributeToInput(std::string_view key, size_t index);
};

// ----------------------------------------------------------------- the row

struct OpDef {
  std::string_view type;
  std::string_view domain = "";
  // Lowest opset in which a node with this meaning can be written.
  int since = 1;
  void (*infer)(InferContext&) = nullptr;
  // Operators that give their nested graphs inputs: types these and calls
  // the driver back; `node` is the context's. Before `infer`, which then
  // reads the types of the nested graphs' outputs.
  void (*infer_bodies)(const InferContext&, Node& node,
                       const InferBody& infer) = nullptr;
  // float32 (and integer where the operator has such types) plain loops:
  // constant folding, fallback, oracle of the tests.
  void (*reference)(RunContext&) = nullptr;
  // The integer reading: integer core + float epilogue, or the formula of
  // the operator. Null: dequantize, `reference`, quantize.
  void (*integer_reference)(RunContext&) = nullptr;
  QuantSpec (*quantize)(const QuantizeQuery&) = nullptr;
  // Null, or a null result: the reference runs instead.
  std::unique_ptr<Step> (*prepare)(const PrepareContext&) = nullptr;
  // For nodes with quantized constants, asked first, before those are
  // dequantized: a step that never reads them as inputs (null in StepArgs).
  // Null, or a null result: `prepare` with their real numbers.
  std::unique_ptr<Step> (*prepare_stored)(const PrepareContext&) = nullptr;
  bool fuses_clamp = false;
  void (*upgrade)(UpgradeContext&) = nullptr;
};

// The row of an operator, or null when Squint does not know it.
const OpDef* FindOp(std::string_view type, std::string_view domain = "");
std::span<const OpDef* const> AllOps();

}  // namespace squint

#endif  // SQUINT_OPS_OP_H_
