// Operators on the bits of integers: BitShift, BitwiseAnd, BitwiseOr,
// BitwiseXor, BitwiseNot.
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "squint/ops/binary.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

// Floats have no bits to work on here; CheckIntegers keeps them out.
template <typename Function>
struct Bitwise {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(Function{}(a, b));
    }
    return a;
  }
};

// Whether an element of T can be shifted by so many bits; by others only its
// sign is left.
template <typename T>
bool IsShift(T bits) {
  return bits >= T{0} && static_cast<uint64_t>(bits) < sizeof(T) * 8;
}

struct LeftFunction {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return IsShift(b) ? static_cast<T>(static_cast<uint64_t>(a) << b) : T{0};
    }
    return a;
  }
};
struct RightFunction {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      const T sign = static_cast<T>(a < T{0} ? -1 : 0);
      return IsShift(b) ? static_cast<T>(a >> b) : sign;
    }
    return a;
  }
};

void CheckIntegers(const Tensor& x) {
  if (IsInteger(x.dtype())) return;
  Fail(ErrorCode::kInvalidModel, "works on integers, not on {}",
       DTypeName(x.dtype()));
}

template <typename Function>
void RunOnIntegers(RunContext& context) {
  CheckIntegers(context.in(0));
  RunBinary<Function>(context);
}

bool ShiftsLeft(const Node& node) {
  const std::string direction = node.String("direction", "");
  if (direction == "LEFT") return true;
  if (direction == "RIGHT") return false;
  Fail(ErrorCode::kInvalidModel, "direction is '{}', expected LEFT or RIGHT",
       direction);
}

void InferBitShift(InferContext& context) {
  ShiftsLeft(context.node());
  InferBroadcast(context, nullptr);
}

void RunBitShift(RunContext& context) {
  if (ShiftsLeft(context.node)) return RunOnIntegers<LeftFunction>(context);
  RunOnIntegers<RightFunction>(context);
}

void InferBitwiseNot(InferContext& context) { context.SameAsInput(); }

void RunBitwiseNot(RunContext& context) {
  const Tensor& x = context.in(0);
  CheckIntegers(x);
  Tensor y(x.dtype(), x.dims());
  for (size_t i = 0; i < x.bytes(); ++i) y.mutable_raw()[i] = ~x.raw()[i];
  context.outputs[0] = std::move(y);
}

QuantSpec BitsRule(const QuantizeQuery&) {
  return QuantSpec::Float("works on the bits of integers, not on real numbers");
}

}  // namespace

extern constinit const OpDef kBitShiftOp = {
    .type = "BitShift",
    .since = 11,
    .infer = InferBitShift,
    .reference = RunBitShift,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseAndOp = {
    .type = "BitwiseAnd",
    .since = 18,
    .infer = InferBinary<nullptr>,
    .reference = RunOnIntegers<Bitwise<std::bit_and<>>>,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseNotOp = {
    .type = "BitwiseNot",
    .since = 18,
    .infer = InferBitwiseNot,
    .reference = RunBitwiseNot,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseOrOp = {
    .type = "BitwiseOr",
    .since = 18,
    .infer = InferBinary<nullptr>,
    .reference = RunOnIntegers<Bitwise<std::bit_or<>>>,
    .quantize = BitsRule,
};
extern constinit const OpDef kBitwiseXorOp = {
    .type = "BitwiseXor",
    .since = 18,
    .infer = InferBinary<nullptr>,
    .reference = RunOnIntegers<Bitwise<std::bit_xor<>>>,
    .quantize = BitsRule,
};

}  // namespace squint
