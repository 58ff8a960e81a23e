// The ONNX backend node tests as they lie on disk: a folder for each case,
// with model.onnx and test_data_set_N/{input,output}_K.pb.
#ifndef SQUINT_TESTS_CONFORMANCE_TEST_CASE_H_
#define SQUINT_TESTS_CONFORMANCE_TEST_CASE_H_

#include <filesystem>
#include <string>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/tensor/tensor.h"

namespace squint {

struct TestCase {
  std::string name;  // "test_conv_with_strides_padding"
  std::filesystem::path model;
  std::vector<std::filesystem::path> data_sets;
};

// Sorted by name. Error{kIo} when the folder holds no case.
std::vector<TestCase> FindCases(const std::filesystem::path& folder);

// In the order of the graph's inputs and outputs.
struct DataSet {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};

// Error{kUnsupported} for values that are no tensors.
DataSet ReadDataSet(const std::filesystem::path& folder, const Graph& graph);

// Every input but the first becomes a constant with the data set's value, as
// weights, axes and limits are in real models.
void BindInputs(Graph& graph, DataSet& data);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_TEST_CASE_H_
