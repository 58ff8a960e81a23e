#include "squint/emit/recorded_call.h"

#include <utility>

namespace squint {
namespace {

template <typename T>
std::vector<T> Narrowed(const std::vector<int64_t>& values) {
  std::vector<T> narrow;
  for (const int64_t value : values) narrow.push_back(static_cast<T>(value));
  return narrow;
}

class Recorder : public StepWriter {
 public:
  std::vector<RecordedCall> Calls() && { return std::move(calls_); }

 private:
  std::string In(size_t i) override { return fmt::format("in {}", i); }
  std::string Out(size_t i) override { return fmt::format("out {}", i); }
  std::string Scratch(size_t) override { return "scratch"; }
  std::string State(size_t) override { return "state"; }
  std::string Real(float value) override { return fmt::format("{}", value); }
  std::string Count(int32_t whole) override { return Number(whole); }
  std::string Window(const squint_window& whole) override {
    return Params("squint_window", whole);
  }
  std::string Pair(const squint_pair& whole) override {
    return Params("squint_pair", whole);
  }
  std::string Rows() override { return "rows"; }
  std::string Columns() override { return "columns"; }
  void RunLayer(const PatchLayer&) override {}
  // Steps in patches call no kernel by themselves.
  void OpenLoops(int32_t, int32_t) override {}
  void CloseLoops() override {}

  std::string Mark() { return fmt::format("#{}", ++marks_); }
  std::string WriteParams(std::string_view,
                          std::span<const int32_t> fields) override {
    std::string mark = Mark();
    numbers_[mark].assign(fields.begin(), fields.end());
    return mark;
  }
  std::string WriteArray(std::string_view, std::string_view,
                         const std::vector<int64_t>& values) override {
    std::string mark = Mark();
    numbers_[mark] = values;
    return mark;
  }
  std::string WriteReals(std::string_view,
                         const std::vector<float>&) override {
    return "reals";
  }
  std::string WriteFunction(std::string_view, std::string_view name) override {
    return std::string(name);
  }
  std::string WriteWeights(const std::string& values, const std::string& bias,
                           const std::string& multiplier,
                           const std::string& shift) override {
    std::string mark = Mark();
    FixedWeights& weights = weights_[mark];
    weights.values = Narrowed<int8_t>(numbers_[values]);
    weights.bias = Narrowed<int32_t>(numbers_[bias]);
    weights.multiplier = Narrowed<int32_t>(numbers_[multiplier]);
    weights.shift = Narrowed<int8_t>(numbers_[shift]);
    return mark;
  }
  void WriteCall(std::string_view, std::string_view name,
                 const std::vector<std::string>& arguments) override {
    calls_.push_back({std::string(name), arguments, numbers_, weights_});
  }

  int marks_ = 0;
  std::map<std::string, std::vector<int64_t>> numbers_;
  std::map<std::string, FixedWeights> weights_;
  std::vector<RecordedCall> calls_;
};

}  // namespace

std::optional<RecordedCall> RecordCall(const FixedStep& step) {
  Recorder recorder;
  step.Write(recorder);
  std::vector<RecordedCall> calls = std::move(recorder).Calls();
  if (calls.size() != 1) return std::nullopt;
  return std::move(calls.front());
}

}  // namespace squint
