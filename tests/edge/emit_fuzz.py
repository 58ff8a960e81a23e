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
                                program, "-lm"], text=True,
                               capture_output=True)
        if built.returncode != 0:
            return f"{folder.name} {compiler} {level}: {built.stderr}"
        ran = subprocess.run([program], text=True, capture_output=True)
        if ran.returncode != 0 or "all equal" not in ran.stdout:
            return f"{folder.name} {compiler} {level}: {ran.stdout}"
    shutil.rmtree(folder)
    return ""


def some(arguments, work, first, count):
    """Makes and checks networks of these seeds: how many, what is wrong."""
    folder = work / f"from_{first}"
    folder.mkdir()
    made = subprocess.run([arguments.emit_fuzz, folder, str(first), str(count)],
                          text=True, stdout=subprocess.PIPE)
    failures = [made.stdout] if made.returncode else []
    folders = sorted(folder.iterdir())
    for network in folders:
        seed = int(network.name.split("_")[-1])
        failures.append(check(network, seed, arguments.few))
    failures = [f for f in failures if f]
    if not failures:
        folder.rmdir()
    return len(folders), failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("emit_fuzz")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--few", action="store_true")
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp())
    end = arguments.first + arguments.count
    size = max(1, min(25, arguments.count // (2 * os.cpu_count())))
    total, failures = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = [pool.submit(some, arguments, work, first,
                             min(size, end - first))
                 for first in range(arguments.first, end, size)]
        for part in concurrent.futures.as_completed(parts):
            count, wrong = part.result()
            total += count
            failures += wrong
            print(*wrong, f"{total} of {arguments.count} networks, "
                  f"{len(failures)} failures", sep="\n", flush=True)
    print(f"{total} networks, {len(failures)} differ, compilers "
          f"{', '.join(compilers())}")
    if failures:
        print(f"kept in {work}")
    else:
        shutil.rmtree(work)
    return 1 if failures or total != arguments.count else 0


if __name__ == "__main__":
    sys.exit(main())
