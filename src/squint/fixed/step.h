// One call, or a few, of the kernels in kernels/fixed: what the engine runs in
// fixed-point arithmetic, and what emitted C is a list of.
//
// A step says what it calls once, in Do(machine): the StepRunner passes
// pointers and calls, the StepWriter passes names and writes. So what is
// emitted is what was run.
//
// The kernels are headers in the common subset of C99 and C++20: the engine
// includes them, and emitted C has their text. Their parameters are structs of
// int32_t, one field a line, whose names the emitter reads from that text; they
// neither allocate nor recurse nor compute in float, and every function of a
// header is called by each kernel that includes it, so that nothing unused is
// emitted. Kernels that do compute in float are in kernels/real; networks have
// them only where they are asked for.
#ifndef SQUINT_FIXED_STEP_H_
#define SQUINT_FIXED_STEP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "squint/fixed/patch.h"
#include "squint/kernels/fixed/weights.h"

namespace squint {

// Weights in the kernels' order, and what belongs to each result channel.
struct FixedWeights {
  std::vector<int8_t> values;
  bool nibbles = false;  // values are packed (kernels/fixed/nibbles.h)
  bool wide = false;     // they meet numbers of 16 bits
  std::vector<int32_t> bias;
  std::vector<int64_t> long_bias;  // in its place where sums may pass 32 bits
  std::vector<int32_t> multiplier;
  std::vector<int8_t> shift;
};

struct PatchLayer;

// Calls kernels on memory: of a whole step, or of a patch of it, whose inputs
// and outputs are parts, too.
class StepRunner {
 public:
  StepRunner(std::span<const int8_t* const> inputs,
             std::span<int8_t* const> outputs, int8_t* scratch, int8_t* state,
             const Patch* patch = nullptr)
      : inputs_(inputs),
        outputs_(outputs),
        scratch_(scratch),
        state_(state),
        patch_(patch) {}

  const int8_t* In(size_t i) { return inputs_[i]; }
  int8_t* Out(size_t i) { return outputs_[i]; }
  int8_t* Scratch(size_t offset = 0) { return scratch_ + offset; }
  int8_t* State(size_t offset = 0) { return state_ + offset; }
  template <typename T>
  T* Null() {
    return nullptr;
  }
  int32_t Number(int32_t value) { return value; }
  float Real(float value) { return value; }
  template <typename F>
  F* Function(std::string_view, std::string_view, F* function) {
    return function;
  }
  // A number that is proportional to the pixels of the result.
  int32_t Count(int32_t whole) {
    return static_cast<int32_t>(PartOf(whole, patch_));
  }
  const squint_window* Window(const squint_window& whole);
  const squint_pair* Pair(const squint_pair& whole);
  // Of steps that are made for patches.
  const squint_span* Rows() { return &patch_->rows; }
  const squint_span* Columns() { return &patch_->columns; }
  template <typename T>
  const T* Params(std::string_view, const T& params) {
    return &params;
  }
  template <typename T>
  const T* Array(std::string_view, const std::vector<T>& values) {
    return values.data();
  }
  squint_weights Weights(const FixedWeights& w) {
    return {w.values.data(), w.bias.data(), w.multiplier.data(),
            w.shift.data()};
  }
  template <typename F, typename... Args>
  void Call(std::string_view, std::string_view, F kernel, const Args&... args) {
    kernel(Argument(args)...);
  }
  // Calls body(*this) once for each patch of a grid; RunLayer runs one layer on
  // the patch at hand.
  template <typename Body>
  void ForEachPatch(int32_t rows, int32_t columns, const Body& body) {
    for (row_ = 0; row_ < rows; ++row_) {
      for (column_ = 0; column_ < columns; ++column_) body(*this);
    }
  }
  void RunLayer(const PatchLayer& layer);

 private:
  template <typename T>
  static const T& Argument(const T& value) {
    return value;
  }
  static const squint_weights* Argument(const squint_weights& w) { return &w; }

  std::span<const int8_t* const> inputs_;
  std::span<int8_t* const> outputs_;
  int8_t* scratch_;
  int8_t* state_;
  const Patch* patch_;
  squint_window window_ = {};  // of the patch
  squint_pair pair_ = {};
  int32_t row_ = 0;  // of the grid
  int32_t column_ = 0;
};

// Writes the calls of a step as C. What its functions return are the
// expressions that stand for arguments.
class StepWriter {
 public:
  virtual ~StepWriter() = default;
  virtual std::string In(size_t i) = 0;
  virtual std::string Out(size_t i) = 0;
  virtual std::string Scratch(size_t offset = 0) = 0;
  virtual std::string State(size_t offset = 0) = 0;
  template <typename T>
  std::string Null() {
    return "NULL";
  }
  std::string Number(int32_t value) { return std::to_string(value); }
  virtual std::string Real(float value) = 0;
  // A function of a header, as an argument of a kernel.
  template <typename F>
  std::string Function(std::string_view header, std::string_view name, F*) {
    return WriteFunction(header, name);
  }
  // The same as a StepRunner's.
  virtual std::string Count(int32_t whole) = 0;
  virtual std::string Window(const squint_window& whole) = 0;
  virtual std::string Pair(const squint_pair& whole) = 0;
  virtual std::string Rows() = 0;
  virtual std::string Columns() = 0;
  virtual void RunLayer(const PatchLayer& layer) = 0;
  template <typename Body>
  void ForEachPatch(int32_t rows, int32_t columns, const Body& body) {
    OpenLoops(rows, columns);
    body(*this);
    CloseLoops();
  }

  // A struct of int32_t fields; `type` is its name in kernels/fixed.
  template <typename T>
  std::string Params(std::string_view type, const T& params) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) % 4 == 0);
    return WriteParams(type, {reinterpret_cast<const int32_t*>(&params),
                              sizeof(T) / sizeof(int32_t)});
  }
  // Constants that live in flash; `role` becomes part of their name.
  template <typename T>
  std::string Array(std::string_view role, const std::vector<T>& values) {
    return WriteArray(role, TypeName(T{}), Widened(values));
  }
  std::string Array(std::string_view role, const std::vector<float>& values) {
    return WriteReals(role, values);
  }
  std::string Weights(const FixedWeights& w) {
    return WriteWeights(Array("weights", w.values), ArrayOrNull("bias", w.bias),
                        ArrayOrNull("multiplier", w.multiplier),
                        ArrayOrNull("shift", w.shift));
  }
  template <typename F, typename... Args>
  void Call(std::string_view header, std::string_view name, F,
            const Args&... args) {
    WriteCall(header, name, {args...});
  }

 private:
  virtual std::string WriteParams(std::string_view type,
                                  std::span<const int32_t> fields) = 0;
  virtual std::string WriteArray(std::string_view role, std::string_view type,
                                 const std::vector<int64_t>& values) = 0;
  virtual std::string WriteReals(std::string_view role,
                                 const std::vector<float>& values) = 0;
  virtual std::string WriteFunction(std::string_view header,
                                    std::string_view name) = 0;
  virtual std::string WriteWeights(const std::string& values,
                                   const std::string& bias,
                                   const std::string& multiplier,
                                   const std::string& shift) = 0;
  virtual void WriteCall(std::string_view header, std::string_view name,
                         const std::vector<std::string>& arguments) = 0;
  virtual void OpenLoops(int32_t rows, int32_t columns) = 0;
  virtual void CloseLoops() = 0;

  template <typename T>
  std::string ArrayOrNull(std::string_view role, const std::vector<T>& values) {
    return values.empty() ? "NULL" : Array(role, values);
  }

  static std::string_view TypeName(int8_t) { return "int8_t"; }
  static std::string_view TypeName(uint8_t) { return "uint8_t"; }
  static std::string_view TypeName(int16_t) { return "int16_t"; }
  static std::string_view TypeName(int32_t) { return "int32_t"; }
  static std::string_view TypeName(uint32_t) { return "uint32_t"; }
  static std::string_view TypeName(uint16_t) { return "uint16_t"; }
  static std::string_view TypeName(int64_t) { return "int64_t"; }
  template <typename T>
  static std::vector<int64_t> Widened(const std::vector<T>& values) {
    return {values.begin(), values.end()};
  }
};

// A kernel's file in kernels/fixed, its name and itself, for Call.
#define SQUINT_KERNEL(header, function) header, #function, function

class FixedStep {
 public:
  virtual ~FixedStep() = default;
  virtual void Run(StepRunner& runner) const = 0;
  virtual void Write(StepWriter& writer) const = 0;
  virtual size_t scratch_bytes() const { return 0; }
  // Numbers of 16 bits that are kept from run to run, zeros at the start of a
  // sequence: what is run here starts one each time.
  virtual size_t state_bytes() const { return 0; }
  // Output 0 has the bytes of input 0.
  virtual bool is_view() const { return false; }
  // Products of two numbers in a run, for whoever compares costs.
  virtual int64_t macs() const { return 0; }
  // It computes with real numbers: float instructions, and results that depend
  // on the C library by a few units in the last place.
  virtual bool is_real() const { return false; }

  // Output 0 may lie over this input where it begins at least so many bytes
  // before it: nothing is overwritten before it is read for the last time. 0:
  // it may be the same memory. Of the whole step, or of a patch of it.
  virtual std::optional<int64_t> Lead(size_t /*input*/,
                                      const Patch* /*patch*/) const {
    return std::nullopt;
  }

  // How the result follows from images [height][width][channels], for those
  // who run it in patches. The window through which each pixel sees input 0,
  // with the sizes of the whole; null: there is none.
  virtual const squint_window* window() const { return nullptr; }
  // Input 0 has the planes of an image, [channels][height][width], and the
  // result has its pixels, [height][width][channels].
  virtual std::optional<ImageSize> planes() const { return std::nullopt; }
  // Each pixel follows from the same pixel of all inputs that are images of
  // these sizes (the others are constants); a patch of them lies together.
  virtual bool IsByPixel(int64_t /*pixels*/, int64_t /*channels*/) const {
    return false;
  }
};

// Derived has `template <typename Machine> void Do(Machine&) const`.
template <typename Derived>
class StepOf : public FixedStep {
 public:
  void Run(StepRunner& runner) const override {
    static_cast<const Derived&>(*this).Do(runner);
  }
  void Write(StepWriter& writer) const override {
    static_cast<const Derived&>(*this).Do(writer);
  }
};

}  // namespace squint

#endif  // SQUINT_FIXED_STEP_H_
