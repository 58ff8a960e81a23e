// A network as plain C99 for machines without float, heap or files.
#ifndef SQUINT_EMIT_EMIT_H_
#define SQUINT_EMIT_EMIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "squint/emit/model_writer.h"
#include "squint/emit/network.h"
#include "squint/emit/peak.h"

namespace squint {

enum class KernelSet {
  kOwn,
  kCmsisNn,  // CMSIS-NN's where they give the same bytes (emit/cmsis_nn.h)
};

struct EmitOptions {
  std::string name = "model";  // prefix of every symbol: a C identifier
  std::string source;          // what the files say they were made from
  KernelSet kernels = KernelSet::kOwn;
  // Bytes that the arena may take, and what lies in flash; 0: any number.
  int64_t ram_limit = 0;
  int64_t flash_limit = 0;
};

// Steps that run in patches, so that the arena is smaller.
struct PatchReport {
  int32_t rows = 0;  // of the grid
  int32_t columns = 0;
  std::vector<std::string> layers;
  int64_t extra_macs = 0;   // what is computed more than once
  int64_t whole_arena = 0;  // of the network without patches
};

struct EmittedModel {
  // Names without folder, and contents: model.h, model.c, weights.h, weights.c,
  // test_vectors.h, main_test.c, CMakeLists.txt, memory.json.
  std::vector<std::pair<std::string, std::string>> files;
  std::vector<StepCost> steps;
  int64_t arena_bytes = 0;
  int64_t arena_lower_bound = 0;
  int64_t state_bytes = 0;  // what recurrent layers keep between runs
  int64_t most_live = 0;  // the largest sum of tensors that are needed at once
  Peak peak;
  std::optional<PatchReport> patches;
  int64_t constant_bytes = 0;   // weights.c
  int64_t parameter_bytes = 0;  // structs of model.c
  int64_t code_bound = 0;       // of kCodeBoundFor's compilers, with CMSIS-NN's
  int64_t macs = 0;
};

// The same network gives the same text. Error{kInvalidArgument} for a name that
// is no identifier, Error{kBudgetNotMet} for limits that cannot be met: by how
// much, and what is in the way.
EmittedModel EmitC(const FixedNetwork& network, const EmitOptions& options);

}  // namespace squint

#endif  // SQUINT_EMIT_EMIT_H_
