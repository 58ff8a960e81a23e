#include "squint/ops/einsum_equation.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

bool IsLetter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// A term as written: letters, with '.' once where the ellipsis stands.
std::string ReadTerm(std::string_view text, const std::string& equation) {
  std::string term;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ellipsis = text.substr(i, 3) == "...";
    if (!ellipsis && !IsLetter(text[i])) {
      Fail(ErrorCode::kInvalidModel, "equation '{}': unexpected '{}'", equation,
           text[i]);
    }
    if (ellipsis && term.find('.') != std::string::npos) {
      Fail(ErrorCode::kInvalidModel, "equation '{}': two ellipses in a term",
           equation);
    }
    term += text[i];
    if (ellipsis) i += 2;
  }
  return term;
}

struct Terms {
  std::vector<std::string> operands;
  std::optional<std::string> result;  // absent: implicit
};

Terms ReadTerms(const std::string& equation) {
  std::string text = equation;
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  Terms terms;
  if (const size_t arrow = text.find("->"); arrow != std::string::npos) {
    terms.result = ReadTerm(std::string_view(text).substr(arrow + 2), equation);
    text.resize(arrow);
  }
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    terms.operands.push_back(
        ReadTerm(std::string_view(text).substr(begin, end - begin), equation));
    begin = end + 1;
  }
  return terms;
}

// The labels of a term whose ellipsis stands for `width` axes, aligned with
// the last of them.
EinsumLabels Spread(const std::string& term, int width) {
  EinsumLabels labels;
  for (const char c : term) {
    if (c != '.') labels.push_back(c);
    for (int i = 0; c == '.' && i < width; ++i) {
      labels.push_back(kEllipsisEnd - width + i);
    }
  }
  return labels;
}

// Axes that the ellipsis of an operand's term stands for.
int EllipsisWidth(const std::string& term, int rank,
                  const std::string& equation) {
  const bool ellipsis = term.find('.') != std::string::npos;
  const int width = rank - static_cast<int>(term.size()) + (ellipsis ? 1 : 0);
  if (width < 0 || (width > 0 && !ellipsis)) {
    Fail(ErrorCode::kInvalidModel,
         "equation '{}': term '{}' does not suit an operand of rank {}",
         equation, term, rank);
  }
  return width;
}

// The ellipsis, then the letters that occur once, sorted.
EinsumLabels ImplicitResult(const std::vector<EinsumLabels>& operands) {
  std::map<EinsumLabel, int> counts;
  for (const EinsumLabels& labels : operands) {
    for (const EinsumLabel label : labels) ++counts[label];
  }
  EinsumLabels ellipsis;
  EinsumLabels letters;
  for (const auto& [label, count] : counts) {
    if (label > 'z') {
      ellipsis.push_back(label);
    } else if (count == 1) {
      letters.push_back(label);
    }
  }
  return JoinLabels(std::move(ellipsis), letters);
}

void CheckResult(const EinsumEquation& parsed, const std::string& equation) {
  for (const EinsumLabel label : parsed.result) {
    const bool known =
        std::any_of(parsed.operands.begin(), parsed.operands.end(),
                    [label](const EinsumLabels& labels) {
                      return HasLabel(labels, label);
                    });
    const auto uses =
        std::count(parsed.result.begin(), parsed.result.end(), label);
    if (!known || uses > 1) {
      Fail(ErrorCode::kInvalidModel, "equation '{}': '{}' of the result {}",
           equation, static_cast<char>(label),
           known ? "occurs twice" : "is in no operand");
    }
  }
}

}  // namespace

bool HasLabel(const EinsumLabels& labels, EinsumLabel label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

EinsumLabels JoinLabels(EinsumLabels first, const EinsumLabels& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

EinsumEquation ParseEinsum(const std::string& equation,
                           const std::vector<int>& ranks) {
  const Terms terms = ReadTerms(equation);
  if (terms.operands.size() != ranks.size()) {
    Fail(ErrorCode::kInvalidModel, "equation '{}' has {} terms for {} operands",
         equation, terms.operands.size(), ranks.size());
  }
  EinsumEquation parsed;
  int widest = 0;
  for (size_t i = 0; i < ranks.size(); ++i) {
    const int width = EllipsisWidth(terms.operands[i], ranks[i], equation);
    widest = std::max(widest, width);
    parsed.operands.push_back(Spread(terms.operands[i], width));
  }
  parsed.result = terms.result ? Spread(*terms.result, widest)
                               : ImplicitResult(parsed.operands);
  CheckResult(parsed, equation);
  return parsed;
}

std::map<EinsumLabel, Dim> EinsumSizes(const EinsumEquation& equation,
                                       const std::vector<Shape>& operands) {
  std::map<EinsumLabel, Dim> sizes;
  for (size_t i = 0; i < operands.size(); ++i) {
    for (size_t axis = 0; axis < equation.operands[i].size(); ++axis) {
      const Dim& own = operands[i].dims()[axis];
      const auto [at, added] = sizes.emplace(equation.operands[i][axis], own);
      if (added) continue;
      const auto joint = BroadcastShapes(Shape({at->second}), Shape({own}));
      if (!joint) {
        Fail(ErrorCode::kInvalidModel,
             "axis {} of operand {} has {} elements, another axis of the same "
             "label {}",
             axis, i, own.ToString(), at->second.ToString());
      }
      at->second = (*joint)[0];
    }
  }
  return sizes;
}

}  // namespace squint
