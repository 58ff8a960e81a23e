// A tensor dimension: an integer, a named symbol ("batch") or an expression
// of them built from +, -, *, floor division and max, or unknown. Known
// expressions are kept as polynomials in canonical form, so that
// 2*batch + batch == 3*batch and (batch*49*64)/(49*64) == batch.
#ifndef SQUINT_GRAPH_DIM_H_
#define SQUINT_GRAPH_DIM_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace squint {

class Dim {
 public:
  Dim(int64_t value = 0);  // NOLINT: integers are dimensions
  static Dim Symbol(const std::string& name);
  static Dim Unknown();

  bool is_unknown() const { return unknown_; }
  std::optional<int64_t> value() const;  // set when it is a plain integer
  bool is(int64_t number) const { return value() == number; }
  // The name when this is one bare symbol.
  std::optional<std::string> symbol() const;
  std::string ToString() const;  // "8", "batch", "4*batch+1", "?"

  // Results with an unknown operand, or with integers that overflow, are
  // unknown. FloorDiv by zero is unknown.
  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend Dim FloorDiv(const Dim& a, const Dim& b);
  friend Dim Max(const Dim& a, const Dim& b);
  // Provably equal; an unknown is equal to nothing, not even itself.
  friend bool operator==(const Dim& a, const Dim& b);

 private:
  // Product of atoms (sorted, "" product = 1) -> coefficient. An atom is a
  // symbol or a printed "floordiv(...)" or "max(...)".
  using Monomial = std::vector<std::string>;
  std::map<Monomial, int64_t> terms_;
  bool unknown_ = false;
};

using DimList = std::vector<Dim>;

// A tensor shape: unknown rank, or a list of dimensions.
class Shape {
 public:
  Shape() = default;  // unknown rank
  Shape(DimList dims) : dims_(std::move(dims)) {}  // NOLINT
  static Shape Of(const std::vector<int64_t>& dims) {
    return Shape(DimList(dims.begin(), dims.end()));
  }
  bool has_rank() const { return dims_.has_value(); }
  int rank() const { return static_cast<int>(dims_->size()); }
  const DimList& dims() const { return *dims_; }
  const Dim& operator[](int i) const {
    return (*dims_)[static_cast<size_t>(i)];
  }
  // All dimensions are integers.
  std::optional<std::vector<int64_t>> values() const;
  Dim count() const;  // product; unknown without a rank
  std::string ToString() const;  // "[batch,3,224,224]", "[?]" has rank 1,
                                 // "unranked" has none
 private:
  std::optional<DimList> dims_;
};

// Same rank and provably equal dimensions.
bool operator==(const Shape& a, const Shape& b);

// Numpy broadcasting. A dimension that cannot be decided (two different
// symbols) becomes unknown; sizes that cannot match: nullopt.
std::optional<Shape> BroadcastShapes(const Shape& a, const Shape& b);

}  // namespace squint

#endif  // SQUINT_GRAPH_DIM_H_
