/* Runs an emitted network over the samples of inputs.bin and compares with
   expected.bin. Prints how many samples there were, how many bytes differ, and
   the instructions of the first run where the board counts them.

   Compiled with MODEL_IN_SIZE and MODEL_OUT_SIZE, the bytes of all inputs and
   of all outputs, which follow each other in x and y, where numbers of 16 bits
   may lie, and MODEL_PORTS, the arguments of net_run that they are. With
   MODEL_RUNS a sample takes so many runs, number `run` with the arguments
   MODEL_PORTS. */
#include <stdio.h>
#include <string.h>

#ifdef ON_BOARD
#include "cycles.h"
#endif
#include "model.h"

#ifndef MODEL_RUNS
#define MODEL_RUNS 1
#endif
#ifdef NET_STATE_SIZE
static net_state state;
#define STATE &state,
#define RESET() net_reset(&state)
#else
#define STATE
#define RESET() (void)0
#endif

static int16_t x_memory[(MODEL_IN_SIZE + 1) / 2];
static int16_t y_memory[(MODEL_OUT_SIZE + 1) / 2];
static int8_t* const x = (int8_t*)x_memory;
static int8_t* const y = (int8_t*)y_memory;
static int8_t expected[MODEL_OUT_SIZE];
static int32_t arena[(NET_ARENA_SIZE + 3) / 4];

static void run_sample(void) {
  RESET();
  for (int run = 0; run < MODEL_RUNS; ++run) net_run(MODEL_PORTS, STATE arena);
}

int main(void) {
  FILE* const inputs = fopen("inputs.bin", "rb");
  FILE* const results = fopen("expected.bin", "rb");
  long samples = 0, wrong = 0;
  unsigned long instructions = 0;
  if (inputs == NULL || results == NULL) return 1;
  while (fread(x, 1, MODEL_IN_SIZE, inputs) == MODEL_IN_SIZE &&
         fread(expected, 1, sizeof expected, results) == sizeof expected) {
#ifdef ON_BOARD
    const uint32_t before = cycles_now();
    run_sample();
    if (samples == 0) instructions = cycles_since(before);
#else
    run_sample();
#endif
    for (unsigned i = 0; i < MODEL_OUT_SIZE; ++i) wrong += y[i] != expected[i];
    ++samples;
  }
  printf("%ld samples, %ld bytes differ, %lu instructions\n", samples, wrong,
         instructions);
  return wrong == 0 && samples > 0 ? 0 : 1;
}
