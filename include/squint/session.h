// A loaded network that runs on memory of the caller, for programs that serve
// one: load once, then Run from any number of threads at once.
//
//   const squint::Session session("model.int8.onnx");
//   std::vector<float> image(3 * 224 * 224);
//   ...
//   const auto input = squint::InputOf(image, {1, 3, 224, 224});
//   const auto results = session.Run({input});
//   std::span<const float> scores = results[0].values<float>();
//
// Errors are squint::Error (error.h): kInvalidArgument for inputs and buffers
// that do not fit, with the name of the input or output.
#ifndef SQUINT_SESSION_H_
#define SQUINT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "squint/context.h"
#include "squint/error.h"
#include "squint/float_format.h"

namespace squint {

// What the elements of inputs and outputs may be; the numbers are those of
// ONNX TensorProto.DataType. float16 and bfloat16 are two bytes with their
// bits, bool is a byte 0 or 1.
enum class ElementType : uint8_t {
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};
std::string_view ElementTypeName(ElementType type);  // "float32", "uint8", ...

template <typename T>
constexpr ElementType ElementTypeOf() {
  using E = ElementType;
  if constexpr (std::is_same_v<T, float>) return E::kFloat32;
  if constexpr (std::is_same_v<T, double>) return E::kFloat64;
  if constexpr (std::is_same_v<T, bool>) return E::kBool;
  if constexpr (std::is_same_v<T, uint8_t>) return E::kUint8;
  if constexpr (std::is_same_v<T, int8_t>) return E::kInt8;
  if constexpr (std::is_same_v<T, uint16_t>) return E::kUint16;
  if constexpr (std::is_same_v<T, int16_t>) return E::kInt16;
  if constexpr (std::is_same_v<T, uint32_t>) return E::kUint32;
  if constexpr (std::is_same_v<T, int32_t>) return E::kInt32;
  if constexpr (std::is_same_v<T, uint64_t>) return E::kUint64;
  if constexpr (std::is_same_v<T, int64_t>) return E::kInt64;
}

// Sizes of a tensor's axes, outermost first; elements lie row by row.
using TensorShape = std::vector<int64_t>;

// An input or output as the network declares it.
struct TensorInfo {
  std::string name;
  ElementType type = ElementType::kFloat32;
  // -1: the size may differ from run to run. nullopt: so may the rank.
  std::optional<TensorShape> shape;
};

// Memory of the caller that Run reads.
struct InputBuffer {
  ElementType type = ElementType::kFloat32;
  TensorShape shape;
  const void* data = nullptr;
  size_t bytes = 0;  // exactly those of the shape
};

// Memory of the caller that Run fills. It must have the type and shape that
// the output turns out to have, be aligned to its elements, and overlap no
// other buffer of the run.
struct OutputBuffer {
  ElementType type = ElementType::kFloat32;
  TensorShape shape;
  void* data = nullptr;
  size_t bytes = 0;  // exactly those of the shape
};

template <typename T>
InputBuffer InputOf(std::span<const T> values, TensorShape shape) {
  return {ElementTypeOf<T>(), std::move(shape), values.data(),
          values.size_bytes()};
}
template <typename T>
InputBuffer InputOf(const std::vector<T>& values, TensorShape shape) {
  return InputOf(std::span<const T>(values), std::move(shape));
}
template <typename T>
OutputBuffer OutputOf(std::span<T> values, TensorShape shape) {
  return {ElementTypeOf<T>(), std::move(shape), values.data(),
          values.size_bytes()};
}
template <typename T>
OutputBuffer OutputOf(std::vector<T>& values, TensorShape shape) {
  return OutputOf(std::span<T>(values), std::move(shape));
}

// A result with memory of its own, 64-aligned; copies share it.
class Result {
 public:
  Result() = default;
  Result(ElementType type, TensorShape shape,
         std::shared_ptr<const std::byte> data, size_t bytes)
      : type_(type),
        shape_(std::move(shape)),
        data_(std::move(data)),
        bytes_(bytes) {}

  ElementType type() const { return type_; }
  const TensorShape& shape() const { return shape_; }
  const void* data() const { return data_.get(); }
  size_t bytes() const { return bytes_; }
  // Error{kInvalidArgument} unless T is the type of the elements.
  template <typename T>
  std::span<const T> values() const {
    if (ElementTypeOf<T>() != type_) ThrowWrongType(ElementTypeOf<T>());
    return {reinterpret_cast<const T*>(data_.get()), bytes_ / sizeof(T)};
  }

 private:
  [[noreturn]] void ThrowWrongType(ElementType wanted) const;

  ElementType type_ = ElementType::kFloat32;
  TensorShape shape_;
  std::shared_ptr<const std::byte> data_;
  size_t bytes_ = 0;
};

struct SessionOptions {
  FloatFormat float_format = FloatFormat::kFloat32;
};

// Float networks run in float32, or as SessionOptions say; quantized ones on
// their integers, wherever the engine has an integer form (docs/numerics.md).
//
// Everything that follows from the file is made once and shared by all runs and
// all copies of the session: the lowered graph, packed weights, and for each
// node what was prepared for the 16 shapes of its inputs that came last. A run
// has a workspace of its own; as many as there are CPUs are kept for the next
// runs. So results do not depend on what else runs, nor on the number of
// threads, bit for bit.
//
// A run uses up to context.threads threads, its caller's among them. Workers
// are shared by all runs of the session, and help only as long as fewer threads
// than the process has CPUs are at work in sessions: more callers than that go
// on in their own threads. A session may be used in the child of a fork() that
// happened while none of its runs was in progress.
class Session {
 public:
  // Loads a model file and lowers it. Weights are packed, on all threads, where
  // the sizes of all inputs are fixed; else by Prepare or the first run.
  // `context.cancel` is asked by every run and must live as long.
  // The file stays mapped: replace it by renaming, do not write over it.
  // Error: kIo, kInvalidModel, kUnsupported.
  explicit Session(const std::string& model, const Context& context = {},
                   const SessionOptions& options = {});
  ~Session();
  Session(const Session&);  // the same network
  Session& operator=(const Session&);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  const std::vector<TensorInfo>& inputs() const;
  const std::vector<TensorInfo>& outputs() const;

  // Makes what the first run with inputs of these shapes would make, on all
  // threads, but for what depends on their numbers. Error{kInvalidArgument}
  // when the shapes do not fit.
  void Prepare(const std::vector<TensorShape>& shapes) const;

  // One run; inputs in the order of inputs(), results in that of outputs().
  // float16 and bfloat16 inputs may be given as float32. Should the caller
  // change inputs meanwhile, results are of any mixture of old and new numbers.
  std::vector<Result> Run(std::span<const InputBuffer> inputs) const;
  std::vector<Result> Run(std::initializer_list<InputBuffer> inputs) const {
    return Run(std::span<const InputBuffer>(inputs.begin(), inputs.size()));
  }
  // The same into buffers of the caller, where the last operators write
  // directly where they can. After an error they hold anything.
  void Run(std::span<const InputBuffer> inputs,
           std::span<const OutputBuffer> outputs) const;
  void Run(std::initializer_list<InputBuffer> inputs,
           std::initializer_list<OutputBuffer> outputs) const {
    Run(std::span<const InputBuffer>(inputs.begin(), inputs.size()),
        std::span<const OutputBuffer>(outputs.begin(), outputs.size()));
  }

 private:
  class Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace squint

#endif  // SQUINT_SESSION_H_
