// model.h and model.c: the interface, and the network.
#include <algorithm>

#include "squint/emit/c_text.h"
#include "squint/emit/cmsis_nn.h"
#include "squint/emit/files.h"
#include "squint/emit/kernel_text.h"

namespace squint {
namespace {

std::string PortMacros(const std::string& prefix, const std::string& name,
                       const Port& port) {
  const std::string macro = UpperCase(prefix + "_" + name);
  std::string text = fmt::format("\n/* {}: {} {} */\n#define {}_SIZE {}\n",
                                 CommentText(port.name, 40), TypeOf(port),
                                 DimsToString(port.dims), macro, port.size());
  if (port.has_scale) {
    text += fmt::format("#define {}_SCALE {}\n#define {}_ZERO_POINT ({})\n",
                        macro, FloatText(port.scale), macro, port.zero);
  }
  return text;
}

// real / scale + zero, rounded half to even: 1.5 * 2^23 has no bits for
// fractions. What is no number is zero, as in the engine.
std::string QuantizeFunction(const std::string& prefix, const std::string& name,
                             const Port& port) {
  const std::string macro = UpperCase(prefix + "_" + name);
  const QuantRange range = RangeOf(port.dtype, false);
  // Beyond all integers, whatever the zero point is.
  const int32_t limit = 4 * (range.qmax - range.qmin + 1);
  return fmt::format(R"(
static inline void {0}_quantize_{1}(const float* real, {2}* stored) {{
  for (int32_t i = 0; i < {3}_SIZE; ++i) {{
    float steps = real[i] / {3}_SCALE;
    steps = steps < -{6}.0f ? -{6}.0f : steps > {6}.0f ? {6}.0f : steps;
    if (!(steps >= -{6}.0f)) steps = 0.0f; /* not a number */
    const volatile float rounded = steps + 12582912.0f;
    int32_t q = (int32_t)(rounded - 12582912.0f) + {3}_ZERO_POINT;
    q = q < {4} ? {4} : q > {5} ? {5} : q;
    stored[i] = ({2})q;
  }}
}}
)",
                     prefix, name, TypeOf(port), macro, range.qmin, range.qmax,
                     limit);
}

std::string DequantizeFunction(const std::string& prefix,
                               const std::string& name, const Port& port) {
  const std::string macro = UpperCase(prefix + "_" + name);
  return fmt::format(R"(
static inline void {0}_dequantize_{1}(const {2}* stored, float* real) {{
  for (int32_t i = 0; i < {3}_SIZE; ++i) {{
    real[i] = (float)(stored[i] - {3}_ZERO_POINT) * {3}_SCALE;
  }}
}}
)",
                     prefix, name, TypeOf(port), macro);
}

std::string FloatFunctions(const Emission& e) {
  const std::string& prefix = e.options.name;
  std::string text;
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    const Port& port = e.network.inputs[i];
    if (port.has_scale) text += QuantizeFunction(prefix, e.inputs[i], port);
  }
  for (size_t i = 0; i < e.outputs.size(); ++i) {
    const Port& port = e.network.outputs[i];
    if (port.has_scale) text += DequantizeFunction(prefix, e.outputs[i], port);
  }
  if (text.empty()) return text;
  return fmt::format(
      "\n/* For callers who have float: define {0}_WITH_FLOAT. */\n"
      "#ifdef {0}_WITH_FLOAT\n{1}\n#endif /* {0}_WITH_FLOAT */\n",
      UpperCase(prefix), text);
}

// What recurrent layers keep, and the function that starts a sequence.
std::string StateType(const Emission& e) {
  if (e.states.empty()) return "";
  const std::string& name = e.options.name;
  std::string fields;
  int64_t bytes = 0;
  for (const auto& [field, size] : e.states) {
    fields += fmt::format("  int16_t {}[{}];\n", field, size / 2);
    bytes += size;
  }
  return fmt::format(R"(
/* What recurrent layers keep from run to run. {0}_reset comes before the first
   run of a sequence; runs without it between them are one sequence. */
#define {1}_STATE_SIZE {2}
typedef struct {0}_state {{
{3}}} {0}_state;
void {0}_reset({0}_state* state);
)",
                     name, UpperCase(name), bytes, fields);
}

bool CallsCmsisNn(const ModelWriter& writer) {
  return std::ranges::any_of(writer.kernels(), [](std::string_view header) {
    return header.starts_with(kCmsisKernel);
  });
}

std::string ResetFunction(const Emission& e) {
  if (e.states.empty()) return "";
  return fmt::format(
      "void {0}_reset({0}_state* state) {{ memset(state, 0, sizeof *state); }}"
      "\n\n",
      e.options.name);
}

}  // namespace

std::string_view TypeOf(const Port& port) {
  switch (port.dtype) {
    case DType::kUint8:
      return "uint8_t";
    case DType::kInt16:
      return "int16_t";
    case DType::kFloat32:
      return "float";
    default:
      return "int8_t";
  }
}

std::string Opening(const Emission& e, std::string_view what) {
  return fmt::format("/* {} {}\n   Made by squint from {}. */\n",
                     e.options.name, what, CommentText(e.options.source, 55));
}

std::string InputParameter(const Emission& e, size_t i) {
  return e.inputs[i] + "_in";
}
std::string OutputParameter(const Emission& e, size_t i) {
  return e.outputs[i] + "_out";
}

std::vector<std::string> RunParameters(const Emission& e) {
  std::vector<std::string> parameters;
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    parameters.push_back(fmt::format(
        "const {}* {}", TypeOf(e.network.inputs[i]), InputParameter(e, i)));
  }
  for (size_t i = 0; i < e.outputs.size(); ++i) {
    parameters.push_back(fmt::format("{}* {}", TypeOf(e.network.outputs[i]),
                                     OutputParameter(e, i)));
  }
  if (!e.states.empty()) {
    parameters.push_back(fmt::format("{}_state* state", e.options.name));
  }
  parameters.push_back("void* arena");
  return parameters;
}

std::string ModelHeader(const Emission& e) {
  const std::string& name = e.options.name;
  const std::string upper = UpperCase(name);
  std::string text = Opening(e, "as integers: what a caller needs to know.");
  text += fmt::format("#ifndef {0}_MODEL_H_\n#define {0}_MODEL_H_\n\n", upper);
  text += "#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
  text += fmt::format(
      "\n/* Working memory that the caller lends, at an address that is a "
      "multiple of {1};\n   nothing in it has to be kept between runs. 1 where "
      "none is needed. */\n"
      "#define {0}_ARENA_SIZE {2}\n",
      upper, kArenaAlign, std::max<int64_t>(e.plan.arena_bytes, 1));
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    text += PortMacros(name, e.inputs[i], e.network.inputs[i]);
  }
  for (size_t i = 0; i < e.outputs.size(); ++i) {
    text += PortMacros(name, e.outputs[i], e.network.outputs[i]);
  }
  text += StateType(e);
  text +=
      "\n/* real = SCALE * (integer - ZERO_POINT). Inputs, outputs and arena "
      "do "
      "not\n   overlap. Bytes may lie at any address, wider numbers where "
      "their "
      "type may.\n   Reentrant: calls with other arenas may run at the same "
      "time. */\n";
  text += Wrapped(fmt::format("void {}_run(", name), RunParameters(e), ");\n",
                  6 + name.size() + 4);
  text += FloatFunctions(e);
  text += "\n#ifdef __cplusplus\n}\n#endif\n";
  return text + fmt::format("\n#endif /* {}_MODEL_H_ */\n", upper);
}

std::string ModelSource(const Emission& e, const ModelWriter& writer) {
  const std::string& name = e.options.name;
  std::string text =
      Opening(e, e.network.has_real_steps()
                     ? "in integers and floats: kernels, then the network."
                     : "as integers: kernels, then the network.");
  text +=
      "#include \"model.h\"\n\n#include <stdint.h>\n#include <string.h>\n\n" +
      std::string(CallsCmsisNn(writer) ? "#include \"arm_nnfunctions.h\"\n"
                                       : "") +
      "#include \"weights.h\"\n";
  text += KernelText(writer.kernels());
  text += "\n/* ---- the network */\n\n" + writer.parameters() + "\n";
  text += ResetFunction(e);
  text += Wrapped(fmt::format("void {}_run(", name), RunParameters(e), ") {\n",
                  6 + name.size() + 4);
  text += e.plan.arena_bytes == 0
              ? "  (void)arena;\n"
              : "  int8_t* const memory = (int8_t*)arena;\n";
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    text += fmt::format("  (void){};\n", InputParameter(e, i));
  }
  return text + writer.calls() + "}\n";
}

}  // namespace squint
