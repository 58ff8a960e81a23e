# Boards that qemu emulates: compiler flags, memory, machine.
#   mps2-an385 Cortex-M3, mps2-an386 Cortex-M4, mps2-an500 Cortex-M7,
#   mps3-an547 Cortex-M55 with Helium
BOARD ?= mps2-an386

mcu_mps2-an385 := -mcpu=cortex-m3
mcu_mps2-an386 := -mcpu=cortex-m4 -mfloat-abi=soft
mcu_mps2-an500 := -mcpu=cortex-m7 -mfloat-abi=soft
mcu_mps3-an547 := -mcpu=cortex-m55 -mfloat-abi=hard

# WORD=VALUE of memory.ld
memory_mps2 := FLASH_ORIGIN=0x00000000 FLASH_SIZE=4M \
               RAM_ORIGIN=0x20000000 RAM_SIZE=4M
memory_mps3 := FLASH_ORIGIN=0x00000000 FLASH_SIZE=512K \
               RAM_ORIGIN=0x21000000 RAM_SIZE=2M

CC_MCU := arm-none-eabi-gcc
MCU := $(mcu_$(BOARD))
MEMORY := $(memory_$(firstword $(subst -, ,$(BOARD))))
