// A network as plain C99 for machines without float, heap or files.
#ifndef SQUINT_EMIT_EMIT_H_
#define SQUINT_EMIT_EMIT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "squint/emit/model_writer.h"
#include "squint/emit/network.h"

namespace squint {

struct EmitOptions {
  std::string name = "model";  // prefix of every symbol: a C identifier
  std::string source;          // what the files say they were made from
};

struct EmittedModel {
  // Names without folder, and contents: model.h, model.c, weights.h, weights.c,
  // test_vectors.h, main_test.c, CMakeLists.txt, memory.json.
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<StepCost> steps;
  int64_t arena_bytes = 0;
  int64_t arena_lower_bound = 0;
  int64_t state_bytes = 0;      // what recurrent layers keep between runs
  int64_t constant_bytes = 0;   // weights.c
  int64_t parameter_bytes = 0;  // structs of model.c
  int64_t macs = 0;
};

// The same network gives the same text. Error{kInvalidArgument} for a name that
// is no identifier.
EmittedModel EmitC(const FixedNetwork& network, const EmitOptions& options);

}  // namespace squint

#endif  // SQUINT_EMIT_EMIT_H_
