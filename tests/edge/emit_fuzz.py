"""Random networks, emitted, compiled by every compiler at hand without
optimization and with all of it, and compared with the engine's fixed-point
arithmetic on the vectors that come with them.

usage: emit_fuzz.py EMIT_FUZZ [--count N] [--first SEED]"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
         "-Werror")


def compilers():
    return [c for c in ("gcc", "clang") if shutil.which(c)] or ["cc"]


def variants(index, few):
    """All compilers and levels; of a short run one each in turn."""
    every = [(c, level) for c in compilers() for level in ("-O0", "-O3")]
    return [every[index % len(every)]] if few else every


def check(folder, index, few):
    """What is wrong with one network; "" where nothing is."""
    sources = [folder / f for f in ("main_test.c", "model.c", "weights.c")]
    program = folder / "program"
    for compiler, level in variants(index, few):
        built = subprocess.run([compiler, *FLAGS, level, *sources, "-o",
                                program], text=True, capture_output=True)
        if built.returncode != 0:
            return f"{folder.name} {compiler} {level}: {built.stderr}"
        ran = subprocess.run([program], text=True, capture_output=True)
        if ran.returncode != 0 or "all equal" not in ran.stdout:
            return f"{folder.name} {compiler} {level}: {ran.stdout}"
    shutil.rmtree(folder)
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("emit_fuzz")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--few", action="store_true")
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp())
    made = subprocess.run([arguments.emit_fuzz, work, str(arguments.first),
                           str(arguments.count)], text=True,
                          stdout=subprocess.PIPE)
    folders = sorted(work.iterdir())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = [f for f in pool.map(
            lambda pair: check(pair[1], pair[0], arguments.few),
            enumerate(folders)) if f]
    print(made.stdout, *failures, sep="\n")
    print(f"{len(folders)} networks, {len(failures)} differ, compilers "
          f"{', '.join(compilers())}")
    if failures:
        print(f"kept in {work}")
    else:
        shutil.rmtree(work)
    return 1 if failures or made.returncode or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
