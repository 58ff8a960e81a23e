/* Says which word each spectrogram of test_vectors.h holds, and what it cost.
 */
#include <stdio.h>
#include <string.h>

#include "cycles.h"
#include "model.h"
#include "test_vectors.h"

static int32_t arena[(KWS_ARENA_SIZE + 3) / 4];

/* The classes of MLPerf Tiny's keyword spotting, in its order. */
static const char* const words[] = {"down", "go",  "left",    "no",
                                    "off",  "on",  "right",   "stop",
                                    "up",   "yes", "silence", "unknown"};

int main(void) {
  for (int n = 0; n < TEST_VECTORS; ++n) {
    int8_t scores[KWS_IDENTITY_SIZE];
    const uint32_t before = cycles_now();
    kws_run(in_input_1 + n * KWS_INPUT_1_SIZE, scores, arena);
    const uint32_t spent = cycles_since(before);
    int best = 0;
    for (int i = 1; i < KWS_IDENTITY_SIZE; ++i) {
      if (scores[i] > scores[best]) best = i;
    }
    const int same = memcmp(scores, expected_identity + n * KWS_IDENTITY_SIZE,
                            KWS_IDENTITY_SIZE) == 0;
    printf("spectrogram %d: %s, about %lu instructions%s\n", n, words[best],
           (unsigned long)spent, same ? "" : ", NOT what the engine says");
  }
  return 0;
}
