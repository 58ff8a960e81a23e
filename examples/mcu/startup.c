/* What stands between reset and main on a Cortex-M board of qemu: the vector
   table, memory as C expects it, the end of the program. Output goes to the
   debugger by semihosting, which newlib's rdimon library speaks. */
#include <stdint.h>
#include <stdlib.h>

extern uint32_t stack_top, data_load, data_begin, data_end, bss_begin, bss_end;
extern int main(void);
extern void initialise_monitor_handles(void);

void reset_handler(void);
void fault_handler(void);

/* Of the hardware the stack pointer and the first handlers. */
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    (uintptr_t)&stack_top,    (uintptr_t)reset_handler,
    (uintptr_t)fault_handler, (uintptr_t)fault_handler,
    (uintptr_t)fault_handler, (uintptr_t)fault_handler,
    (uintptr_t)fault_handler};

#if defined(__ARM_FEATURE_MVE) || defined(__ARM_FP)
/* The vector and floating-point registers are off after reset. */
static void enable_coprocessor(void) {
  volatile uint32_t* const cpacr = (volatile uint32_t*)0xE000ED88u;
  *cpacr |= 0xFu << 20;
  __asm volatile("dsb\n\tisb" ::: "memory");
}
#else
static void enable_coprocessor(void) {}
#endif

void reset_handler(void) {
  const uint32_t* from = &data_load;
  for (uint32_t* to = &data_begin; to < &data_end; ++to) *to = *from++;
  for (uint32_t* to = &bss_begin; to < &bss_end; ++to) *to = 0;
  enable_coprocessor();
  initialise_monitor_handles();
  exit(main());
}

/* Ends the emulation with an error: SYS_EXIT, "run time error". */
void fault_handler(void) {
  register int operation __asm("r0") = 0x18;
  register int reason __asm("r1") = 0x20023;
  __asm volatile("bkpt 0xAB" : : "r"(operation), "r"(reason) : "memory");
  for (;;) {
  }
}

/* newlib asks for them; there is nothing to set up. */
void _init(void) {}
void _fini(void) {}
