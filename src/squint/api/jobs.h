// What the public functions have in common: loading and preparing a network,
// choosing samples, turning a RecipeRequest into a Recipe.
#ifndef SQUINT_API_JOBS_H_
#define SQUINT_API_JOBS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/base/file.h"
#include "squint/base/json.h"
#include "squint/calibrate/calibration.h"
#include "squint/data/dataset.h"
#include "squint/graph/graph.h"
#include "squint/interchange/interchange.h"
#include "squint/quantize/normal_statistics.h"
#include "squint/quantize/recipe.h"
#include "squint/report/runner.h"
#include "squint/squint.h"

namespace squint {

struct Prepared {
  std::shared_ptr<const Graph> graph;  // absorbed, optimized if float
  std::string hash;
  size_t file_bytes = 0;
  bool quantized = false;
  // What the file said of its values before normalizations were folded.
  std::map<std::string, ChannelNormals> normals;
};
Prepared Prepare(const std::string& model,
                 const std::vector<std::string>& disabled_passes,
                 const Context& context);
// Of a model that is loaded already; errors name `model`.
Prepared Prepare(LoadedModel loaded, const std::string& model,
                 const std::vector<std::string>& disabled_passes,
                 const Context& context);

// For jobs that run the network and show nothing from inside it: float parts
// of quantized networks are optimized, too, but for plain loops, which run what
// the file says.
Prepared PrepareToRun(const std::string& model, Execution execution,
                      FloatFormat float_format, const Context& context);

// All passes but the disabled ones; what they did goes to the log.
void RunPasses(Graph& graph, const std::vector<std::string>& disabled_passes,
               const Context& context);

// How a runner runs what was asked for.
RunMode RunModeOf(Execution execution);

// For the catch (...) of every public function: throws the exception at hand
// as an Error, so that nothing else leaves the library. `file` is what the
// job was about.
[[noreturn]] void RethrowAsError(const std::string& file);

// Runs one job on files, `file` first among them; whatever is thrown becomes
// an Error. Should a file be cut short meanwhile, then that is the error,
// whatever came of the zeros that were read in its place.
template <typename Job>
auto RunOnFiles(const std::string& file, Job&& job) {
  const MappedFileWatch watch;
  try {
    auto result = job();
    watch.Check();
    return result;
  } catch (...) {
    watch.Check();
    RethrowAsError(file);
  }
}

std::shared_ptr<const Dataset> OpenData(const DataRequest& request,
                                        const Graph& graph,
                                        const Context& context);

// Indices that `request` names, in order. Error{kInvalidArgument} when the
// data has none, or A:B lies outside it.
std::vector<int64_t> SampleIndices(const DataRequest& request, int64_t size);

// Which samples calibrate and which are held back to compare on: from 20
// samples up every 10th, at most 32; below, all calibrate.
struct Split {
  std::vector<int64_t> calibrate;
  std::vector<int64_t> compare;
  bool overlap = false;
};
Split SplitSamples(const std::vector<int64_t>& samples);

Recipe MakeRecipe(const RecipeRequest& request);

// NaN and Inf are no JSON numbers: they become null.
Json NumberOrNull(double value);

}  // namespace squint

#endif  // SQUINT_API_JOBS_H_
