// Graph to GraphProto: ids become names, captures become the outer names they
// stand for, and no inner name hides an outer one.
#ifndef SQUINT_ONNX_GRAPH_WRITER_H_
#define SQUINT_ONNX_GRAPH_WRITER_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/onnx/rope.h"
#include "squint/onnx/tensor_writer.h"

namespace squint {

class GraphWriter {
 public:
  explicit GraphWriter(ExternalLayout& external) : external_(external) {}

  // The main graph.
  Rope Write(const Graph& graph);

 private:
  // A graph with the names under which its values are written, and all names
  // that can be seen from inside, its own included.
  struct Scope {
    const Graph& graph;
    std::vector<std::string> names;
    std::set<std::string, std::less<>> visible;

    const std::string& Name(ValueId id) const;
  };

  struct ValueOfAttribute;

  Rope WriteScope(const Scope& scope, bool is_main);
  // `captured` are the written names of what the nested graph captures.
  static Scope Nested(const Graph& graph, const Scope& outer,
                      const std::vector<std::string>& captured);
  Rope WriteNode(const Scope& scope, const Node& node);
  Rope WriteAttribute(const Scope& scope, std::string_view name,
                      const Attribute& attribute,
                      const std::vector<std::string>& captured);
  void AddInitializers(const Scope& scope, Rope& message);
  void AddValueInfos(const Scope& scope, bool is_main, Rope& message);

  ExternalLayout& external_;
};

}  // namespace squint

#endif  // SQUINT_ONNX_GRAPH_WRITER_H_
