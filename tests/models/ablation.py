#!/usr/bin/env python3
"""Each method alone, on real models: what it is worth.

usage: ablation.py SQUINT DATA UNPACKED [--model STEM:TASK ...] [--row NAME ...]
                   [--fit]

DATA has models/, UNPACKED what unpack.py made of it. Every row is a set of
flags of `squint quantize`; the file that comes out is run by `squint eval` on
the evaluation split. With --fit, evaluation data are not touched: ranges come
from the first half of the calibration split, and the figure is the SQNR (dB)
on the second half. That is what defaults are chosen by.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

MODELS = ["efficientnet_lite0:imagenet224", "resnet20_cifar10_rawexport:cifar10",
          "tiny_vww_mobilenet:vww", "minilm_l6_v5539:sts",
          "ppocrv4_det:ocrdet"]

ROUNDING = ["--enable", "weight-rounding"]
NO_ROUNDING = ["--disable", "weight-rounding"]
ROWS = {
    "default": [],
    "without bias-correction": ["--disable", "bias-correction"],
    "equalization": ["--enable", "equalization"],
    "bias-absorption": ["--enable", "bias-absorption"],
    "weight-scales": ["--enable", "weight-scales"],
    "weight-rounding": ROUNDING,
    "per tensor, plain": ["--per-tensor"] + NO_ROUNDING +
                         ["--disable", "equalization"],
    "per tensor, equalization": ["--per-tensor"] + NO_ROUNDING +
                                ["--enable", "equalization"],
    "per tensor, weight-scales": ["--per-tensor"] + NO_ROUNDING +
                                 ["--enable", "weight-scales"],
    "per tensor, weight-rounding": ["--per-tensor"] + ROUNDING +
                                   ["--disable", "equalization"],
    "per tensor, both": ["--per-tensor"] + ROUNDING +
                        ["--enable", "equalization"],
    "W6A8, plain": ["--weights", "int6"] + NO_ROUNDING,
    "W6A8, weight-rounding": ["--weights", "int6"] + ROUNDING,
    "W4A8, plain": ["--weights", "int4"] + NO_ROUNDING,
    "W4A8, plain, edges too": ["--weights", "int4", "--edges-as-others"] +
                              NO_ROUNDING,
    "W4A8, weight-rounding": ["--weights", "int4"] + ROUNDING,
    "data-free": None,
}


def call(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip().splitlines()[-1])
    return json.loads(run.stdout)


class Case:
    """One model with its data, and the float network's figures."""

    def __init__(self, args, stem, task):
        self.squint, self.fit = args.squint, args.fit
        self.model = str(args.data / "models" / f"{stem}.onnx")
        self.task = args.unpacked / task
        self.samples = int(self.evaluate(self.model, "cal")["samples"])
        self.float = None if args.fit else self.evaluate(self.model, "eval")

    def evaluate(self, model, split):
        return call(self.squint, "eval", model, "--data",
                    str(self.task / f"{split}.json"), "--json")

    def quantize(self, flags, out):
        cal = ["--data", str(self.task / "cal.json")]
        if flags is None:
            cal, flags = ["--no-data"], []
        elif self.fit:
            cal += ["--samples", f"0:{self.samples // 2}"]
        call(self.squint, "quantize", self.model, *cal, *flags, "-o", out,
             "--no-compare", "--json")

    def figure(self, flags):
        with tempfile.TemporaryDirectory() as folder:
            out = f"{folder}/q.onnx"
            self.quantize(flags, out)
            if self.fit:
                half = f"{self.samples // 2}:{self.samples}"
                found = call(self.squint, "compare", self.model, out, "--data",
                             str(self.task / "cal.json"), "--samples", half,
                             "--json")
                return f"{min(o['sqnr'] for o in found['outputs']):.1f}"
            return self.against_float(self.evaluate(out, "eval"))

    def against_float(self, found):
        """The metric, its change, two paired standard errors, and flips."""
        scale = 100 if found["value"] <= 1 else 1
        text = (f"{found['value'] * scale:.2f} "
                f"({(found['value'] - self.float['value']) * scale:+.2f}")
        a, b = self.float.get("per_sample"), found.get("per_sample")
        if a and b and len(a) == len(b) and found["metric"] == "top1":
            changes = [y - x for x, y in zip(a, b)]
            mean = sum(changes) / len(changes)
            variance = sum((c - mean)**2 for c in changes) / len(changes)
            error = 2 * (variance / len(changes))**0.5
            flips = sum(c != 0 for c in changes)
            text += f" ±{error * scale:.1f}) {flips}f"
        else:
            text += ")"
        return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("squint")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("unpacked", type=pathlib.Path)
    parser.add_argument("--model", action="append")
    parser.add_argument("--row", action="append")
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    for entry in args.model or MODELS:
        stem, task = entry.split(":")
        case = Case(args, stem, task)
        real = "" if args.fit else f", float {case.float['value']:.4f}"
        print(f"\n| {stem}{real} | |\n|---|---|", flush=True)
        for name in args.row or ROWS:
            try:
                print(f"| {name} | {case.figure(ROWS[name])} |", flush=True)
            except RuntimeError as error:
                print(f"| {name} | {error} |", flush=True)


if __name__ == "__main__":
    main()
