#include "squint/graph/dim.h"

#include <algorithm>

namespace squint {
namespace {

int64_t FloorDivide(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

}  // namespace

Dim::Dim(int64_t value) {
  if (value != 0) terms_[{}] = value;
}

Dim Dim::Symbol(const std::string& name) {
  Dim result;
  result.terms_[{name}] = 1;
  return result;
}

Dim Dim::Unknown() {
  Dim result;
  result.unknown_ = true;
  return result;
}

std::optional<int64_t> Dim::value() const {
  if (unknown_) return std::nullopt;
  if (terms_.empty()) return 0;
  if (terms_.size() == 1 && terms_.begin()->first.empty()) {
    return terms_.begin()->second;
  }
  return std::nullopt;
}

std::optional<std::string> Dim::symbol() const {
  if (unknown_ || terms_.size() != 1 || terms_.begin()->second != 1 ||
      terms_.begin()->first.size() != 1) {
    return std::nullopt;
  }
  return terms_.begin()->first[0];
}

std::string Dim::ToString() const {
  if (unknown_) return "?";
  if (terms_.empty()) return "0";
  std::string text;
  // Products first, the plain number last: "4*batch+1".
  for (auto it = terms_.rbegin(); it != terms_.rend(); ++it) {
    const auto& [monomial, coefficient] = *it;
    std::string term;
    if (monomial.empty() || (coefficient != 1 && coefficient != -1)) {
      term = std::to_string(coefficient);
    } else if (coefficient == -1) {
      term = "-";
    }
    for (const std::string& atom : monomial) {
      if (!term.empty() && term != "-") term += '*';
      term += atom;
    }
    if (!text.empty() && term[0] != '-') text += '+';
    text += term;
  }
  return text;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.unknown_ || b.unknown_) return Dim::Unknown();
  Dim result = a;
  for (const auto& [monomial, coefficient] : b.terms_) {
    int64_t& sum = result.terms_[monomial];
    if (__builtin_add_overflow(sum, coefficient, &sum)) return Dim::Unknown();
    if (sum == 0) result.terms_.erase(monomial);
  }
  return result;
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.unknown_ || b.unknown_) return Dim::Unknown();
  Dim result;
  for (const auto& [ma, ca] : a.terms_) {
    for (const auto& [mb, cb] : b.terms_) {
      Dim term;
      Dim::Monomial product = ma;
      product.insert(product.end(), mb.begin(), mb.end());
      std::sort(product.begin(), product.end());
      int64_t coefficient = 0;
      if (__builtin_mul_overflow(ca, cb, &coefficient)) return Dim::Unknown();
      term.terms_[product] = coefficient;
      result = result + term;
      if (result.unknown_) return result;
    }
  }
  return result;
}

Dim FloorDiv(const Dim& a, const Dim& b) {
  if (a.unknown_ || b.unknown_ || b.terms_.empty()) return Dim::Unknown();
  if (b.is(-1)) return 0 - a;  // the most negative number by -1 overflows
  if (a.value() && b.value()) return FloorDivide(*a.value(), *b.value());
  if (a == b) return 1;
  // Exact division by a single product, e.g. (4*batch*seq)/(2*seq).
  if (b.terms_.size() == 1) {
    const auto& [divisor, by] = *b.terms_.begin();
    Dim quotient;
    bool exact = true;
    for (const auto& [monomial, coefficient] : a.terms_) {
      Dim::Monomial rest;
      exact = coefficient % by == 0 &&
              std::includes(monomial.begin(), monomial.end(), divisor.begin(),
                            divisor.end());
      if (!exact) break;
      std::set_difference(monomial.begin(), monomial.end(), divisor.begin(),
                          divisor.end(), std::back_inserter(rest));
      quotient.terms_[rest] = coefficient / by;
    }
    if (exact) return quotient;
  }
  return Dim::Symbol("floordiv(" + a.ToString() + "," + b.ToString() + ")");
}

Dim Max(const Dim& a, const Dim& b) {
  if (a.unknown_ || b.unknown_) return Dim::Unknown();
  if (a == b) return a;
  if (a.value() && b.value()) return std::max(*a.value(), *b.value());
  std::string x = a.ToString();
  std::string y = b.ToString();
  if (y < x) std::swap(x, y);
  return Dim::Symbol("max(" + x + "," + y + ")");
}

bool operator==(const Dim& a, const Dim& b) {
  return !a.unknown_ && !b.unknown_ && a.terms_ == b.terms_;
}

std::optional<std::vector<int64_t>> Shape::values() const {
  if (!dims_) return std::nullopt;
  std::vector<int64_t> result;
  for (const Dim& dim : *dims_) {
    if (!dim.value()) return std::nullopt;
    result.push_back(*dim.value());
  }
  return result;
}

Dim Shape::count() const {
  if (!dims_) return Dim::Unknown();
  Dim product = 1;
  for (const Dim& dim : *dims_) product = product * dim;
  return product;
}

std::string Shape::ToString() const {
  if (!dims_) return "unranked";
  std::string text = "[";
  for (size_t i = 0; i < dims_->size(); ++i) {
    if (i > 0) text += ',';
    text += (*dims_)[i].ToString();
  }
  return text + "]";
}

bool operator==(const Shape& a, const Shape& b) {
  return a.has_rank() && b.has_rank() && a.dims() == b.dims();
}

std::optional<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return Shape();
  const int rank = std::max(a.rank(), b.rank());
  DimList dims(static_cast<size_t>(rank));
  for (int i = 0; i < rank; ++i) {
    const int ia = i - rank + a.rank();
    const int ib = i - rank + b.rank();
    const Dim da = ia < 0 ? Dim(1) : a[ia];
    const Dim db = ib < 0 ? Dim(1) : b[ib];
    Dim& out = dims[static_cast<size_t>(i)];
    if (da.is(1)) {
      out = db;
    } else if (db.is(1) || da == db) {
      out = da;
    } else if (da.value() && db.value()) {
      return std::nullopt;
    } else if (da.value() && *da.value() > 1) {
      out = da;  // the symbol must be 1 or this number
    } else if (db.value() && *db.value() > 1) {
      out = db;
    } else {
      out = Dim::Unknown();
    }
  }
  return Shape(std::move(dims));
}

}  // namespace squint
