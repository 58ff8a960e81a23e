// Operators with truth values: comparisons, logic, tests of floats, and Where,
// which chooses by them. Equal and Where also work on shape contents, for the
// idiom with which exporters write expand(-1, ...).
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "squint/ops/broadcast.h"
#include "squint/ops/dim_content.h"
#include "squint/ops/element_types.h"
#include "squint/ops/op.h"
#include "squint/ops/prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

Shape JointShape(const Shape& a, const Shape& b) {
  const std::optional<Shape> joint = BroadcastShapes(a, b);
  if (!joint) {
    Fail(ErrorCode::kInvalidModel, "shapes {} and {} do not broadcast",
         a.ToString(), b.ToString());
  }
  return *joint;
}

// ---- comparisons and logic

struct EqualTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct GreaterTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterOrEqualTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct LessTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessOrEqualTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
// On 0 and 1.
struct AndTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a != 0 && b != 0;
  }
};
struct OrTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return a != 0 || b != 0;
  }
};
struct XorTest {
  template <typename T>
  bool operator()(T a, T b) const {
    return (a != 0) != (b != 0);
  }
};

void InferTest(InferContext& context) {
  context.SetOutput(0, DType::kBool,
                    JointShape(context.shape(0), context.shape(1)));
}

// 1, 0 or unknown. A size is never a negative number.
Dim EqualDims(const Dim& a, const Dim& b) {
  if (a == b) return 1;
  if (a.value() && b.value()) return 0;
  const auto negative = [](const Dim& dim) {
    return dim.value() && *dim.value() < 0;
  };
  if ((negative(a) && IsNonNegative(b)) || (negative(b) && IsNonNegative(a))) {
    return 0;
  }
  return Dim::Unknown();
}

void InferEqual(InferContext& context) {
  InferTest(context);
  const DimTensor* a = context.dim_tensor(0);
  const DimTensor* b = context.dim_tensor(1);
  if (a == nullptr || b == nullptr) return;
  if (auto content = CombineContents(*a, *b, EqualDims)) {
    context.SetDimTensor(0, std::move(*content));
  }
}

Tensor InTestType(const Tensor& tensor) {
  return tensor.dtype() == DType::kBool ? tensor.CastTo(DType::kUint8)
                                        : InComputeType(tensor);
}

template <typename Test>
void RunTest(RunContext& context) {
  const Tensor a = InTestType(context.in(0));
  const Tensor b = InTestType(context.in(1)).CastTo(a.dtype());
  Tensor out(DType::kBool, BroadcastDims(a.dims(), b.dims()));
  bool* z = out.mutable_data<bool>();
  WithArithmeticType(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* x = a.data<T>();
    const T* y = b.data<T>();
    ForEachBroadcastRow<2>(
        out.dims(), {&a.dims(), &b.dims()}, [&](const BroadcastRow<2>& row) {
          for (int64_t i = 0; i < row.length; ++i) {
            z[row.out + i] = Test{}(x[row.offset[0] + i * row.stride[0]],
                                    y[row.offset[1] + i * row.stride[1]]);
          }
        });
  });
  context.outputs[0] = std::move(out);
}

void InferNot(InferContext& context) { context.SameAsInput(); }

void RunNot(RunContext& context) {
  const Tensor& x = context.in(0);
  Tensor y(DType::kBool, x.dims());
  for (int64_t i = 0; i < x.size(); ++i) {
    y.mutable_data<bool>()[i] = !x.data<bool>()[i];
  }
  context.outputs[0] = std::move(y);
}

// ---- tests of one float

void InferFloatTest(InferContext& context) {
  context.SetOutput(0, DType::kBool, context.shape(0));
}

template <typename Test>
void TestEach(RunContext& context, Test&& test) {
  const Tensor x = context.in(0).CastTo(DType::kFloat64);
  Tensor y(DType::kBool, x.dims());
  std::transform(x.data<double>(), x.data<double>() + x.size(),
                 y.mutable_data<bool>(), test);
  context.outputs[0] = std::move(y);
}

void RunIsInf(RunContext& context) {
  const bool negative = context.node.Int("detect_negative", 1) != 0;
  const bool positive = context.node.Int("detect_positive", 1) != 0;
  TestEach(context, [=](double x) {
    return std::isinf(x) && (x < 0 ? negative : positive);
  });
}

void RunIsNaN(RunContext& context) {
  TestEach(context, [](double x) { return std::isnan(x); });
}

QuantSpec TestRule(const QuantizeQuery&) {
  return QuantSpec::Float("gives truth values, not numbers");
}

// ---- Where

// The condition as far as it is known: from Equal or a constant.
std::optional<DimTensor> Condition(const InferContext& context) {
  if (const DimTensor* content = context.dim_tensor(0)) return *content;
  const Tensor* constant = context.constant(0);
  if (constant == nullptr || constant->rank() > 1) return std::nullopt;
  const std::vector<int64_t> values = constant->ToInts();
  return DimTensor{{values.begin(), values.end()}, constant->rank() == 0};
}

void ChooseContents(InferContext& context, size_t count) {
  const auto condition = Condition(context);
  const DimTensor* x = context.dim_tensor(1);
  const DimTensor* y = context.dim_tensor(2);
  if (!condition || x == nullptr || y == nullptr) return;
  const auto at = [count](const DimTensor& content, size_t i) {
    return content.elements[content.elements.size() == count ? i : 0];
  };
  DimTensor out;
  out.scalar = condition->scalar && x->scalar && y->scalar;
  for (size_t i = 0; i < count; ++i) {
    const Dim chosen = at(*condition, i);
    const Dim a = at(*x, i);
    const Dim b = at(*y, i);
    out.elements.push_back(chosen.is(1)   ? a
                           : chosen.is(0) ? b
                           : a == b       ? a
                                          : Dim::Unknown());
  }
  context.SetDimTensor(0, std::move(out));
}

void InferWhere(InferContext& context) {
  const Shape out = JointShape(context.shape(0),
                               JointShape(context.shape(1), context.shape(2)));
  context.SetOutput(0, context.dtype(1), out);
  if (out.has_rank() && out.rank() <= 1 && out.count().value()) {
    ChooseContents(context, static_cast<size_t>(*out.count().value()));
  }
}

void RunWhere(RunContext& context) {
  const DType dtype = context.in(1).dtype();
  const Tensor condition = context.in(0).CastTo(DType::kUint8);
  const Tensor a = InTestType(context.in(1));
  const Tensor b = InTestType(context.in(2).CastTo(dtype));
  Tensor out(a.dtype(), BroadcastDims(condition.dims(),
                                      BroadcastDims(a.dims(), b.dims())));
  WithArithmeticType(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const uint8_t* c = condition.data<uint8_t>();
    const T* x = a.data<T>();
    const T* y = b.data<T>();
    T* z = out.mutable_data<T>();
    ForEachBroadcastRow<3>(
        out.dims(), {&condition.dims(), &a.dims(), &b.dims()},
        [&](const BroadcastRow<3>& row) {
          for (int64_t i = 0; i < row.length; ++i) {
            z[row.out + i] = c[row.offset[0] + i * row.stride[0]] != 0
                                 ? x[row.offset[1] + i * row.stride[1]]
                                 : y[row.offset[2] + i * row.stride[2]];
          }
        });
  });
  context.outputs[0] = out.CastTo(dtype);
}

QuantSpec WhereRule(const QuantizeQuery& query) {
  if (auto spec = FloatUnlessReal(query, 1)) return *spec;
  QuantSpec spec;
  spec.inputs = {{.role = Role::kFloat},
                 {.role = Role::kActivation},
                 {.role = Role::kActivation}};
  spec.outputs = {{.role = Role::kActivation}};
  return spec;
}

}  // namespace

extern constinit const OpDef kAndOp = {
    .type = "And",
    .since = 7,
    .infer = InferTest,
    .reference = RunTest<AndTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kEqualOp = {
    .type = "Equal",
    .since = 7,
    .infer = InferEqual,
    .reference = RunTest<EqualTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kGreaterOp = {
    .type = "Greater",
    .since = 7,
    .infer = InferTest,
    .reference = RunTest<GreaterTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kGreaterOrEqualOp = {
    .type = "GreaterOrEqual",
    .since = 12,
    .infer = InferTest,
    .reference = RunTest<GreaterOrEqualTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kIsInfOp = {
    .type = "IsInf",
    .since = 10,
    .infer = InferFloatTest,
    .reference = RunIsInf,
    .quantize = TestRule,
};
extern constinit const OpDef kIsNaNOp = {
    .type = "IsNaN",
    .since = 9,
    .infer = InferFloatTest,
    .reference = RunIsNaN,
    .quantize = TestRule,
};
extern constinit const OpDef kLessOp = {
    .type = "Less",
    .since = 7,
    .infer = InferTest,
    .reference = RunTest<LessTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kLessOrEqualOp = {
    .type = "LessOrEqual",
    .since = 12,
    .infer = InferTest,
    .reference = RunTest<LessOrEqualTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kNotOp = {
    .type = "Not",
    .since = 1,
    .infer = InferNot,
    .reference = RunNot,
    .quantize = TestRule,
};
extern constinit const OpDef kOrOp = {
    .type = "Or",
    .since = 7,
    .infer = InferTest,
    .reference = RunTest<OrTest>,
    .quantize = TestRule,
};
extern constinit const OpDef kWhereOp = {
    .type = "Where",
    .since = 9,
    .infer = InferWhere,
    .reference = RunWhere,
    .integer_reference = DequantizedReference<RunWhere>,
    .quantize = WhereRule,
    .prepare = PrepareWhere,
};
extern constinit const OpDef kXorOp = {
    .type = "Xor",
    .since = 7,
    .infer = InferTest,
    .reference = RunTest<XorTest>,
    .quantize = TestRule,
};

}  // namespace squint
