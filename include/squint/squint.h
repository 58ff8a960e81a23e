// Squint, the public C++ interface: what the command line is written in.
//
// Each function does one whole job on files. Results are plain structs, and
// each has its machine-readable form in `json`. Errors are squint::Error.
#ifndef SQUINT_SQUINT_H_
#define SQUINT_SQUINT_H_

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/context.h"
#include "squint/error.h"
#include "squint/float_format.h"

namespace squint {

std::string Version();

// Makes everything run with one instruction set: "generic", "sse4", "avx2",
// "avxvnni", "avx512", "avx512vnni", "neon", "neondot". Called before anything
// else, by one thread. Error{kInvalidArgument} for an unknown name,
// Error{kUnsupported} where the CPU lacks it. The command line takes it from
// SQUINT_ISA.
void UseInstructionSet(std::string_view name);

// ---- data shared by several jobs

// What --data and its companions say. `samples` is "A:B": indices in the
// whole dataset, end not included, "" for all.
struct DataRequest {
  std::string source;  // folder, image, .npy, .npz, idx, .json, "random"
  std::string preset;  // preprocessing by name; "" = the source's own
  std::string samples;
  int64_t limit = 0;  // at most so many samples; 0: all
};

// What a recipe says on the command line; unset fields keep the recipe
// file's or the default value.
struct RecipeRequest {
  std::string file;                   // recipe JSON, "" for none
  std::optional<std::string> mode;    // static, dynamic, weight-only
  std::optional<std::string> preset;  // x86, arm, tensorrt, squint, edge
  std::optional<std::string> activations;
  std::optional<std::string> weights;
  std::optional<std::string> observer;
  std::optional<std::string> io;
  std::optional<int64_t> group;
  std::optional<int64_t> iterations;  // of `reconstruct`, for each block
  bool per_tensor = false;
  bool saturation_safe = false;
  bool edges_as_others = false;  // first and last layers: no 8 bits of theirs
  std::vector<std::string> exclude_nodes;
  std::vector<std::string> exclude_types;
  std::vector<std::string> enable;   // methods
  std::vector<std::string> disable;  // methods
};

// ---- quantize

// How much accuracy may be lost; the cheapest network within it is searched.
struct AccuracyBudget {
  // "0.5%" of the float metric or "0.005" of its unit; "": no search.
  std::string max_drop;
  std::string metric;  // "": the data's; agreement where it has no labels
  double seconds = 0;  // for the search; 0: no limit
  std::string objective = "size";  // or "latency"
  // Samples to judge on; by default every second one of the job's data, which
  // then does not calibrate.
  DataRequest judge;
};

struct QuantizeRequest {
  std::string model;
  std::string output;
  DataRequest data;
  RecipeRequest recipe;
  std::string calibration;  // table to use instead of calibrating
  // Instead of data: ranges from BatchNormalizations where the file has them
  // and from synthetic inputs, preprocessed by `data.preset`, elsewhere.
  bool no_data = false;
  std::vector<std::string> disabled_passes;
  AccuracyBudget budget;
  bool compare = true;  // float against integer on held-back samples
  // Tensors of at least so many bytes are written to a data file beside the
  // output; 0: only when one file could not hold the model (2 GB).
  size_t external_data = 0;
};

// How much nodes were left in float for one reason.
struct FloatGroup {
  std::string reason;
  std::string op_type;
  std::vector<std::string> nodes;
};

struct QuantizeSummary {
  size_t float_bytes = 0;  // files, external data included
  size_t quantized_bytes = 0;
  size_t float_weight_bytes = 0;  // of the weights that were quantized
  size_t quantized_weight_bytes = 0;
  int integer_nodes = 0;
  int float_nodes = 0;
  std::vector<FloatGroup> left_float;
  std::vector<std::string> notes;
  int64_t calibration_samples = 0;
  bool data_free = false;  // the calibration samples were synthetic
  int64_t compared_samples = 0;
  bool compared_on_calibration = false;  // too few samples to hold any back
  double sqnr = 0;                       // dB, outputs (before a final Softmax)
  double agreement = 0;  // share of samples with the same largest output
  std::string metric;    // with labels; "" without
  double float_metric = 0;
  double quantized_metric = 0;
  double calibrate_seconds = 0;
  double total_seconds = 0;
  // With a budget. The network is written in any case.
  bool budget_met = true;
  std::string budget_text;  // trials, and the best for each size; lines
  std::string json;
};
QuantizeSummary QuantizeFile(const QuantizeRequest& request,
                             const Context& context = {});

// ---- calibrate

struct CalibrateRequest {
  std::string model;
  std::string output;
  DataRequest data;
  RecipeRequest recipe;
  bool all = false;  // also the samples that `quantize` holds back
};
struct CalibrateSummary {
  int64_t samples = 0;
  int64_t tensors = 0;
  std::string json;
};
CalibrateSummary CalibrateFile(const CalibrateRequest& request,
                               const Context& context = {});
CalibrateSummary MergeCalibrationFiles(const std::vector<std::string>& inputs,
                                       const std::string& output);

// ---- eval, compare, run

// How a quantized file runs. Integers: kernels on the stored integers where
// they have 8 bits, the rest simulated. Simulated: float kernels, values
// rounded to the integers' grid. Reference: plain loops on the integers.
// Fixed: int8 throughout, factors in fixed point, plain loops: the numbers that
// emitted C gives.
enum class Execution { kIntegers, kSimulated, kReference, kFixed };

struct EvalRequest {
  std::string model;
  DataRequest data;
  std::string metric;       // "" = the dataset's own, else top1
  std::string float_model;  // for agreement, sqnr and the like
  Execution execution = Execution::kIntegers;
  FloatFormat float_format = FloatFormat::kFloat32;
};
struct EvalSummary {
  std::string metric;
  double value = 0;
  int64_t samples = 0;
  double seconds = 0;
  bool quantized = false;
  std::vector<double> per_sample;
  std::string json;
};
EvalSummary EvaluateFile(const EvalRequest& request,
                         const Context& context = {});

struct CompareRequest {
  std::string float_model;
  std::string quantized_model;
  DataRequest data;
  // Inner values are compared too, which kIntegers does not show.
  Execution execution = Execution::kSimulated;
};
struct TensorDifference {
  std::string name;
  std::string op_type;  // of the node that makes it
  double sqnr = 0;      // dB
  double cosine = 0;
};
struct CompareSummary {
  int64_t samples = 0;
  double agreement = 0;
  std::vector<TensorDifference> outputs;
  std::vector<TensorDifference> worst;  // inner values, worst first
  std::string json;
};
CompareSummary CompareFiles(const CompareRequest& request,
                            const Context& context = {});

struct RunRequest {
  std::string model;
  // "name=file.npy" or "file.npy" (inputs in order) or one .npz.
  std::vector<std::string> inputs;
  std::string output;  // .npy (one output) or .npz (all)
  Execution execution = Execution::kIntegers;
  FloatFormat float_format = FloatFormat::kFloat32;
};
struct RunSummary {
  std::vector<std::pair<std::string, std::string>> outputs;  // name, shape
  double seconds = 0;
  bool quantized = false;
  std::string json;
};
RunSummary RunFile(const RunRequest& request, const Context& context = {});

// ---- bench

// What a network is timed on.
struct BenchInputs {
  // As in RunRequest; empty: random ones of these sizes.
  std::vector<std::string> files;
  int64_t batch = 0;                    // of symbolic first dimensions; 0: 1
  std::map<std::string, int64_t> dims;  // by symbol, or "input[axis]"
};

// A process that times one network when told to. It loads the model, runs it
// and writes one line of JSON to `answers`:
//   {load, first, base, rss, peak, shape, std}
// seconds till the first run could begin and of that run; MiB of memory before
// loading, now and at most; of the first output. Then for each line of
// `orders`, a number of seconds, it runs that long (three times at least) and
// writes a JSON list of seconds per run. Returns when there are no more.
struct BenchWorkerRequest {
  std::string model;
  BenchInputs inputs;
  Execution execution = Execution::kIntegers;
  FloatFormat float_format = FloatFormat::kFloat32;
};
void ServeBenchmark(const BenchWorkerRequest& request, std::istream& orders,
                    std::ostream& answers, const Context& context = {});

// Models timed beside each other and beside other engines: each in a process
// of its own, that stands still while another runs, in turn, round by round.
struct BenchRequest {
  std::vector<std::string> models;
  BenchInputs inputs;
  Execution execution = Execution::kIntegers;
  std::vector<int> threads;  // one table for each number; none: all CPUs
  int rounds = 7;
  double seconds = 0.4;            // of a turn
  std::vector<std::string> peers;  // onnxruntime, openvino
  std::string python = "python3";  // that has the peers
  bool profile = false;            // where the time goes, node by node
  // The command that is a worker when given a model, --threads and so on.
  std::vector<std::string> worker;
  FloatFormat float_format = FloatFormat::kFloat32;
};
// One engine on one model. A turn is `clean` when other processes used less
// than an eighth of a CPU. Of clean turns, or the least disturbed ones where
// there are no three.
struct BenchRow {
  std::string model;
  std::string engine;  // "squint", or the peer
  int threads = 0;
  std::string failure;     // what went wrong, "" otherwise; then the rest is 0
  double median = 0;       // seconds a run: the median of the turns' medians,
  double low = 0;          // the least of them
  double high = 0;         // and the greatest
  double best = 0;         // the fastest single run
  double throughput = 0;   // samples a second: first dimension of input 0
  double load = 0;         // seconds till the first run can begin
  double first = 0;        // seconds of the first run
  double peak_memory = 0;  // MiB of the whole process
  size_t file_bytes = 0;
  // How many times as fast as the fastest peer on the model, or, without
  // peers, as the first model.
  double speed = 0;
  int64_t runs = 0;
  bool clean = false;  // all turns were
  double others = 0;   // CPUs used by other processes
};
struct BenchSummary {
  std::vector<BenchRow> rows;
  std::string text;  // tables
  std::string json;
};
// What could not be timed is a row with a `failure`. Errors: a model that
// cannot be read, inputs that do not fit, a peer that Python does not have.
BenchSummary BenchFiles(const BenchRequest& request,
                        const Context& context = {});

// ---- convert

// Changes of a file that change no number of the network.
struct ConvertRequest {
  std::string model;
  std::string output;
  std::string activations;       // "int8", "uint8"; "": as they are
  std::string format;            // "qdq"; "": as it is
  std::optional<int64_t> opset;  // nullopt: the lowest possible, at least 21
  // Tensors of at least so many bytes go to a file beside the model; 0: all
  // in the model, as long as it fits; nullopt: as the model has it.
  std::optional<size_t> external_threshold;
};
struct ConvertSummary {
  size_t bytes = 0;  // external data included
  int64_t opset = 0;
  int64_t ir_version = 0;
  std::vector<std::string> notes;  // what was left as it is
  std::string json;
};
ConvertSummary ConvertFile(const ConvertRequest& request,
                           const Context& context = {});

// ---- emit

// Plain C99 for microcontrollers, of an integer network.
struct EmitRequest {
  std::string model;
  std::string output;          // folder to make
  std::string name = "model";  // prefix of every symbol: a C identifier
  // Sizes of inputs, for those that the file leaves open.
  std::map<std::string, std::vector<int64_t>> shapes;
  bool force = false;  // replace files of squint in a folder that exists
  // Layers that compute in float are written with float code and the C
  // library's functions; else the model is refused where it has any.
  bool allow_float = false;
  // Bytes that the arena may take, and what lies in flash (constants, and code
  // by its bound); 0: any number. To meet ram_limit, layers run patch by patch.
  int64_t ram_limit = 0;
  int64_t flash_limit = 0;
  // "own", or "cmsis-nn": the user's CMSIS-NN, compiled with
  // CMSIS_NN_USE_SINGLE_ROUNDING, where its kernels give the same bytes.
  std::string kernels = "own";
};
// Layers that run patch by patch, with the same results and a smaller arena.
struct EmitPatches {
  int rows = 0;  // of the grid of patches; 0: there are none
  int columns = 0;
  std::vector<std::string> layers;
  int64_t extra_macs = 0;   // what neighbouring patches both compute
  int64_t arena_bytes = 0;  // without patches
};
struct EmitSummary {
  std::vector<std::string> files;  // in the folder
  int64_t arena_bytes = 0;         // memory to lend model_run
  int64_t arena_lower_bound = 0;   // the most that is in use at one time
  EmitPatches patches;
  int64_t constant_bytes = 0;  // weights and parameters, in flash
  int64_t macs = 0;            // products of integers in one run
  int steps = 0;
  std::string json;
};
// Error{kUnsupported} names what cannot be written in integers, and why;
// Error{kBudgetNotMet} says by how much a limit is missed, and what is in the
// way. Nothing is left behind by an error.
EmitSummary EmitFile(const EmitRequest& request, const Context& context = {});

// ---- inspect, ops

struct InspectRequest {
  std::string model;
  bool nodes = false;  // list every node
  std::string preset = "x86";
  // How long the network should take on this machine, float and quantized for
  // the preset, with context.threads threads; of float models. Symbolic sizes
  // become those of `inputs`, as `squint bench` takes them; it reads no files.
  bool forecast = false;
  BenchInputs inputs;
};
// The text form and the JSON of what is in a model.
struct InspectSummary {
  std::string text;
  std::string json;
};
InspectSummary InspectFile(const InspectRequest& request,
                           const Context& context = {});

// One line an operator, pass, observer, method, metric or target.
struct ListEntry {
  std::string kind;
  std::string name;
  std::string summary;
};
std::vector<ListEntry> ListFeatures();

}  // namespace squint

#endif  // SQUINT_SQUINT_H_
