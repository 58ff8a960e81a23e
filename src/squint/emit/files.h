// The files of an emitted model, one function each.
#ifndef SQUINT_EMIT_FILES_H_
#define SQUINT_EMIT_FILES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "squint/base/json.h"
#include "squint/emit/emit.h"
#include "squint/emit/model_writer.h"
#include "squint/emit/network.h"
#include "squint/emit/plan.h"

namespace squint {

// What all files speak of.
struct Emission {
  const FixedNetwork& network;  // as it is written
  const FixedNetwork& whole;    // the same without patches
  const MemoryPlan& plan;
  const EmitOptions& options;
  // Words for the ports, unique among all. They are part of longer names:
  // whatever the network's author chose is no keyword and no macro, and nothing
  // else that is written has that name.
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {};
  // Fields of the state that runs hand on, and their bytes.
  std::vector<std::pair<std::string, int64_t>> states = {};
};

std::string ModelHeader(const Emission& emission);
std::string ModelSource(const Emission& emission, const ModelWriter& writer);
std::string WeightsHeader(const Emission& emission, const ModelWriter& writer);
std::string WeightsSource(const Emission& emission, const ModelWriter& writer);
std::string TestVectors(const Emission& emission);
std::string TestMain(const Emission& emission);
std::string BuildFile(const Emission& emission);
std::string MemoryReport(const Emission& emission, const EmittedModel& model);
// As in memory.json; null where there are none.
Json PatchesJson(const std::optional<PatchReport>& patches);

// Of the numbers behind a port's pointer: "int8_t" ...
std::string_view TypeOf(const Port& port);
// What main_test.c returns where it has nothing to compare.
inline constexpr int kSkipped = 77;
// What model_run calls the pointers of ports: with an ending that no constant,
// local, kernel, keyword or macro has.
std::string InputParameter(const Emission& emission, size_t i);
std::string OutputParameter(const Emission& emission, size_t i);
// "const int8_t* x_in, int8_t* y_out, ..." of model_run, an item each.
std::vector<std::string> RunParameters(const Emission& emission);
// The comment that opens a file.
std::string Opening(const Emission& emission, std::string_view what);

}  // namespace squint

#endif  // SQUINT_EMIT_FILES_H_
