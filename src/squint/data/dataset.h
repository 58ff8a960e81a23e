// Samples to calibrate and evaluate with. A Dataset is random-access by index
// (indices are those of the whole dataset, so that shards can be named and
// merged); batching is the runner's business.
#ifndef SQUINT_DATA_DATASET_H_
#define SQUINT_DATA_DATASET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "squint/tensor/tensor.h"

namespace squint {

// What a model input wants, so that samples can be checked and shaped.
struct InputSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  // -1 where the dimension is symbolic; nullopt when the rank is unknown.
  std::optional<Dims> dims;
  // Random integers are from the first to below the second; masks are ones.
  std::pair<int64_t, int64_t> integers = {0, 2};
};

struct Sample {
  int64_t index = 0;
  std::string id;  // file name or "#12", for messages
  // One tensor for each InputSpec, in that order, with batch axis.
  std::vector<Tensor> inputs;
  // A pair's second half (Spearman of pairwise cosines); empty otherwise.
  std::vector<Tensor> second_inputs;
  std::optional<int64_t> label;
  Tensor target;     // array target or score; empty when none
  std::string hash;  // ContentHash of the input bytes
};

class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  // Thread-safe. Error{kInvalidArgument or kIo} names the sample.
  virtual Sample Get(int64_t index) const = 0;
  virtual bool has_labels() const = 0;
  virtual bool has_targets() const { return false; }  // Sample::target is set
  virtual bool has_pairs() const { return false; }    // second_inputs are set
  virtual int64_t num_classes() const { return 0; }   // 0: not known
  // Declared in a dataset .json: the default metric and the reduction of an
  // output before it ("" when not declared).
  virtual std::string metric() const { return ""; }
  virtual std::string reduction() const { return ""; }
  virtual int output() const { return 0; }      // index of the output scored
  virtual std::string description() const = 0;  // one line for summaries
};

struct DatasetOptions {
  std::string preset;  // preprocessing by name; "" = from the .json or guess
  uint64_t seed = 1;   // for `random`
  int64_t random_samples = 32;  // and synthetic ones
};

// `source` is what --data takes: a folder of images (class subfolders or a
// labels file), an image, .npy, .npz, idx/idx.gz, a dataset .json, or the
// words "random" (noise) and "synthetic" (noise, but images look a little like
// photographs). Errors name the file.
std::shared_ptr<const Dataset> OpenDataset(const std::string& source,
                                           const std::vector<InputSpec>& inputs,
                                           const DatasetOptions& options = {});

// Decodes at most `ahead` samples ahead of the consumer on `threads` worker
// threads (0: in Next() itself); yields the samples of `indices` in order.
// Get()'s errors are rethrown by the Next() that would have given the sample.
class SampleStream {
 public:
  SampleStream(std::shared_ptr<const Dataset> dataset,
               std::vector<int64_t> indices, int threads, int ahead = 8);
  ~SampleStream();
  SampleStream(const SampleStream&) = delete;
  SampleStream& operator=(const SampleStream&) = delete;
  std::optional<Sample> Next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace squint

#endif  // SQUINT_DATA_DATASET_H_
