// test_vectors.h and main_test.c: inputs with the results that the engine's
// fixed-point arithmetic gives, and a program that compares.
#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "squint/emit/c_text.h"
#include "squint/emit/files.h"

namespace squint {
namespace {

constexpr int64_t kMostVectors = 4;
constexpr int64_t kMostBytes = 128 * 1024;   // of vectors
constexpr int64_t kMostOfOne = 1024 * 1024;  // a longer vector is not written
constexpr float kRealStep = 2.0f / (int64_t{1} << 31);  // real inputs: +-2

using Bytes = std::vector<int8_t>;

// Runs the steps with memory of its own for every value: what the arena plan
// must not change.
class Truth {
 public:
  explicit Truth(const FixedNetwork& network) : network_(network) {}

  std::vector<Bytes> Run(const std::vector<Bytes>& inputs) {
    values_.clear();
    for (size_t i = 0; i < inputs.size(); ++i) {
      values_[network_.inputs[i].value] = inputs[i];
    }
    for (const FixedNode& node : network_.steps()) RunStep(node);
    std::vector<Bytes> outputs;
    for (const Port& port : network_.outputs) {
      outputs.push_back(Read(port.value));
    }
    return outputs;
  }

 private:
  const Bytes& Read(ValueId id) {
    Bytes& bytes = values_[id];
    if (!bytes.empty() || !network_.IsConstant(id)) return bytes;
    const Tensor constant =
        network_.program.graph.value(id).constant.Materialize();
    for (size_t i = 0; i < constant.bytes(); ++i) {
      bytes.push_back(static_cast<int8_t>(constant.raw()[i]));
    }
    return bytes;
  }

  void RunStep(const FixedNode& node) {
    std::vector<const int8_t*> inputs;
    std::vector<int8_t*> outputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? nullptr : Read(id).data());
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) {
        values_[id].resize(static_cast<size_t>(network_.BytesOf(id)));
      }
      outputs.push_back(id == kNoValue ? nullptr : values_[id].data());
    }
    Bytes scratch(node.step->scratch_bytes());
    Bytes state(node.step->state_bytes());
    StepRunner runner(inputs, outputs, scratch.data(), state.data());
    node.step->Run(runner);
  }

  const FixedNetwork& network_;
  std::map<ValueId, Bytes> values_;
};

size_t SizeOfNumber(const Port& port) {
  return static_cast<size_t>(BitsOf(port.dtype) / 8);
}

int64_t BytesOfVector(const FixedNetwork& network) {
  int64_t bytes = 0;
  for (const auto* ports : {&network.inputs, &network.outputs}) {
    for (const Port& port : *ports) bytes += port.bytes();
  }
  return bytes;
}

int64_t CountOf(const FixedNetwork& network) {
  const int64_t bytes = std::max<int64_t>(BytesOfVector(network), 1);
  if (bytes > kMostOfOne) return 0;
  return std::clamp<int64_t>(kMostBytes / bytes, 1, kMostVectors);
}

// Vector 0 is all zeros of the first kind of input: borders show; the others
// are random over the whole type.
Bytes InputVector(const Port& port, int64_t index, std::mt19937& random) {
  Bytes bytes(static_cast<size_t>(port.bytes()));
  if (port.dtype == DType::kFloat32) {
    for (size_t i = 0; index > 0 && i < bytes.size(); i += sizeof(float)) {
      const float real =
          static_cast<float>(static_cast<int32_t>(random())) * kRealStep;
      std::memcpy(bytes.data() + i, &real, sizeof real);
    }
    return bytes;
  }
  const size_t size = SizeOfNumber(port);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<int8_t>(index == 0 ? port.zero >> (i % size * 8)
                                              : static_cast<int32_t>(random()));
  }
  return bytes;
}

// The numbers of a port that these bytes are.
Tensor NumbersOf(const Port& port, const Bytes& bytes) {
  Tensor tensor(port.dtype, port.dims);
  std::memcpy(tensor.mutable_raw(), bytes.data(), bytes.size());
  return tensor;
}

std::string Table(const std::string& name, const Port& port,
                  const std::vector<Bytes>& vectors) {
  std::vector<int64_t> values;
  std::vector<float> reals;
  for (const Bytes& bytes : vectors) {
    const Tensor tensor = NumbersOf(port, bytes);
    if (port.dtype == DType::kFloat32) {
      const std::vector<float> numbers = tensor.ToFloats();
      reals.insert(reals.end(), numbers.begin(), numbers.end());
    } else {
      const std::vector<int64_t> numbers = tensor.ToInts();
      values.insert(values.end(), numbers.begin(), numbers.end());
    }
  }
  if (port.dtype == DType::kFloat32) {
    return fmt::format("\nstatic const float {}[{}] = {{\n{}}};\n", name,
                       reals.size(), RealsBody(reals));
  }
  return fmt::format("\nstatic const {} {}[{}] = {{\n{}}};\n", TypeOf(port),
                     name, values.size(), ArrayBody(values));
}

// Results behind float code depend on the compiler and its library by a little:
// a step or two of integers, a small part of real numbers.
std::string NearCheck(const std::string& name, const std::string& output,
                      const std::string& size) {
  return fmt::format(
      R"(    for (int i = 0; i < {1}; ++i) {{
      const double want = (double)expected_{0}[n * {1} + i];
      const double off = (double)got_{0}[i] - want;
      const double most = {2};
      if (!(off <= most && off >= -most)) {{
        printf("{3}: vector %d: {0} differs\n", n);
        ++wrong;
        break;
      }}
    }}
)",
      output, size,
      "(sizeof got_" + output +
          "[0] < 4 ? 2.0 : 1e-3 * (want < 0.0 ? 1.0 - want : 1.0 + want))",
      name);
}

// gcc 12 without optimization takes bytes that are compared in place for a text
// without an end, and warns.
constexpr std::string_view kDiffer = R"(
static int differ(const void* got, const void* expected, size_t size) {
  return memcmp(got, expected, size) != 0;
}
)";

std::string SizeMacro(const Emission& e, const std::string& port) {
  return UpperCase(e.options.name + "_" + port) + "_SIZE";
}

// The tables of all vectors.
std::string VectorTables(const Emission& e, int64_t count) {
  Truth truth(e.whole);
  std::mt19937 random(1);
  std::vector<std::vector<Bytes>> inputs(e.inputs.size());
  std::vector<std::vector<Bytes>> outputs(e.outputs.size());
  for (int64_t n = 0; n < count; ++n) {
    std::vector<Bytes> vector;
    for (size_t i = 0; i < inputs.size(); ++i) {
      vector.push_back(InputVector(e.network.inputs[i], n, random));
      inputs[i].push_back(vector.back());
    }
    const std::vector<Bytes> results = truth.Run(vector);
    for (size_t i = 0; i < results.size(); ++i) {
      outputs[i].push_back(results[i]);
    }
  }
  std::string text;
  for (size_t i = 0; i < inputs.size(); ++i) {
    text += Table("in_" + e.inputs[i], e.network.inputs[i], inputs[i]);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    text += Table("expected_" + e.outputs[i], e.network.outputs[i], outputs[i]);
  }
  return text;
}

// What has no vectors, and says so to `ctest`.
std::string MainWithoutVectors(const Emission& e) {
  return fmt::format(
      "#include <stdio.h>\n\n"
      "int main(void) {{\n"
      "  printf(\"{}: no vectors: each has {} bytes\\n\");\n"
      "  return {}; /* skipped */\n}}\n",
      e.options.name, BytesOfVector(e.network), kSkipped);
}

}  // namespace

std::string TestVectors(const Emission& e) {
  const int64_t count = CountOf(e.network);
  const std::string guard = UpperCase(e.options.name) + "_TEST_VECTORS_H_";
  std::string text =
      Opening(e, "as integers: inputs and the engine's results.") +
      fmt::format(
          "#ifndef {0}\n#define {0}\n\n#include <stdint.h>\n\n"
          "#define TEST_VECTORS {1}\n",
          guard, count);
  if (count > 0) text += VectorTables(e, count);
  return text + fmt::format("\n#endif /* {} */\n", guard);
}

std::string TestMain(const Emission& e) {
  const std::string& name = e.options.name;
  const std::set<ValueId> behind = e.network.BehindRealSteps();
  std::string text = Opening(e, "as integers: compares with the engine.");
  if (CountOf(e.network) == 0) return text + MainWithoutVectors(e);
  text +=
      "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n\n"
      "#include \"model.h\"\n#include \"test_vectors.h\"\n\n";
  text += fmt::format("static int32_t arena[({}_ARENA_SIZE + 3) / 4];\n",
                      UpperCase(name));
  std::vector<std::string> arguments;
  std::string checks;
  for (const std::string& input : e.inputs) {
    arguments.push_back(
        fmt::format("in_{} + n * {}", input, SizeMacro(e, input)));
  }
  for (size_t i = 0; i < e.outputs.size(); ++i) {
    const std::string& output = e.outputs[i];
    const std::string size = SizeMacro(e, output);
    text += fmt::format("static {} got_{}[{}];\n", TypeOf(e.network.outputs[i]),
                        output, size);
    arguments.push_back("got_" + output);
    if (behind.contains(e.network.outputs[i].value)) {
      checks += NearCheck(name, output, size);
      continue;
    }
    checks += fmt::format(
        "    if (differ(got_{0}, expected_{0} + n * {1}, sizeof got_{0})) {{\n"
        "      printf(\"{2}: vector %d: {0} differs\\n\", n);\n"
        "      ++wrong;\n    }}\n",
        output, size, name);
  }
  const bool has_state = !e.states.empty();
  if (has_state) {
    text += fmt::format("static {}_state state;\n", name);
    arguments.push_back("&state");
  }
  arguments.push_back("arena");
  if (checks.find("differ(") != std::string::npos) text += kDiffer;
  text +=
      "\nint main(void) {\n  int wrong = 0;\n"
      "  for (int n = 0; n < TEST_VECTORS; ++n) {\n";
  if (has_state) text += fmt::format("    {}_reset(&state);\n", name);
  text += Wrapped(fmt::format("    {}_run(", name), arguments, ");\n", 8);
  return text + checks +
         fmt::format(
             "  }}\n  if (wrong == 0) {{\n"
             "    printf(\"{}: %d vectors, all equal\\n\", "
             "TEST_VECTORS);\n  }}\n  return wrong == 0 ? 0 : 1;\n}}\n",
             name);
}

}  // namespace squint
