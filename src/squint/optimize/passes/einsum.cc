// An Einsum of two operands that is a matrix product becomes Transpose,
// Reshape and MatMul, for which there are kernels, and integers everywhere.
// Its labels fall into four groups: batch (in both operands and the result),
// inner (in both, summed over), rows and columns (in one and the result).
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "squint/ops/einsum_equation.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

using Sizes = std::map<EinsumLabel, Dim>;

struct Product {
  ValueId a = kNoValue;  // of the rows
  ValueId b = kNoValue;  // of the columns
  EinsumLabels a_labels, b_labels, result;
  EinsumLabels batch, rows, inner, columns;
  Sizes sizes;
};

bool AreDistinct(const EinsumLabels& labels) {
  return std::set<EinsumLabel>(labels.begin(), labels.end()).size() ==
         labels.size();
}

// Fills the groups; false when a label is in none of them.
bool Group(Product& product) {
  for (const EinsumLabel label : product.a_labels) {
    const bool shared = HasLabel(product.b_labels, label);
    const bool kept = HasLabel(product.result, label);
    if (!shared && !kept) return false;
    (!shared ? product.rows
     : kept  ? product.batch
             : product.inner)
        .push_back(label);
  }
  for (const EinsumLabel label : product.b_labels) {
    if (HasLabel(product.a_labels, label)) continue;
    if (!HasLabel(product.result, label)) return false;
    product.columns.push_back(label);
  }
  return !product.inner.empty();
}

// No operand is repeated along a label.
bool SizesAgree(const Graph& graph, const Product& product) {
  const auto agree = [&](ValueId id, const EinsumLabels& labels) {
    const DimList& dims = graph.value(id).shape.dims();
    for (size_t axis = 0; axis < labels.size(); ++axis) {
      const bool shared = HasLabel(product.a_labels, labels[axis]) &&
                          HasLabel(product.b_labels, labels[axis]);
      if (shared && !(dims[axis] == product.sizes.at(labels[axis]))) {
        return false;
      }
    }
    return true;
  };
  return agree(product.a, product.a_labels) &&
         agree(product.b, product.b_labels);
}

std::optional<Product> ReadProduct(const Editor& editor, const Node& node) {
  if (!node.Is("Einsum") || node.inputs.size() != 2 ||
      editor.IsQuantized(node) || !editor.IsFloat32(node.input(0)) ||
      editor.Rank(node.input(0)) < 0 || editor.Rank(node.input(1)) < 0) {
    return std::nullopt;
  }
  const Graph& graph = editor.graph();
  EinsumEquation equation =
      ParseEinsum(node.String("equation", ""),
                  {editor.Rank(node.input(0)), editor.Rank(node.input(1))});
  Product product;
  product.sizes = EinsumSizes(equation, {graph.value(node.input(0)).shape,
                                         graph.value(node.input(1)).shape});
  // A constant is better on the right, where weights stand.
  const size_t left = graph.ConstantOf(node.input(0)) != nullptr ? 1 : 0;
  product.a = node.input(left);
  product.b = node.input(1 - left);
  product.a_labels = std::move(equation.operands[left]);
  product.b_labels = std::move(equation.operands[1 - left]);
  product.result = std::move(equation.result);
  if (!AreDistinct(product.a_labels) || !AreDistinct(product.b_labels) ||
      !Group(product) || !SizesAgree(graph, product)) {
    return std::nullopt;
  }
  return product;
}

// Where needed, the target of a Reshape that keeps the first `copied` axes and
// gives the rest new sizes, of which one may be unknown. False: it cannot be
// written.
bool SetShape(bool needed, size_t copied, const DimList& rest,
              std::vector<int64_t>& target) {
  if (!needed) return true;
  target.assign(copied, 0);
  for (const Dim& dim : rest) {
    target.push_back(dim.value().value_or(-1));
    if (target.back() == 0) return false;
  }
  return std::count(target.begin(), target.end(), -1) <= 1;
}

Dim SizeOf(const EinsumLabels& labels, const Sizes& sizes) {
  Dim size = 1;
  for (const EinsumLabel label : labels) size = size * sizes.at(label);
  return size;
}

// The nodes that make up a product: what each does to its operand first. An
// empty list: nothing. Groups of one label need no Reshape; without a batch,
// MatMul takes any number of row axes, and no columns, as they are.
struct Rewrite {
  std::vector<int64_t> a_order, a_shape;
  std::vector<int64_t> b_order, b_shape;
  std::vector<int64_t> shape, order;
};

// The axes of `from` in the order of `to`; empty when that is the same.
std::vector<int64_t> Order(const EinsumLabels& from, const EinsumLabels& to) {
  if (from == to) return {};
  std::vector<int64_t> order;
  for (const EinsumLabel label : to) {
    order.push_back(std::find(from.begin(), from.end(), label) - from.begin());
  }
  return order;
}

std::optional<Rewrite> Plan(const Product& p) {
  const size_t batch = p.batch.size();
  const bool plain_rows = batch == 0 || p.rows.size() == 1;
  const bool plain_columns =
      p.columns.size() == 1 || (batch == 0 && p.columns.empty());
  const bool plain_inner = p.inner.size() == 1;
  const size_t kept = batch + (plain_rows ? p.rows.size() : 0);
  const Dim k = SizeOf(p.inner, p.sizes);
  DimList a_rest, b_rest = {k}, rest;
  if (!plain_rows) {
    a_rest = {SizeOf(p.rows, p.sizes)};
    for (const EinsumLabel row : p.rows) rest.push_back(p.sizes.at(row));
  }
  a_rest.push_back(k);
  if (batch > 0 || !p.columns.empty()) {
    b_rest.push_back(SizeOf(p.columns, p.sizes));
  }
  for (const EinsumLabel column : p.columns) {
    rest.push_back(p.sizes.at(column));
  }
  Rewrite rewrite;
  rewrite.a_order =
      Order(p.a_labels, JoinLabels(JoinLabels(p.batch, p.rows), p.inner));
  rewrite.b_order =
      Order(p.b_labels, JoinLabels(JoinLabels(p.batch, p.inner), p.columns));
  rewrite.order =
      Order(JoinLabels(JoinLabels(p.batch, p.rows), p.columns), p.result);
  const bool possible =
      SetShape(!plain_rows || !plain_inner, kept, a_rest, rewrite.a_shape) &&
      SetShape(!plain_columns || !plain_inner, batch, b_rest,
               rewrite.b_shape) &&
      SetShape(!plain_rows || !plain_columns, kept, rest, rewrite.shape);
  return possible ? std::optional(std::move(rewrite)) : std::nullopt;
}

// Emits nodes before the Einsum and lets it become the last of them.
class Writer {
 public:
  Writer(Editor& editor, NodeId id) : editor_(editor), id_(id) {}

  ValueId Transpose(ValueId x, const std::vector<int64_t>& order) {
    if (order.empty()) return x;
    return editor_.EmitBefore(id_, "Transpose", {x}, {{"perm", order}});
  }
  ValueId Reshape(ValueId x, const std::vector<int64_t>& shape) {
    if (shape.empty()) return x;
    return editor_.EmitBefore(id_, "Reshape", {x, ShapeConstant(shape)});
  }
  ValueId ShapeConstant(const std::vector<int64_t>& shape) {
    return editor_.AddConstant(
        "shape",
        Tensor::Of<int64_t>({static_cast<int64_t>(shape.size())}, shape));
  }

  void Write(const Product& product, const Rewrite& rewrite) {
    const ValueId a =
        Reshape(Transpose(product.a, rewrite.a_order), rewrite.a_shape);
    const ValueId b =
        Reshape(Transpose(product.b, rewrite.b_order), rewrite.b_shape);
    if (rewrite.shape.empty() && rewrite.order.empty()) {
      return editor_.Become(id_, "MatMul", {a, b});
    }
    const ValueId matrix = editor_.EmitBefore(id_, "MatMul", {a, b});
    if (rewrite.order.empty()) {
      return editor_.Become(id_, "Reshape",
                            {matrix, ShapeConstant(rewrite.shape)});
    }
    editor_.Become(id_, "Transpose", {Reshape(matrix, rewrite.shape)},
                   {{"perm", rewrite.order}});
  }

 private:
  Editor& editor_;
  NodeId id_;
};

int RunEinsum(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    if (graph.node(id).removed) continue;
    const std::optional<Product> product = ReadProduct(editor, graph.node(id));
    const std::optional<Rewrite> rewrite =
        product ? Plan(*product) : std::nullopt;
    if (!rewrite) continue;
    pass.Say("{} as a matrix product", editor.Name(id));
    Writer(editor, id).Write(*product, *rewrite);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kEinsumPass = {
    .name = "einsum",
    .summary = "Einsum of two operands as Transpose, Reshape and MatMul",
    .run = RunEinsum,
};

}  // namespace squint
