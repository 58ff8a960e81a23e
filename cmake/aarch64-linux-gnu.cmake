# Toolchain: aarch64 Linux from Debian on another machine, with the packages of
# `scripts/setup.sh aarch64`. Libraries and their descriptions are those of the
# multiarch folder; programs, this machine's own. What was built runs in qemu:
# the environment's QEMU_CPU says on which CPU.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
# Its notes on what g++ 10 changed in passing pairs of floats.
set(CMAKE_CXX_FLAGS_INIT -Wno-psabi)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set(ENV{PKG_CONFIG_LIBDIR}
    /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
