#include "squint/ops/row_bands.h"

#include <algorithm>

namespace squint {

int64_t RowWindow::First(int64_t begin) const {
  return std::clamp<int64_t>(begin * stride - pad, 0, in_h - 1);
}

int64_t RowWindow::Last(int64_t end) const {
  return std::min(in_h, (end - 1) * stride - pad + span);
}

std::vector<BandPart> PlanBands(std::span<const RowWindow> links, int64_t begin,
                                int64_t end, int64_t rows) {
  std::vector<BandPart> parts;
  std::vector<int64_t> made(links.size(), begin);
  for (size_t i = links.size() - 1; i > 0; --i) {
    made[i - 1] = links[i].First(made[i]);
  }
  std::vector<int64_t> wanted(links.size());
  for (int64_t y = begin; y < end;) {
    y = std::min(y + rows, end);
    wanted.back() = y;
    for (size_t i = links.size() - 1; i > 0; --i) {
      wanted[i - 1] = std::max(made[i - 1], links[i].Last(wanted[i]));
    }
    for (size_t i = 0; i < links.size(); ++i) {
      if (wanted[i] == made[i]) continue;
      // What the next operator's windows begin with, if that is there.
      const int64_t base =
          i + 1 < links.size()
              ? std::min(made[i], links[i + 1].First(made[i + 1]))
              : made[i];
      parts.push_back({i, made[i], wanted[i], links[i].First(made[i]),
                       links[i].Last(wanted[i]), base});
      made[i] = wanted[i];
    }
  }
  return parts;
}

}  // namespace squint
