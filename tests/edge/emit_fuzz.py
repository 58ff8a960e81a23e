"""Random networks, emitted, compiled by every compiler at hand without
optimization and with all of it, and compared with the engine's fixed-point
arithmetic on the vectors that come with them.

Of many, those of a part go into one file, with the kernels once, so that each
compiler and level has to compile the kernels once a part; of few (--few), each
is compiled alone, as a user would, in turn by one compiler at one level.

usage: emit_fuzz.py EMIT_FUZZ [--count N] [--first SEED] [--few]
                    [--cmsis-nn FOLDER]"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import cmsis_nn

FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
         "-Werror")
NETWORK = "/* ---- the network */"  # behind the kernels of model.c
LEVELS = ("-O0", "-O3")
# Checks the scratch memory of calls of CMSIS-NN.
SCRATCH = pathlib.Path(__file__).resolve().parent / "cmsis_scratch.h"


def compilers():
    return [c for c in ("gcc", "clang") if shutil.which(c)] or ["cc"]


def variants():
    return [(c, level) for c in compilers() for level in LEVELS]


class Failure(Exception):
    pass


def run(*command):
    result = subprocess.run(command, text=True, capture_output=True)
    if result.returncode != 0:
        raise Failure(f"{' '.join(map(str, command[:3]))} ...\n"
                      f"{result.stdout}{result.stderr}")
    return result.stdout


class Fuzz:
    def __init__(self, arguments, work):
        self.emit_fuzz = arguments.emit_fuzz
        self.few = arguments.few
        self.work = work
        self.cmsis = arguments.cmsis_nn
        self.flags = list(FLAGS)
        if self.cmsis:
            self.flags += ["-isystem", cmsis_nn.include(self.cmsis)]
            for compiler, level in variants():
                cmsis_nn.build(self.cmsis, self.library(compiler, level),
                               compiler, level)

    def library(self, compiler, level):
        return self.work / f"cmsis_nn_{compiler}{level}"

    def libraries(self, compiler, level):
        return [self.library(compiler, level) / cmsis_nn.LIBRARY] if (
            self.cmsis) else []

    def alone(self, folder):
        """One network, as it was emitted."""
        seed = int(folder.name.split("_")[-1])
        compiler, level = variants()[seed % len(variants())]
        program = folder / "program"
        run(compiler, *self.flags, level,
            *[folder / f for f in ("main_test.c", "model.c", "weights.c")],
            *self.libraries(compiler, level), "-o", program, "-lm")
        if "all equal" not in run(program):
            raise Failure(f"{compiler} {level}")

    def together(self, part, folders):
        """Networks of a part: which ones differ, and where."""
        (part / "models.c").write_text(merged(part, folders, self.cmsis))
        (part / "weights.c").write_text("".join(
            f'#include "{f}/weights.c"\n' for f in folders))
        (part / "main.c").write_text(driver(folders))
        shared = [compiled(part / "weights.c"), compiled(part / "main.c")]
        for folder in folders:
            shared.append(compiled(folder / "main_test.c",
                                   f"-Dmain=main_{folder.name}"))
        failures = []
        for compiler, level in variants():
            program = part / "program"
            run(compiler, *self.flags, "-Wno-unused-function", level,
                part / "models.c", *shared, *self.libraries(compiler, level),
                "-o", program, "-lm")
            out = subprocess.run([program], text=True, capture_output=True)
            equal = out.stdout.count("all equal")
            if out.returncode != 0 or equal != len(folders):
                failures.append(f"{part.name} {compiler} {level}: {equal} of "
                                f"{len(folders)} equal\n{out.stdout}")
        return failures

    def check(self, part, folders):
        if not self.few:
            return self.together(part, folders)
        failures = []
        for folder in folders:
            try:
                self.alone(folder)
            except Failure as failure:
                failures.append(f"{folder.name}: {failure}")
        return failures

    def some(self, first, count):
        """Makes and checks networks of these seeds: how many, what is wrong."""
        part = self.work / f"from_{first}"
        part.mkdir()
        made = subprocess.run(
            [self.emit_fuzz, part, str(first), str(count),
             *(["cmsis-nn"] if self.cmsis else [])],
            text=True, stdout=subprocess.PIPE)
        failures = [made.stdout] if made.returncode else []
        folders = sorted(f for f in part.iterdir() if f.is_dir())
        try:
            failures += self.check(part, folders)
        except Failure as failure:
            failures.append(f"{part.name}: {failure}")
        if not failures:
            shutil.rmtree(part)
        return len(folders), failures


def merged(part, folders, has_cmsis):
    """All models of a part as one text."""
    text = "#include <stdint.h>\n#include <string.h>\n"
    if has_cmsis:
        text += f'#include "{SCRATCH}"\n'
    text += (part / "kernels.h").read_text()
    for folder in folders:
        network = (folder / "model.c").read_text().split(NETWORK)[1]
        names = re.findall(r"^static const \w+ (\w+)", network, re.M)
        if names:
            network = re.sub(rf"(?<!\.)\b({'|'.join(names)})\b",
                             rf"{folder.name}_\1", network)
        text += (f'#include "{folder}/model.h"\n'
                 f'#include "{folder}/weights.h"\n{network}')
    return text


def driver(folders):
    """A program that runs the tests of all networks."""
    names = [f"main_{folder.name}" for folder in folders]
    return ("".join(f"int {name}(void);\n" for name in names) +
            "int main(void) {\n  int wrong = 0;\n" +
            "".join(f"  wrong |= {name}();\n" for name in names) +
            "  return wrong;\n}\n")


def compiled(source, *flags):
    made = source.with_suffix(".o")
    run(compilers()[0], *FLAGS, *flags, "-c", source, "-o", made)
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("emit_fuzz")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--few", action="store_true")
    parser.add_argument("--cmsis-nn", type=os.path.abspath,
                        help="its sources, to call its kernels")
    arguments = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp())
    fuzz = Fuzz(arguments, work)
    end = arguments.first + arguments.count
    size = max(1, min(25, arguments.count // (2 * os.cpu_count())))
    total, failures = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = [pool.submit(fuzz.some, first, min(size, end - first))
                 for first in range(arguments.first, end, size)]
        for part in concurrent.futures.as_completed(parts):
            count, wrong = part.result()
            total += count
            failures += wrong
            print(*wrong, f"{total} of {arguments.count} networks, "
                  f"{len(failures)} failures", sep="\n", flush=True)
    print(f"{total} networks, {len(failures)} failures, compilers "
          f"{', '.join(compilers())}")
    if failures:
        print(f"kept in {work}")
    else:
        shutil.rmtree(work)
    return 1 if failures or total != arguments.count else 0


if __name__ == "__main__":
    sys.exit(main())
