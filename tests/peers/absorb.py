"""Load, absorb, save on other quantizers' files (those of peer_files.py and
any other WORK/STEM/RECIPE.onnx): is each bit-identical under the reference
interpreter to the file as it was written? Prints what is not, and a table by
recipe; with --ort also how far the integer reading (`squint run --reference`)
is from ONNX Runtime's integer kernels. A file that neither Squint nor ONNX
Runtime runs is broken, and no failure.
needs: numpy, onnxruntime.
usage: absorb.py ROUND_TRIP WORK [--only PART] [--out TABLE.md]
                 [--ort SQUINT] [STEM ...]"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

FORMS = ("absorbed", "saved", "absorbed_again")
BIG = 4 << 20  # files of more bytes are checked on one sample


def cases(work, stems, part):
    for folder in sorted(work.iterdir()):
        if not folder.is_dir() or (stems and folder.name not in stems):
            continue
        for path in sorted(folder.glob("*.onnx")):
            if part in path.stem and not path.stem.startswith(("pre", "part")):
                yield path


def check(program, path, scratch):
    samples = sorted(path.parent.glob("sample*.npz"))
    if path.stat().st_size > BIG:
        samples = samples[:1]
    result = subprocess.run(
        [program, scratch / "again.onnx", path, *samples], text=True,
        capture_output=True)
    try:
        return json.loads(result.stdout)
    except ValueError:
        return {"error": f"exit code {result.returncode}: {result.stderr}"}


def verdict(report):
    if "error" in report:
        return report["error"]
    wrong = [f"{form}: {report[form]}" for form in FORMS
             if report[form] != "same"]
    return "; ".join(wrong) or "same"


def peer_outputs(path, feed, **entries):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    for key, value in entries.items():
        options.add_session_config_entry(f"session.{key}", value)
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def peer_refuses(path, sample):
    """Its words, or None where it runs the file one way or the other."""
    try:
        peer_outputs(path, sample)
    except Exception as error:  # of any kind: the peer's
        return str(error).splitlines()[0]
    return None


def distance(squint, path, scratch):
    """(largest difference of an output by its largest magnitude, share of
    equal elements) on the first sample, or the peer's error."""
    sample = path.parent / "sample0.npz"
    try:
        # int8 weights saturate on machines without VNNI otherwise.
        theirs = peer_outputs(path, dict(np.load(sample)),
                              x64quantprecision="1", qdqisint8allowed="1")
    except Exception as error:  # of any kind: the peer's
        return str(error).splitlines()[0][:100]
    out = scratch / "y.npz"
    subprocess.run([squint, "run", path, "--reference", "--input", sample,
                    "--output", out], check=True, stdout=subprocess.DEVNULL)
    ours = np.load(out)
    worst, same, all_elements = 0.0, 0, 0
    for mine, other in zip((ours[name] for name in ours.files), theirs):
        difference = np.abs(mine.astype(np.float64) - other)
        worst = max(worst, difference.max(initial=0) /
                    max(np.abs(other).max(initial=0), 1e-30))
        same += np.count_nonzero(difference == 0)
        all_elements += difference.size
    return float(worst), same / max(all_elements, 1)


class Row:
    def __init__(self):
        self.same = self.files = self.nodes = self.left = self.broken = 0
        self.distances, self.equal = [], []

    def add(self, report, near):
        if "peer" in report:
            self.broken += 1
            return
        self.files += 1
        self.same += verdict(report) == "same"
        self.nodes += sum(report.get("nodes", {}).values())
        self.left += sum(report.get("left", {}).values())
        if isinstance(near, tuple):
            self.distances.append(near[0])
            self.equal.append(near[1])

    def line(self, recipe, with_peer):
        cells = [recipe, f"{self.same} of {self.files}", str(self.broken),
                 str(self.nodes), str(self.left)]
        if with_peer:
            cells += ([f"{np.median(self.distances):.2g}",
                       f"{max(self.distances):.2g}",
                       f"{100 * np.mean(self.equal):.0f}%"]
                      if self.distances else ["-"] * 3)
        return "| " + " | ".join(cells) + " |"


def table(rows, with_peer):
    head = ["recipe", "bit-identical", "broken files",
            "Q/DQ and integer nodes", "of them left as nodes"]
    if with_peer:
        head += ["from ONNX Runtime: median", "worst", "equal elements"]
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for recipe, row in sorted(rows.items()):
        yield row.line(recipe, with_peer)
    files = sum(row.files for row in rows.values())
    same = sum(row.same for row in rows.values())
    broken = sum(row.broken for row in rows.values())
    yield (f"| all | {same} of {files} | {broken} |" + " |" * (len(head) - 3))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("stems", nargs="*")
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--ort", metavar="SQUINT")
    args = parser.parse_intermixed_args()
    rows = collections.defaultdict(Row)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for path in cases(args.work, args.stems, args.only):
            report = check(args.program, path, scratch)
            near = None
            if args.ort and "error" not in report:
                near = distance(args.ort, path, scratch)
            said = verdict(report)
            if "error" in report:
                sample = dict(np.load(path.parent / "sample0.npz"))
                peer = peer_refuses(path, sample)
                if peer:
                    report["peer"] = peer
                    said += f"; ONNX Runtime refuses it, too: {peer[:100]}"
            failed = failed or (said != "same" and "peer" not in report)
            print(f"{path.parent.name} {path.stem}: {said}"
                  f" ({report.get('seconds', 0):.1f} s)",
                  f"left {report.get('left')}", near or "", flush=True)
            rows[path.stem].add(report, near)
    text = "\n".join(table(rows, args.ort)) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
