// What If, Loop and Scan share: finding and checking their nested graphs,
// typing what flows into these and back, and stacking what they make.
#ifndef SQUINT_OPS_BODIES_H_
#define SQUINT_OPS_BODIES_H_

#include <string_view>
#include <vector>

#include "squint/ops/op.h"

namespace squint {

// The nested graph under attribute `key`. Error{kInvalidModel} when missing.
const Graph& BodyOf(const Node& node, std::string_view key);
Graph& BodyOf(Node& node, std::string_view key);

// Error{kInvalidModel} when one of the inputs from `first` on is left out.
void RequireInputs(const Node& node, size_t first);
// Error{kInvalidModel} naming attribute, expected and actual number.
void CheckBodyInputs(const Graph& body, std::string_view key, size_t expected);
void CheckBodyOutputs(const Graph& body, std::string_view key, size_t expected);
// Error{kUnsupported} for sequences, maps and optionals that flow in or out.
void CheckBodyCarriesTensors(const Graph& body, std::string_view key);

struct ValueType {
  DType dtype = DType::kUndefined;
  Shape shape;
};
ValueType TypeOf(const Graph& graph, ValueId id);

// What holds for both: equal dimensions stay, others are unknown; ranks that
// differ leave none.
Shape CommonShape(const Shape& a, const Shape& b);

// Body outputs [first_output, +count) come back as inputs [first_input,
// +count).
struct Feedback {
  size_t first_input = 0;
  size_t first_output = 0;
  size_t count = 0;
};
// Infers the body with inputs of these types, those fed back widened until
// they also hold for what comes back. An input without a shape keeps the one
// that the file declares. Error{kInvalidModel} when a type would change.
void InferWithFeedback(Graph& body, std::string_view key,
                       std::vector<ValueType> inputs, const Feedback& feedback,
                       const InferBody& infer);

// Equal tensors, one a trip, that become one with a new axis.
class Stack {
 public:
  // `value` is the body's output, for messages and for a stack of nothing;
  // together the tensors may have `limit` bytes.
  Stack(const Value& value, size_t limit) : value_(value), limit_(limit) {}
  void Add(Tensor tensor);
  // The trips along `axis` of the result, negative from the end; the last
  // one first with `reverse`. No trips: unknown dimensions are 0.
  Tensor Finish(int64_t axis, bool reverse) const;

 private:
  const Value& value_;
  size_t limit_;
  size_t bytes_ = 0;
  std::vector<Tensor> trips_;
};

// The one truth value in a condition. Error{kInvalidModel} when it is none.
bool Condition(const Tensor& tensor, std::string_view what);

// The nested graphs are quantized by themselves.
QuantSpec BodyRule(const QuantizeQuery& query);

}  // namespace squint

#endif  // SQUINT_OPS_BODIES_H_
