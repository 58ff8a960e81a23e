"""Load, absorb, save changes no bit of what a quantized file computes: the
files that Squint writes of real models, for every target and mode. Other
tools' files of the same models: ../peers/absorb.py.

The models are found by SQUINT_SHARED, or beside the repository as ../shared;
without them everything is skipped, and says so.
usage: absorb_test.py SQUINT ROUND_TRIP WORK_FOLDER    (numpy)"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

import numpy as np

from model_inputs import INPUTS

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED") or
                      HERE.parent.parent.parent / "shared")
SQUINT = ROUND_TRIP = WORK = None
MODELS = ("arm_kws_gru_m", "arm_kws_lstm_s", "tiny_ad_fcae", "tiny_kws_dscnn")
WAYS = {
    **{target: ["--preset", target]
       for target in ("x86", "arm", "tensorrt", "squint", "edge")},
    "dynamic": ["--mode", "dynamic"],
    "int4": ["--mode", "weight-only", "--weights", "int4"],
    "int16": ["--preset", "edge", "--activations", "int16"],
}
FORMS = ("absorbed", "saved", "absorbed_again")


def run(*arguments):
    result = subprocess.run([str(a) for a in arguments], text=True,
                            capture_output=True, timeout=600)
    if result.returncode != 0:
        raise AssertionError(result.stdout + result.stderr)
    return result.stdout


class Absorb(unittest.TestCase):
    def check(self, stem):
        folder = WORK / stem
        folder.mkdir(parents=True, exist_ok=True)
        inputs = INPUTS[stem]()
        np.savez(folder / "samples.npz", **inputs)
        np.savez(folder / "one.npz", **{k: v[:1] for k, v in inputs.items()})
        model = SHARED / "data/models" / f"{stem}.onnx"
        for way, options in WAYS.items():
            with self.subTest(way=way):
                out = folder / f"{way}.onnx"
                run(SQUINT, "quantize", model, "--data",
                    folder / "samples.npz", "--no-compare", *options, "-o",
                    out)
                report = json.loads(run(ROUND_TRIP, folder / "again.onnx",
                                        out, folder / "one.npz"))
                self.assertTrue(report["nodes"])
                self.assertEqual([report[form] for form in FORMS],
                                 ["same"] * len(FORMS))


def add_tests():
    for stem in MODELS:
        if not (SHARED / "data/models" / f"{stem}.onnx").exists():
            print(f"absorb: skipped {stem}, not in {SHARED}/data/models")
            continue
        setattr(Absorb, f"test_{stem}",
                lambda self, stem=stem: self.check(stem))


if __name__ == "__main__":
    add_tests()
    SQUINT, ROUND_TRIP = map(os.path.abspath, sys.argv[1:3])
    WORK = pathlib.Path(sys.argv[3])
    unittest.main(argv=sys.argv[:1], verbosity=2)
