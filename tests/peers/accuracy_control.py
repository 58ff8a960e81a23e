#!/usr/bin/env python3
"""A budget, reached by `squint quantize --max-drop` and by NNCF's
quantize_with_accuracy_control: same float network, same samples that
calibrate and that judge, same metric (decisions equal to the float network's),
same drop.

Samples are the calibration split: even ones calibrate, odd ones judge. Only
at the end are both files run on the evaluation split, in ONNX Runtime. What is
counted: trials (networks judged), networks made to rank layers, wall and
processor seconds of the search, bytes, and whether it was met.
needs: numpy, Pillow, onnx, onnxruntime, nncf.
usage: accuracy_control.py SQUINT DATA OUT.md [--only STEM] [--tool TOOL]"""
import argparse
import json
import logging
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnx
import onnxruntime

from real_samples import module_of

# Stem, task, drop (share of decisions), Squint's flags, NNCF's weights per
# channel. NNCF has 8 bits and no fewer.
CASES = [
    ("efficientnet_lite0", "imagenet224", 0.02, ["--per-tensor"], False),
    ("resnet20_cifar10_rawexport", "cifar10", 0.01, ["--weights", "int4"],
     True),
    ("tiny_ic_resnet8", "cifar10_tiny", 0.02, ["--weights", "int4"], True),
    ("tiny_kws_dscnn", "kws", 0.01, ["--weights", "int4"], True),
]


def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # No saturation of int16 sums on processors without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    source = model if isinstance(model, (str, bytes)) else (
        model.SerializeToString())
    return onnxruntime.InferenceSession(source, options,
                                        providers=["CPUExecutionProvider"])


def outputs(model, samples):
    run = session(model)
    name = run.get_inputs()[0].name
    return [run.run(None, {name: x})[0] for x in samples]


def decisions(model, samples):
    return np.array([y.argmax() for y in outputs(model, samples)])


class Case:
    def __init__(self, data, entry):
        self.stem, task, self.drop, self.flags, self.per_channel = entry
        self.path = data / "models" / f"{self.stem}.onnx"
        evaluation = module_of("squint_eval", data / "eval.py")
        load = evaluation.TASKS[task]()[0]
        x = load("cal")[0]
        self.calibrating = self.singles(x[::2])
        self.judging = self.singles(x[1::2])
        self.load = load
        self.reference = None  # decisions on the evaluation split

    @staticmethod
    def singles(x):
        return [x[i:i + 1].astype(np.float32) for i in range(len(x))]

    def on_evaluation(self, model):
        """(change of top-1 in points, two paired standard errors, agreement)"""
        x, y = self.load("eval")[:2]
        x = self.singles(x)
        if self.reference is None:
            self.reference = decisions(str(self.path), x)
        found = decisions(model, x)
        change = (found == y).astype(float) - (self.reference == y)
        error = 2 * change.std() / len(change)**0.5
        return (100 * change.mean(), 100 * error,
                (found == self.reference).mean())


def processor_seconds():
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (own.ru_utime + own.ru_stime + children.ru_utime +
            children.ru_stime)


class Timed:
    def __enter__(self):
        self.wall, self.processor = time.monotonic(), processor_seconds()
        return self

    def __exit__(self, *_):
        self.wall = time.monotonic() - self.wall
        self.processor = processor_seconds() - self.processor


def dataset(folder, name, samples):
    np.save(folder / f"{name}.npy", np.concatenate(samples))
    path = folder / f"{name}.json"
    path.write_text(json.dumps({
        "format": "squint-dataset", "version": 1, "name": name,
        "input": {"file": f"{name}.npy",
                  "reshape": list(samples[0].shape)}}))
    return str(path)


def by_squint(case, squint, folder):
    out = folder / "squint.onnx"
    command = [
        squint, "quantize", str(case.path), "--data",
        dataset(folder, "calibrate", case.calibrating), "--judge-data",
        dataset(folder, "judge", case.judging), "--metric", "agreement",
        "--max-drop", str(case.drop), *case.flags, "-o", str(out),
        "--no-compare", "--json"]
    with Timed() as timed:
        run = subprocess.run(command, capture_output=True, text=True,
                             check=False)
    if run.returncode not in (0, 3):
        raise RuntimeError(run.stderr.strip().splitlines()[-1])
    record = json.loads(pathlib.Path(f"{out}.trials.json").read_text())
    trials = record["trials"]
    return {"tool": "Squint " + " ".join(case.flags), "timed": timed,
            "first": trials[0]["metric"], "trials": len(trials),
            "ranked": len(record["ranking"]),
            "met": json.loads(run.stdout)["budget_met"], "file": out}


class NncfLog(logging.Handler):
    """What the tool says of itself."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def by_nncf(case, folder):
    import nncf
    from nncf.common.logging.logger import nncf_logger
    from nncf.quantization import advanced_parameters as advanced
    reference = decisions(str(case.path), case.judging)
    name = session(str(case.path)).get_inputs()[0].name
    feeds = [{name: x} for x in case.calibrating]
    judges = [{name: x, "index": i} for i, x in enumerate(case.judging)]
    counts = {"judged": 0}
    metrics = []

    def validate(model, items):
        run = session(model)
        same = []
        for item in items:
            y = run.run(None, {name: item[name]})[0]
            same.append(float(y.argmax() == reference[item["index"]]))
        if len(same) == len(judges):
            counts["judged"] += 1
            metrics.append(float(np.mean(same)))
        # Its ONNX part ranks by the metric of samples, not by their outputs.
        return float(np.mean(same)), same

    def network_input(item):
        return {name: item[name]}

    log = NncfLog()
    nncf_logger.addHandler(log)
    nncf_logger.propagate = False
    parameters = advanced.AdvancedQuantizationParameters(
        weights_quantization_params=advanced.QuantizationParameters(
            per_channel=case.per_channel))
    out = folder / "nncf.onnx"
    with Timed() as timed:
        model = nncf.quantize_with_accuracy_control(
            onnx.load(case.path), nncf.Dataset(feeds),
            nncf.Dataset(judges, network_input), validate,
            max_drop=case.drop,
            drop_type=nncf.DropType.ABSOLUTE,
            advanced_quantization_parameters=parameters)
        onnx.save(model, out)
    text = "\n".join(log.lines)
    ranked = re.findall(r"Total number of quantized operations.*: (\d+)", text)
    # The first judged is the float network.
    return {"tool": "NNCF int8" + ("" if case.per_channel else " per tensor"),
            "timed": timed, "first": metrics[1],
            "trials": counts["judged"] - 1,
            "ranked": int(ranked[0]) if ranked else 0,
            "met": metrics[-1] >= metrics[0] - case.drop, "file": out}


def row_of(case, found):
    change, error, agreement = case.on_evaluation(str(found["file"]))
    timed = found["timed"]
    return (f"| {case.stem} | {found['tool']} | {100 * case.drop:g} | "
            f"{100 * (1 - found['first']):.1f} | "
            f"{'yes' if found['met'] else 'no'} | {found['trials']} | "
            f"{found['ranked']} | {timed.wall:.0f} | {timed.processor:.0f} | "
            f"{os.path.getsize(found['file']):,} | {100 * (1 - agreement):.1f}"
            f" | {change:+.2f} ±{error:.1f} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("squint")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--tool", choices=["squint", "nncf"])
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    for entry in CASES:
        if args.only not in entry[0]:
            continue
        case = Case(args.data, entry)
        for tool in ([args.tool] if args.tool else ["squint", "nncf"]):
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                found = (by_squint(case, args.squint, folder)
                         if tool == "squint" else by_nncf(case, folder))
                row = row_of(case, found)
            print(row, flush=True)
            with args.out.open("a") as out:
                out.write(row + "\n")


if __name__ == "__main__":
    sys.exit(main())
