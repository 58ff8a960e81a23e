#include "squint/ops/bodies.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace squint {
namespace {

// Each round may widen what the last one made; then shapes are given up.
constexpr int kRounds = 3;
// Bytes that a trip's tensor takes besides its elements, about.
constexpr size_t kTripOverhead = 256;
// A body is inferred up to kRounds + 1 times, and so is each one within it
// in every round: beyond this many levels shapes are given up at once.
constexpr int kPreciseLevels = 3;

const GraphBox& BoxOf(const Node& node, std::string_view key) {
  const Attribute* attribute = node.FindAttribute(key);
  const auto* box = attribute ? std::get_if<GraphBox>(attribute) : nullptr;
  if (box == nullptr) {
    Fail(ErrorCode::kInvalidModel, "has no graph under attribute '{}'", key);
  }
  return *box;
}

int Levels(const Graph& graph) {
  int deepest = 0;
  for (const NodeId id : graph.order()) {
    ForEachBody(graph.node(id),
                [&](const std::string&, const Graph& body, size_t) {
                  deepest = std::max(deepest, Levels(body));
                });
  }
  return deepest + 1;
}

void SetInputTypes(Graph& body, const std::vector<ValueType>& types) {
  for (size_t i = 0; i < types.size(); ++i) {
    Value& value = body.value(body.inputs()[i]);
    if (types[i].dtype != DType::kUndefined) value.dtype = types[i].dtype;
    value.shape = types[i].shape;
  }
}

void CheckSameType(const Graph& body, std::string_view key, ValueId input,
                   ValueId output) {
  const DType in = body.value(input).dtype;
  const DType out = body.value(output).dtype;
  if (in == out || in == DType::kUndefined || out == DType::kUndefined) return;
  Fail(ErrorCode::kInvalidModel,
       "{} takes '{}' as {} and gives it back as {} ('{}')", key,
       body.value(input).name, DTypeName(in), DTypeName(out),
       body.value(output).name);
}

bool SameDims(const Shape& a, const Shape& b) {
  if (a.has_rank() != b.has_rank()) return false;
  if (!a.has_rank()) return true;
  if (a.rank() != b.rank()) return false;
  for (int i = 0; i < a.rank(); ++i) {
    const bool both_unknown = a[i].is_unknown() && b[i].is_unknown();
    if (!both_unknown && !(a[i] == b[i])) return false;
  }
  return true;
}

// Widens `inputs` by what an inferred body gives back; true if any changed.
bool Widen(const Graph& body, std::string_view key, const Feedback& feedback,
           std::vector<ValueType>& inputs) {
  bool changed = false;
  for (size_t i = 0; i < feedback.count; ++i) {
    const ValueId in = body.inputs()[feedback.first_input + i];
    const ValueId out = body.outputs()[feedback.first_output + i];
    CheckSameType(body, key, in, out);
    ValueType& type = inputs[feedback.first_input + i];
    Shape common = CommonShape(type.shape, body.value(out).shape);
    if (type.dtype == DType::kUndefined) type.dtype = body.value(out).dtype;
    if (SameDims(common, type.shape)) continue;
    type.shape = std::move(common);
    changed = true;
  }
  return changed;
}

void Forget(const Feedback& feedback, std::vector<ValueType>& inputs) {
  for (size_t i = 0; i < feedback.count; ++i) {
    inputs[feedback.first_input + i].shape = Shape();
  }
}

}  // namespace

const Graph& BodyOf(const Node& node, std::string_view key) {
  return *BoxOf(node, key);
}

Graph& BodyOf(Node& node, std::string_view key) {
  BoxOf(node, key);
  return *std::get<GraphBox>(node.attributes.find(key)->second);
}

void RequireInputs(const Node& node, size_t first) {
  for (size_t i = first; i < node.inputs.size(); ++i) {
    if (node.has_input(i)) continue;
    Fail(ErrorCode::kInvalidModel, "input {} is left out", i);
  }
}

void CheckBodyInputs(const Graph& body, std::string_view key, size_t expected) {
  if (body.inputs().size() != expected) {
    Fail(ErrorCode::kInvalidModel, "{} takes {} inputs where {} are passed",
         key, body.inputs().size(), expected);
  }
}

void CheckBodyOutputs(const Graph& body, std::string_view key,
                      size_t expected) {
  if (body.outputs().size() != expected) {
    Fail(ErrorCode::kInvalidModel, "{} gives {} outputs where {} are expected",
         key, body.outputs().size(), expected);
  }
}

void CheckBodyCarriesTensors(const Graph& body, std::string_view key) {
  for (const auto* list : {&body.inputs(), &body.outputs()}) {
    for (const ValueId id : *list) {
      if (body.value(id).type_bytes.empty()) continue;
      Fail(ErrorCode::kUnsupported,
           "'{}' of {} is a sequence, a map or an optional; Squint runs "
           "tensors only",
           body.value(id).name, key);
    }
  }
}

ValueType TypeOf(const Graph& graph, ValueId id) {
  if (id == kNoValue) return {};
  return {graph.value(id).dtype, graph.value(id).shape};
}

Shape CommonShape(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) return Shape();
  DimList dims;
  for (int i = 0; i < a.rank(); ++i) {
    dims.push_back(a[i] == b[i] ? a[i] : Dim::Unknown());
  }
  return Shape(std::move(dims));
}

void InferWithFeedback(Graph& body, std::string_view key,
                       std::vector<ValueType> inputs, const Feedback& feedback,
                       const InferBody& infer) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Shape& declared = body.value(body.inputs()[i]).shape;
    if (!inputs[i].shape.has_rank()) inputs[i].shape = declared;
  }
  if (Levels(body) > kPreciseLevels) Forget(feedback, inputs);
  for (int round = 0;; ++round) {
    if (round == kRounds) Forget(feedback, inputs);
    Graph trial = body;
    SetInputTypes(trial, inputs);
    infer(key, trial);
    if (Widen(trial, key, feedback, inputs) && round < kRounds) continue;
    body = std::move(trial);
    return;
  }
}

void Stack::Add(Tensor tensor) {
  if (BitsOf(tensor.dtype()) < 8) {
    Fail(ErrorCode::kUnsupported, "'{}' of type {} cannot be stacked",
         value_.name, DTypeName(tensor.dtype()));
  }
  if (!trips_.empty() && (tensor.dtype() != trips_[0].dtype() ||
                          tensor.dims() != trips_[0].dims())) {
    Fail(ErrorCode::kInvalidModel,
         "'{}' is {}{} at one trip and {}{} at another", value_.name,
         DTypeName(trips_[0].dtype()), DimsToString(trips_[0].dims()),
         DTypeName(tensor.dtype()), DimsToString(tensor.dims()));
  }
  bytes_ += tensor.bytes() + kTripOverhead;
  if (bytes_ > limit_) {
    Fail(ErrorCode::kOutOfMemory,
         "'{}' grows beyond the memory limit of {} bytes", value_.name, limit_);
  }
  trips_.push_back(std::move(tensor));
}

Tensor Stack::Finish(int64_t axis, bool reverse) const {
  DType dtype = value_.dtype;
  Dims dims;
  if (!trips_.empty()) {
    dtype = trips_[0].dtype();
    dims = trips_[0].dims();
  } else if (value_.shape.has_rank()) {
    for (const Dim& dim : value_.shape.dims()) {
      dims.push_back(dim.value().value_or(0));
    }
  }
  if (dtype == DType::kUndefined) {
    Fail(ErrorCode::kInvalidModel,
         "no trip makes '{}', and its type is not declared", value_.name);
  }
  const int at = NormalizeAxis(axis, static_cast<int>(dims.size()) + 1);
  dims.insert(dims.begin() + at, static_cast<int64_t>(trips_.size()));
  Tensor result(dtype, dims);
  const auto outer = static_cast<size_t>(
      ElementCount(std::span(dims).first(static_cast<size_t>(at))));
  if (trips_.empty() || outer == 0) return result;
  const size_t run = trips_[0].bytes() / outer;
  std::byte* to = result.mutable_raw();
  for (size_t o = 0; o < outer; ++o) {
    for (size_t t = 0; t < trips_.size() && run > 0; ++t, to += run) {
      const Tensor& trip = trips_[reverse ? trips_.size() - 1 - t : t];
      std::memcpy(to, trip.raw() + o * run, run);
    }
  }
  return result;
}

bool Condition(const Tensor& tensor, std::string_view what) {
  if (tensor.dtype() != DType::kBool || tensor.size() != 1) {
    Fail(ErrorCode::kInvalidModel, "{} is {}{}, expected one bool", what,
         DTypeName(tensor.dtype()), DimsToString(tensor.dims()));
  }
  return tensor.data<bool>()[0];
}

QuantSpec BodyRule(const QuantizeQuery&) {
  return QuantSpec::Float("what is in its nested graphs is quantized there");
}

}  // namespace squint
