// Operators with windows, one behind the other, by bands of rows: each makes
// the rows that the next one's band asks for, once, and keeps those of its
// results that a later band reads again.
#ifndef SQUINT_OPS_ROW_BANDS_H_
#define SQUINT_OPS_ROW_BANDS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace squint {

// One operator along the height of its images. Every window meets its image.
struct RowWindow {
  int64_t in_h;
  int64_t out_h;
  int64_t span;    // input rows from a window's first to its last
  int64_t stride;  // from window to window
  int64_t pad;     // rows above the image

  // Input rows [First, Last) of the windows of results [begin, end).
  int64_t First(int64_t begin) const;
  int64_t Last(int64_t end) const;
};

// Results [begin, end) of operator `link`, from input rows [first, last). Of
// its results the ones from `base` on are kept until its next part.
struct BandPart {
  size_t link;
  int64_t begin, end;
  int64_t first, last;
  int64_t base;
};

// For results [begin, end) of the last operator, in the order in which the
// parts run: `rows` results at a time, fewer at the end.
std::vector<BandPart> PlanBands(std::span<const RowWindow> links, int64_t begin,
                                int64_t end, int64_t rows);

}  // namespace squint

#endif  // SQUINT_OPS_ROW_BANDS_H_
