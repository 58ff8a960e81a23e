#include "squint/ops/step_body.h"

#include <utility>

namespace squint {
namespace {

class BodyBuilder {
 public:
  BodyBuilder(const StepParts& parts, const std::string& prefix)
      : parts_(parts), prefix_(prefix) {}

  Graph Lstm() {
    const ValueId h = Input("h", 1);
    const ValueId c = Input("c", 1);
    const ValueId g = Input("g", 4);
    body_.value(h).quant = parts_.grid;
    const ValueId sums = Op("Add", {g, Product(h, 0)}, "sums");
    const auto [open, fresh] = Split(sums, {3, 1}, "open", "fresh");
    const ValueId gates = Op("Sigmoid", {open}, "gates");
    const ValueId n = Op("Tanh", {fresh}, "new");
    const std::vector<ValueId> iof = SplitAll(gates, {1, 1, 1}, "gate");
    const ValueId kept = Op("Mul", {iof[2], c}, "kept");
    const ValueId added = Op("Mul", {iof[0], n}, "added");
    const ValueId cell = Op("Add", {kept, added}, "cell");
    const ValueId bounded = Op("Tanh", {cell}, "bounded");
    const ValueId state = Op("Mul", {iof[1], bounded}, "state");
    return Finish({state, cell}, state);
  }

  Graph Gru() {
    const ValueId h = Input("h", 1);
    const ValueId g = Input("g", 3);
    const ValueId rounded = parts_.grid ? OnGrid(h) : h;
    const auto [open, fresh] = Split(g, {2, 1}, "open", "fresh");
    const ValueId sums = Op("Add", {open, Product(rounded, 0)}, "sums");
    const ValueId gates = Op("Sigmoid", {sums}, "gates");
    const auto [update, reset] = Split(gates, {1, 1}, "update", "reset");
    const ValueId n = Op(
        "Tanh", {Op("Add", {fresh, FromState(h, rounded, reset)}, "new_sum")},
        "new");
    const ValueId change = Op("Sub", {h, n}, "change");
    const ValueId kept = Op("Mul", {update, change}, "kept");
    const ValueId state = Op("Add", {n, kept}, "state");
    return Finish({state}, state);
  }

 private:
  // What GRU's fresh state gets from the state before.
  ValueId FromState(ValueId h, ValueId rounded, ValueId reset) {
    if (!parts_.linear_before_reset) {
      const ValueId kept = Op("Mul", {reset, h}, "reset_state");
      body_.value(kept).quant = parts_.grid;
      return Product(kept, 1);
    }
    ValueId product = Product(rounded, 1);
    if (!parts_.late_bias.empty()) {
      const ValueId bias =
          body_.AddConstant(prefix_ + "_late_bias", parts_.late_bias);
      product = Op("Add", {product, bias}, "late");
    }
    return Op("Mul", {reset, product}, "reset_product");
  }

  ValueId Input(const char* name, int64_t gates) {
    return body_.AddInput(
        prefix_ + "_" + name, DType::kFloat32,
        Shape(DimList{Dim::Unknown(), Dim(gates * parts_.hidden())}));
  }

  ValueId Op(std::string_view op_type, std::vector<ValueId> inputs,
             const char* name, std::string_view domain = "") {
    const ValueId id = body_.Emit(op_type, std::move(inputs),
                                  prefix_ + "_" + name, {}, domain);
    body_.value(id).dtype = DType::kFloat32;
    return id;
  }

  ValueId OnGrid(ValueId h) {
    const ValueId rounded = Op("Requantize", {h}, "rounded", "squint");
    body_.value(rounded).quant = parts_.grid;
    return rounded;
  }

  ValueId Product(ValueId state, size_t index) {
    const StepConstant& r = parts_.weights[index];
    const ValueId weight = body_.AddConstant(
        fmt::format("{}_R{}", prefix_, index == 0 ? "" : "n"), r.content);
    body_.value(weight).dtype = DType::kFloat32;
    body_.value(weight).quant = r.quant;
    return Op("MatMul", {state, weight}, index == 0 ? "product" : "product_n");
  }

  // Pieces of so many states along the last axis.
  std::vector<ValueId> SplitAll(ValueId whole, std::vector<int64_t> sizes,
                                const std::string& name) {
    Node split;
    split.op_type = "Split";
    for (size_t i = 0; i < sizes.size(); ++i) {
      sizes[i] *= parts_.hidden();
      split.outputs.push_back(body_.AddValue(
          fmt::format("{}_{}{}", prefix_, name, i), DType::kFloat32));
    }
    const auto count = static_cast<int64_t>(sizes.size());
    split.inputs = {whole,
                    body_.AddConstant(fmt::format("{}_{}_sizes", prefix_, name),
                                      Tensor::Of<int64_t>({count}, sizes))};
    split.Set("axis", int64_t{-1});
    std::vector<ValueId> pieces = split.outputs;
    body_.AddNode(std::move(split));
    return pieces;
  }
  std::pair<ValueId, ValueId> Split(ValueId whole, std::vector<int64_t> sizes,
                                    const char* first, const char* second) {
    const std::vector<ValueId> pieces =
        SplitAll(whole, std::move(sizes), first);
    body_.Rename(pieces[0], body_.UniqueName(prefix_ + "_" + first));
    body_.Rename(pieces[1], body_.UniqueName(prefix_ + "_" + second));
    return {pieces[0], pieces[1]};
  }

  // The final states, then the state once more for the stacked result.
  Graph Finish(const std::vector<ValueId>& states, ValueId h) {
    for (const ValueId id : states) body_.AddOutput(id);
    body_.AddOutput(Op("Identity", {h}, "y"));
    return std::move(body_);
  }

  const StepParts& parts_;
  const std::string& prefix_;
  Graph body_;
};

}  // namespace

Graph BuildStepBody(const StepParts& parts, const std::string& prefix) {
  BodyBuilder builder(parts, prefix);
  Graph body = parts.lstm ? builder.Lstm() : builder.Gru();
  body.name = prefix + "_step";
  return body;
}

}  // namespace squint
