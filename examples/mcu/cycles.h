/* Instructions by the core's 24-bit timer. With `-icount shift=0` qemu lets a
   nanosecond pass for each instruction, and the boards' timer ticks every 40:
   exact to 40 instructions, and right up to 671 million. */
#ifndef CYCLES_H_
#define CYCLES_H_

#include <stdint.h>

#ifndef NANOSECONDS_PER_TICK
#define NANOSECONDS_PER_TICK 40u
#endif

static inline uint32_t cycles_now(void) {
  volatile uint32_t* const systick = (volatile uint32_t*)0xE000E010u;
  systick[1] = 0xFFFFFFu; /* reload */
  systick[0] = 5u;        /* on, by the core's clock, no interrupt */
  return systick[2];
}

/* The timer counts down. */
static inline uint32_t cycles_since(uint32_t before) {
  volatile uint32_t* const systick = (volatile uint32_t*)0xE000E010u;
  return ((before - systick[2]) & 0xFFFFFFu) * NANOSECONDS_PER_TICK;
}

#endif /* CYCLES_H_ */
