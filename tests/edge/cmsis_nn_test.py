"""Emitted C that calls CMSIS-NN: the MLPerf Tiny networks over the whole
evaluation split on the host and over a part of it on emulated Cortex-M4 and
M55, and random networks, give the engine's bytes. Prints sizes and
instructions beside those of our own kernels, as in docs/edge.md.

CMSIS-NN_FOLDER has the user's sources of CMSIS-NN (the CMake variable
SQUINT_CMSIS_NN_DIR); "" or no data: everything is skipped, and says so.
usage: cmsis_nn_test.py SQUINT EDGE_VECTORS EMIT_FUZZ WORK_FOLDER
                        CMSIS-NN_FOLDER    (numpy)"""
import json
import os
import pathlib
import re
import shutil
import sys
import unittest

import cmsis_nn
import edge_test as edge

SOURCES = None
NETWORKS = [stem for stem in edge.NETWORKS if stem.startswith("tiny_")
            and not any(stem.endswith(v) for v in edge.VARIANTS)]
RANDOM_ON_HOST, RANDOM_ON_BOARDS = 50, 30


class CmsisBoard(edge.Board):
    """A network and the part of CMSIS-NN that it calls, for one core."""

    def __init__(self, name, out):
        super().__init__(name, out, "-isystem", cmsis_nn.include(SOURCES))
        library = edge.WORK / f"cmsis_nn_{name}"
        if not library.exists():
            cmsis_nn.build(SOURCES, library, "arm-none-eabi-gcc",
                           *edge.CPU[name], "-O2", "-fstack-usage",
                           ar="arm-none-eabi-ar")
        self.library = library
        self.libraries = [library / cmsis_nn.LIBRARY, "-Wl,--gc-sections"]

    def link(self, function):
        """The code that this function of the network reaches, as one object."""
        self.code = self.folder / "code.o"
        edge.run("arm-none-eabi-gcc", *edge.CPU[self.name], "-r", "-nostdlib",
                 "-Wl,--gc-sections", f"-Wl,-e,{function}",
                 self.folder / "model.o", self.libraries[0], "-o", self.code)

    def stack(self):
        """Frames of net_run, of a function that calls CMSIS-NN, and of the
        three deepest of the latter, which never call one another further."""
        symbols = edge.run("arm-none-eabi-nm", self.code).split()
        def frames(paths):
            rows = [line.split("\t") for path in paths
                    for line in path.read_text().splitlines()]
            sizes = {place.split(":")[-1]: int(size) for place, size, _ in rows}
            return {name: size for name, size in sizes.items()
                    if name in symbols}
        own = frames([self.folder / "model.su"])
        theirs = frames(self.library.glob("*.su"))
        return (own.pop("net_run") + max(own.values(), default=0) +
                sum(sorted(theirs.values())[-3:]))


class CmsisNn(unittest.TestCase):
    def on_host(self, out):
        """On this machine, with the check of scratch memory."""
        library = edge.WORK / "cmsis_nn_host"
        if not library.exists():
            cmsis_nn.build(SOURCES, library, "cc", "-O2")
        include = ("-isystem", cmsis_nn.include(SOURCES))
        program = out / "vectors_cc"
        model = out / "model_checked.o"
        edge.run("cc", *edge.FLAGS, "-O2", *include, "-include",
                 edge.HERE / "cmsis_scratch.h", "-c", out / "model.c", "-o",
                 model)
        edge.run("cc", *edge.FLAGS, "-O2", *edge.port_macros(out), "-I", out,
                 edge.HERE / "run_vectors.c", model, out / "weights.c",
                 library / cmsis_nn.LIBRARY, "-o", program)
        return edge.run(program, cwd=out)

    def check(self, stem):
        task, _, few = edge.NETWORKS[stem]
        out, quantized = edge.emit(stem, kernels="cmsis-nn")
        self.assertIn("arm_nnfunctions.h", (out / "model.c").read_text())
        report = json.loads((out / "memory.json").read_text())
        count = edge.run(edge.VECTORS, quantized, edge.data(task, "eval"),
                         out).strip()
        out.joinpath("count").write_text(count)
        self.assertIn(f"{count} samples, 0 bytes differ", self.on_host(out))
        for name in edge.BOARDS:
            board = CmsisBoard(name, out)
            text = board.vectors(few)
            self.assertIn(f"{few} samples, 0 bytes differ", text)
            board.link("net_run")
            self.assertEqual([u for u in board.undefined()
                              if edge.HELPERS.match(u)], [])
            self.assertEqual(board.float_instructions(), [])
            stack = board.stack()
            self.assertLessEqual(stack, report["ram"]["stack_bound"])
            sizes = board.sizes()
            self.assertLess(sizes["text"], report["flash"]["code_bound"])
            instructions = int(re.search(r"(\d+) instructions", text)[1])
            print("|", " | ".join(map(str, (
                out.name, name, sizes["text"], sizes["rodata"],
                report["flash"]["weights"], report["ram"]["arena"], stack,
                instructions, report["macs"]))), "|", flush=True)

    def test_random_networks_give_the_bytes_of_the_engine(self):
        edge.run(sys.executable, edge.HERE / "emit_fuzz.py", edge.FUZZ,
                 "--count", RANDOM_ON_HOST, "--cmsis-nn", SOURCES)

    def test_random_networks_give_the_bytes_of_the_engine_on_boards(self):
        folder = edge.WORK / "random_cmsis_nn"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        edge.run(edge.FUZZ, folder, 1, RANDOM_ON_BOARDS, "cmsis-nn")
        for network in sorted(folder.glob("seed_*")):
            for name in edge.BOARDS:
                board = CmsisBoard(name, network)
                self.assertIn("all equal",
                              board.emulate(network / "main_test.c"),
                              f"{network.name} {name}")


def add_tests():
    why = edge.missing() or (
        None if SOURCES else "SQUINT_CMSIS_NN_DIR names no sources")
    if why:
        print(f"cmsis_nn: skipped, {why}")
        for name in list(vars(CmsisNn)):
            if name.startswith("test_"):
                delattr(CmsisNn, name)
        return
    print("| network | core | text | rodata | weights | arena | stack | "
          "instructions | MACs |")
    for stem in NETWORKS:
        setattr(CmsisNn, f"test_{stem}",
                lambda self, stem=stem: self.check(stem))


if __name__ == "__main__":
    edge.SQUINT, edge.VECTORS, edge.FUZZ = map(os.path.abspath, sys.argv[1:4])
    edge.WORK = pathlib.Path(sys.argv[4]).absolute()
    edge.WORK.mkdir(parents=True, exist_ok=True)
    SOURCES = sys.argv[5] and os.path.abspath(sys.argv[5])
    for built in edge.WORK.glob("cmsis_nn_*"):
        shutil.rmtree(built)
    add_tests()
    unittest.main(argv=sys.argv[:1] + sys.argv[6:], verbosity=2)
