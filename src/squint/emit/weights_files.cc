// weights.h and weights.c: constants that stay in flash.
#include "squint/emit/c_text.h"
#include "squint/emit/files.h"

namespace squint {

std::string WeightsHeader(const Emission& e, const ModelWriter& writer) {
  const std::string guard = UpperCase(e.options.name) + "_WEIGHTS_H_";
  return Opening(e, "as integers: constants, for model.c alone.") +
         fmt::format("#ifndef {0}\n#define {0}\n\n#include <stdint.h>\n\n",
                     guard) +
         writer.declarations() + fmt::format("\n#endif /* {} */\n", guard);
}

std::string WeightsSource(const Emission& e, const ModelWriter& writer) {
  const std::string text =
      Opening(e, "as integers: constants.") + "#include \"weights.h\"\n";
  if (!writer.constants().empty()) return text + writer.constants();
  // A translation unit without a declaration is no C99.
  return text +
         fmt::format("\ntypedef int8_t {}_no_constants;\n", e.options.name);
}

}  // namespace squint
