// A network that serves several callers at once:
//   squint_session_example MODEL [CALLERS [RUNS]]
// loads it once and runs it from CALLERS threads, each with inputs and outputs
// of its own that are used again run after run. Sizes that the file leaves open
// are 1.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

#include "squint/session.h"

namespace {

using squint::ElementType;

squint::TensorShape ShapeOf(const squint::TensorInfo& info) {
  squint::TensorShape shape = info.shape.value_or(squint::TensorShape{});
  for (int64_t& size : shape) size = size < 0 ? 1 : size;
  return shape;
}

size_t CountOf(const squint::TensorShape& shape) {
  size_t count = 1;
  for (const int64_t size : shape) count *= static_cast<size_t>(size);
  return count;
}

// What one caller owns: numbers for each input, room for each output.
class Caller {
 public:
  Caller(const squint::Session& session, float first) : session_(session) {
    for (const auto& info : session.inputs()) {
      std::vector<float> numbers(CountOf(ShapeOf(info)));
      for (float& number : numbers) number = (first += 0.01f);
      numbers_.push_back(std::move(numbers));
      inputs_.push_back(squint::InputOf(numbers_.back(), ShapeOf(info)));
    }
    for (const auto& info : session.outputs()) {
      room_.emplace_back(CountOf(ShapeOf(info)));
      outputs_.push_back(squint::OutputOf(room_.back(), ShapeOf(info)));
    }
  }

  void Run() { session_.Run(inputs_, outputs_); }
  float FirstNumber() const { return room_[0][0]; }

 private:
  const squint::Session& session_;
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<float>> room_;
  std::vector<squint::InputBuffer> inputs_;
  std::vector<squint::OutputBuffer> outputs_;
};

bool TakesAndGivesFloats(const squint::Session& session) {
  for (const auto* infos : {&session.inputs(), &session.outputs()}) {
    for (const squint::TensorInfo& info : *infos) {
      if (info.type != ElementType::kFloat32) return false;
    }
  }
  return true;
}

int Serve(const char* model, int callers, int runs) {
  const squint::Session session(model);
  if (!TakesAndGivesFloats(session)) {
    std::cerr << "this example feeds float32 only\n";
    return 2;
  }
  std::vector<float> firsts(static_cast<size_t>(callers));
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (size_t c = 0; c < firsts.size(); ++c) {
    threads.emplace_back([&, c] {
      Caller caller(session, static_cast<float>(c));
      for (int i = 0; i < runs; ++i) caller.Run();
      firsts[c] = caller.FirstNumber();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  for (size_t c = 0; c < firsts.size(); ++c) {
    std::cout << "caller " << c << ": " << session.outputs()[0].name << " "
              << firsts[c] << " ...\n";
  }
  std::cout << callers * runs / seconds.count() << " runs a second\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: squint_session_example MODEL [CALLERS [RUNS]]\n";
    return 2;
  }
  try {
    return Serve(argv[1], argc > 2 ? std::atoi(argv[2]) : 4,
                 argc > 3 ? std::atoi(argv[3]) : 100);
  } catch (const squint::Error& error) {
    std::cerr << error.message() << "\n";
    return 1;
  }
}
