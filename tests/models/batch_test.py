"""A sample's result does not depend on those beside it: every real model, its
int8 file and its int4 weight-only file give the same bytes for it in batches
of 1, 3 and 8, by the fast execution and by the reference, on one thread and
on two.

The models are found by SQUINT_SHARED, or beside the repository as ../shared;
without them everything is skipped, and says so.
usage: batch_test.py SQUINT WORK_FOLDER [--all]    (numpy)"""
import os
import pathlib
import subprocess
import sys
import unittest

import numpy as np

from model_inputs import INPUTS
from symbolic_batch import symbolic_batch

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED") or
                      HERE.parent.parent.parent / "shared")
SQUINT = WORK = None
FIXED = {"mnist_cntk", "ultraface_rfb320"}  # to a batch of 1, in their files
MATRICES = {"chargpt", "minilm_l6_v5539", "mnist_cntk", "tiny_ad_fcae"}
# Large enough to be left to --all.
SLOW = {"chargpt", "efficientnet_lite0", "minilm_l6_v5539", "ppocrv4_det",
        "ultraface_rfb320"}
EXECUTIONS = (["--threads", "1"], ["--threads", "2"], ["--reference"])
# Rows of the batch of 8 that are run again: alone, and three together.
PARTS = ((0, 1), (7, 8), (2, 5))


def squint(*arguments):
    result = subprocess.run([SQUINT, *map(str, arguments)], text=True,
                            capture_output=True, timeout=600)
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: {result.stderr}")


def run(model, execution, inputs, folder):
    np.savez(folder / "in.npz", **inputs)
    squint("run", model, "--input", folder / "in.npz", "--output",
           folder / "out.npz", *execution)
    outputs = np.load(folder / "out.npz")
    return [outputs[name] for name in outputs.files]


def variants(stem, folder, inputs):
    """The float model and the files that Squint makes of it."""
    path = folder / "float.onnx"
    data = (SHARED / "data/models" / f"{stem}.onnx").read_bytes()
    path.write_bytes(symbolic_batch(data) if stem in FIXED else data)
    yield "float", path
    np.savez(folder / "samples.npz", **inputs)
    squint("quantize", path, "--data", folder / "samples.npz", "--no-compare",
           "-o", folder / "int8.onnx")
    yield "int8", folder / "int8.onnx"
    if stem in MATRICES:
        squint("quantize", path, "--mode", "weight-only", "--weights", "int4",
               "-o", folder / "int4.onnx")
        yield "int4 weights", folder / "int4.onnx"


class Batch(unittest.TestCase):
    def check(self, stem):
        folder = WORK / stem
        folder.mkdir(parents=True, exist_ok=True)
        inputs = INPUTS[stem]()
        for what, model in variants(stem, folder, inputs):
            for execution in EXECUTIONS:
                with self.subTest(file=what, execution=execution):
                    self.check_parts(model, execution, inputs, folder)

    def check_parts(self, model, execution, inputs, folder):
        whole = run(model, execution, inputs, folder)
        for begin, end in PARTS:
            part = {k: v[begin:end] for k, v in inputs.items()}
            for got, all_of in zip(run(model, execution, part, folder), whole):
                want = np.ascontiguousarray(all_of[begin:end])
                self.assertEqual(got.shape, want.shape)
                different = np.count_nonzero(
                    got.view(np.uint32) != want.view(np.uint32))
                self.assertEqual(different, 0,
                                 f"samples {begin}:{end}, of {got.size}")


def add_tests(everything):
    for stem in INPUTS:
        if not (SHARED / "data/models" / f"{stem}.onnx").exists():
            print(f"batch: skipped {stem}, not in {SHARED}/data/models")
        elif everything or stem not in SLOW:
            setattr(Batch, f"test_{stem}",
                    lambda self, stem=stem: self.check(stem))


if __name__ == "__main__":
    add_tests("--all" in sys.argv)
    SQUINT = os.path.abspath(sys.argv[1])
    WORK = pathlib.Path(sys.argv[2])
    unittest.main(argv=sys.argv[:1], verbosity=2)
