"""Builds the user's sources of CMSIS-NN for tests of emitted C that calls it."""
import pathlib
import re
import subprocess

LIBRARY = "libcmsis_nn.a"
# Folders of its Source, and what of them emitted C may reach.
SOURCES = ("ConvolutionFunctions/*_s8*.c", "FullyConnectedFunctions/*_s8*.c",
           "PoolingFunctions/*max_pool_s8*.c",
           "BasicMathFunctions/arm_elementwise_*_s8.c",
           "TransposeFunctions/*_s8.c", "NNSupportFunctions/*.c")
OTHERS = re.compile("_f16|_f32|_flt|lstm")
FLAGS = ("-std=c99", "-w", "-DCMSIS_NN_USE_SINGLE_ROUNDING", "-ffunction-sections",
         "-fdata-sections")


def include(sources):
    return pathlib.Path(sources) / "Include"


def build(sources, folder, compiler, *flags, ar="ar"):
    """Makes LIBRARY in this new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(f for pattern in SOURCES
                   for f in (pathlib.Path(sources) / "Source").glob(pattern)
                   if not OTHERS.search(f.name))
    subprocess.run([compiler, *FLAGS, *flags, "-I", include(sources), "-c",
                    *files], cwd=folder, check=True)
    subprocess.run([ar, "rcs", LIBRARY, *sorted(folder.glob("*.o"))],
                   cwd=folder, check=True)
