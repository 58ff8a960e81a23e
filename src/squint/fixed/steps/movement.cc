// Operators whose results are elements of their inputs: Transpose, Slice,
// Concat, Pad, nearest Resize ... Which element goes where is not said again
// here: the operator's reference runs on the numbers of the elements instead
// of the elements, and its result is read as strided copies.
#include <algorithm>
#include <bit>
#include <numeric>

#include "squint/fixed/step_list.h"
#include "squint/fixed/steps/call_curve.h"
#include "squint/fixed/steps/image_movement.h"
#include "squint/fixed/steps/nest.h"
#include "squint/fixed/steps/table.h"
#include "squint/kernels/fixed/copy.h"
#include "squint/kernels/fixed/fill.h"
#include "squint/kernels/fixed/fill_16.h"
#include "squint/kernels/fixed/fill_32.h"
#include "squint/kernels/fixed/lookup.h"
#include "squint/kernels/fixed/take.h"
#include "squint/kernels/fixed/take_16.h"
#include "squint/kernels/fixed/take_32.h"
#include "squint/ops/op.h"
#include "squint/runtime/byte_table.h"

namespace squint {
namespace {

struct Copy {
  size_t input = 0;
  size_t output = 0;
  squint_copy_shape shape;
};

struct Plan {
  DType dtype = DType::kInt8;
  std::vector<Copy> copies;
  std::vector<int32_t> index;  // of `take`, where no copies say it
  int32_t count = 0;           // of elements of output 0
  bool has_border = false;
  int32_t border = 0;
  std::vector<int8_t> table;   // onto the result's scale; empty: the same
  std::optional<Curve> curve;  // the same of 16-bit numbers
  bool is_view = false;
  std::optional<ImageSize> planes;  // FixedStep::planes

  int32_t bytes() const { return BitsOf(dtype) / 8; }  // of an element
};

class MovementStep : public StepOf<MovementStep> {
 public:
  explicit MovementStep(Plan plan) : plan_(std::move(plan)) {}

  template <typename Machine>
  void Do(Machine& m) const {
    if (plan_.has_border) {
      const auto fill = [&](const auto&... kernel) {
        m.Call(kernel..., m.Number(plan_.count), m.Number(plan_.border),
               m.Out(0));
      };
      if (plan_.bytes() == 4) {
        fill(SQUINT_KERNEL("fill_32", squint_fill_32));
      } else if (plan_.bytes() == 2) {
        fill(SQUINT_KERNEL("fill_16", squint_fill_16));
      } else {
        fill(SQUINT_KERNEL("fill", squint_fill));
      }
    }
    for (const Copy& copy : plan_.copies) {
      m.Call(SQUINT_KERNEL("copy", squint_copy),
             m.Params("squint_copy_shape", copy.shape), m.In(copy.input),
             m.Out(copy.output));
    }
    if (!plan_.index.empty()) {
      const auto take = [&](const auto&... kernel) {
        m.Call(kernel..., m.Number(plan_.count), m.Array("index", plan_.index),
               m.In(0), m.Out(0));
      };
      if (plan_.bytes() == 4) {
        take(SQUINT_KERNEL("take_32", squint_take_32));
      } else if (plan_.bytes() == 2) {
        take(SQUINT_KERNEL("take_16", squint_take_16));
      } else {
        take(SQUINT_KERNEL("take", squint_take));
      }
    }
    if (!plan_.table.empty()) {
      m.Call(SQUINT_KERNEL("lookup", squint_lookup), m.Number(1), m.Number(1),
             m.Number(plan_.count), m.Array("table", plan_.table), m.Out(0),
             m.Out(0));
    }
    if (plan_.curve)
      CallCurve(m, *plan_.curve, plan_.count, m.Out(0), m.Out(0));
  }
  bool is_view() const override { return plan_.is_view; }
  std::optional<ImageSize> planes() const override { return plan_.planes; }

 private:
  Plan plan_;
};

bool IsData(const FixedOperand& operand) {
  return operand.has() &&
         (IsByte(operand.dtype) || operand.dtype == DType::kInt16 ||
          operand.dtype == DType::kFloat32);
}

// Inputs whose elements move: all of Concat; else the first.
std::vector<size_t> DataInputs(const FixedOperation& operation) {
  std::vector<size_t> data = {0};
  if (operation.node.op_type != "Concat") return data;
  data.resize(operation.inputs.size());
  std::iota(data.begin(), data.end(), 0);
  return data;
}

// What stands for input `i` while the operator runs on numbers of elements,
// the first of which is `first`. Empty: absent.
Tensor StandIn(const FixedOperation& operation, size_t i, bool is_data,
               int32_t first) {
  // Without a border of its own, Pad would take 0, the number of an element.
  if (operation.node.op_type == "Pad" && i == 2) {
    return Tensor::Scalar<int32_t>(kBorderSource);
  }
  if (!operation.has(i)) return Tensor();
  const FixedOperand& input = operation.inputs[i];
  if (!is_data) {
    Require(input.constant != nullptr, "where its elements go is computed");
    return input.constant->Materialize();
  }
  Tensor numbers(DType::kInt32, input.dims);
  auto* begin = numbers.mutable_data<int32_t>();
  std::iota(begin, begin + numbers.size(), first);
  return numbers;
}

Node WithOutputs(const FixedOperation& operation) {
  Node node = operation.node;
  for (const FixedOperand& output : operation.outputs) {
    node.outputs.push_back(output.has() ? 0 : kNoValue);
  }
  return node;
}

// The numbers of the elements that each output is made of; those of input i
// start behind those of input i - 1.
std::vector<std::vector<int32_t>> Sources(const FixedOperation& operation,
                                          const std::vector<size_t>& data) {
  const Node node = WithOutputs(operation);
  const size_t least = node.op_type == "Pad" ? 3 : 0;
  std::vector<Tensor> held(std::max(operation.inputs.size(), least));
  RunContext run{node, {}, {}, {}, {}};
  int32_t next = 0;
  for (size_t i = 0; i < held.size(); ++i) {
    const bool is_data = std::ranges::find(data, i) != data.end();
    held[i] = StandIn(operation, i, is_data, next);
    if (is_data) next = Size(next + held[i].size());
    run.inputs.push_back(held[i].empty() ? nullptr : &held[i]);
  }
  run.outputs.resize(operation.outputs.size());
  FindOp(node.op_type)->reference(run);
  std::vector<std::vector<int32_t>> sources;
  for (const Tensor& output : run.outputs) {
    sources.emplace_back();
    if (output.empty()) continue;
    const auto values = output.values<int32_t>();
    sources.back().assign(values.begin(), values.end());
  }
  return sources;
}

// What output `output` takes of the elements `first` .. `end` - 1.
std::vector<Move> MovesOf(const std::vector<int32_t>& sources, int64_t first,
                          int64_t end) {
  std::vector<Move> moves;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] < first || sources[i] >= end) continue;
    moves.push_back({sources[i] - first, static_cast<int64_t>(i)});
  }
  return moves;
}

bool IsIdentity(const std::vector<int32_t>& sources) {
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] != static_cast<int32_t>(i)) return false;
  }
  return true;
}

// Loops over elements of so many bytes as loops over bytes.
squint_copy_shape InBytes(squint_copy_shape elements, int64_t bytes) {
  for (int32_t* step :
       {&elements.run, &elements.x_start, &elements.x_0, &elements.x_1,
        &elements.x_2, &elements.x_3, &elements.x_4, &elements.y_start,
        &elements.y_0, &elements.y_1, &elements.y_2, &elements.y_3,
        &elements.y_4}) {
    *step = Size(bytes * *step);
  }
  return elements;
}

void PlanCopies(const FixedOperation& operation,
                const std::vector<size_t>& data, size_t output,
                const std::vector<int32_t>& sources, Plan& plan) {
  int64_t first = 0;
  for (const size_t input : data) {
    const int64_t end = first + ElementCount(operation.inputs[input].dims);
    const std::vector<Move> moves = MovesOf(sources, first, end);
    first = end;
    if (moves.empty()) continue;
    const auto nest = NestOf(moves);
    if (nest) {
      plan.copies.push_back({input, output, InBytes(*nest, plan.bytes())});
      continue;
    }
    Require(
        data.size() == 1 && operation.outputs.size() == 1 && !plan.has_border,
        "its elements move in no regular way");
    plan.index = sources;
  }
}

QuantParams ParamsOf(const FixedOperand& operand) {
  const FixedGrid grid = GridOf(operand, operand.dtype);
  return PerTensor(operand.dtype, static_cast<float>(grid.scale), grid.zero);
}

// What the result's integers are where those of the operand stand for numbers
// on another scale; nullopt: the same.
std::optional<Tensor> TableBetween(const FixedOperand& x,
                                   const FixedOperand& y) {
  if (!x.grid || !y.grid) return std::nullopt;
  const QuantParams from = ParamsOf(x);
  const QuantParams to = ParamsOf(y);
  if (from == to) return std::nullopt;
  return QuantizeTensor(DequantizeTensor(AllNumbers(from), from), to);
}

// The border of Pad as an integer of its operand; of real numbers, their bits.
int32_t BorderOf(const FixedOperation& operation) {
  const FixedOperand& x = operation.inputs[0];
  if (IsFloat(x.dtype)) {
    const float real =
        operation.has(2) ? operation.inputs[2].constant->ToFloats().at(0) : 0;
    return std::bit_cast<int32_t>(real);
  }
  const int32_t zero = x.grid ? GridOf(x, x.dtype).zero : 0;
  if (!operation.has(2)) return zero;
  const Tensor* value = operation.inputs[2].constant;
  Require(value != nullptr && value->size() == 1, "its border is computed");
  if (!IsFloat(value->dtype())) return Size(value->ToInts()[0]);
  const FixedGrid grid = GridOf(x, x.dtype);
  const QuantRange range = RangeOf(x.dtype, false);
  return QuantizeValue(value->ToFloats()[0], static_cast<float>(grid.scale),
                       grid.zero, range.qmin, range.qmax);
}

// What FixedStep::planes says of a Transpose that brings channels last.
std::optional<ImageSize> PlanesOf(const FixedOperation& operation) {
  const Dims& dims = operation.inputs[0].dims;
  const auto perm = operation.node.Ints("perm");
  const bool channels_last = perm == std::vector<int64_t>{0, 2, 3, 1} ||
                             perm == std::vector<int64_t>{0, 2, 1};
  if (operation.node.op_type != "Transpose" || !channels_last || dims[0] != 1) {
    return std::nullopt;
  }
  return ImageSize{dims.size() == 4 ? dims[2] : 1, dims.back(), dims[1]};
}

void CheckMovement(const FixedOperation& operation,
                   const std::vector<size_t>& data) {
  for (const size_t i : data) {
    Require(IsData(operation.inputs[i]) &&
                operation.inputs[i].dtype == operation.inputs[0].dtype,
            "its operands have several types or one that is not moved");
  }
  for (const FixedOperand& y : operation.outputs) {
    if (!y.has()) continue;
    Require(IsData(y) && BitsOf(y.dtype) == BitsOf(operation.inputs[0].dtype),
            "its result has another type");
    Require((data.size() == 1 && operation.outputs.size() == 1) ||
                !TableBetween(operation.inputs[0], y),
            "its results have other scales than its operands");
  }
  Require(operation.node.op_type != "Resize" ||
              operation.node.String("mode", "nearest") == "nearest",
          "it interpolates");
}

}  // namespace

std::unique_ptr<FixedStep> MakeMovementStep(const FixedOperation& operation) {
  const std::vector<size_t> data = DataInputs(operation);
  CheckMovement(operation, data);
  const auto sources = Sources(operation, data);
  Plan plan;
  plan.dtype = operation.inputs[0].dtype;
  plan.count = Size(ElementCount(operation.outputs[0].dims));
  const auto table = TableBetween(operation.inputs[0], operation.outputs[0]);
  if (table && plan.bytes() == 2) plan.curve = CurveOf(*table);
  if (table && plan.bytes() == 1) plan.table = BytesOf(*table);
  plan.has_border =
      std::ranges::find(sources[0], kBorderSource) != sources[0].end();
  if (plan.has_border) plan.border = BorderOf(operation);
  for (size_t output = 0; output < sources.size(); ++output) {
    PlanCopies(operation, data, output, sources[output], plan);
  }
  plan.is_view = !table && sources.size() == 1 && IsIdentity(sources[0]) &&
                 ElementCount(operation.inputs[0].dims) == plan.count;
  if (!plan.is_view && !table && plan.bytes() == 1) {
    if (auto step = MakeImageMovement(operation, sources[0], plan.border)) {
      return step;
    }
  }
  if (!table && plan.bytes() == 1) plan.planes = PlanesOf(operation);
  return std::make_unique<MovementStep>(std::move(plan));
}

}  // namespace squint
