"""The regression benchmark: every network, float and quantized, in Squint and
in the peers that a Python has, then how cost grows with the size of the input.
Writes a markdown page and a plot.

What was measured is kept in BUILD/rows, a file for each network: delete one,
or name it by --only, to measure it again.
usage: benchmarks.py SQUINT [--build DIR] [--out PAGE.md] [--python PYTHON]
                     [--only NAME...] [--rounds R] [--seconds S] [--page]"""
import argparse
import functools
import json
import pathlib
import subprocess
import sys

import growth
import networks

PEERS = ("onnxruntime", "openvino")


def available_peers(python):
    def has(peer):
        return subprocess.run([python, "-c", f"import {peer}"],
                              capture_output=True).returncode == 0
    try:
        return [peer for peer in PEERS if has(peer)]
    except OSError:
        return []


def bench(squint, models, *extra):
    """The JSON of one run; rows of what failed are in it."""
    done = subprocess.run(
        [squint, "bench", *map(str, models), "--json", "-",
         *map(str, extra)], capture_output=True, text=True)
    if not done.stdout.startswith("{"):
        return {"failure": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout)


@functools.cache
def saturates(squint):
    """Whether the CPU lacks a dot product of bytes."""
    smallest = min(networks.all_networks().values(),
                   key=lambda model: model.stat().st_size)
    result = bench(squint, [smallest], "--rounds", 1, "--seconds", 0)
    return "VNNI" not in result.get("machine", {}).get("instruction_set", "")


def measure(arguments, name, model, peers):
    made, problem = networks.quantized(arguments.squint, model,
                                       arguments.build)
    models = [model] + ([made] if made else [])
    if (networks.peer_files(name) and not problem and
            saturates(arguments.squint)):
        safe, problem = networks.quantized(arguments.squint, model,
                                           arguments.build, safe=True)
        models += [safe] if safe else []
    models += networks.peer_files(name)
    extra = ["--threads", "1,2", "--rounds", arguments.rounds, "--seconds",
             arguments.seconds, "--python", arguments.python]
    if peers:
        extra += ["--peers", ",".join(peers)]
    result = bench(arguments.squint, models, *extra)
    if problem:
        result["not_quantized"] = problem
    return result


def kind_of(model):
    name = pathlib.Path(model).name
    if name.endswith(".squint.onnx"):
        quantized = pathlib.Path(model).name.split(".")[0]
        return "int4" if quantized in networks.WEIGHT_ONLY else "int8"
    if name.endswith(".squint-safe.onnx"):
        return "int8 safe"
    return "int8 by ORT" if "ort-qdq" in name else "float"


def milliseconds(row):
    if row is None:
        return ""
    if "failure" in row:
        return "failed"
    star = "" if row["clean"] else "*"
    return f"{row['seconds'] * 1e3:.3f}{star}"


def table(results, threads, peers):
    head = ["network", "file", "MB", "Squint ms", "spread",
            *[f"{p} ms" for p in peers], "x fastest peer", "load ms",
            "1st run ms", "peak MiB", *[f"{p} MiB" for p in peers]]
    yield "| " + " | ".join(head) + " |"
    yield "|---|---|" + "--:|" * (len(head) - 2)
    for name, result in results.items():
        rows = [r for r in result.get("rows", []) if r["threads"] == threads]
        for model in dict.fromkeys(r["model"] for r in rows):
            by = {r["engine"]: r for r in rows if r["model"] == model}
            own = by["squint"]
            ran = "failure" not in own

            def told(pattern, key, unit=1.0):
                return pattern.format(own[key] * unit) if ran else ""
            memory = [f"{by[p]['peak_mebibytes']:.0f}"
                      if p in by and "failure" not in by[p] else ""
                      for p in peers]
            speed = f"{own['speed']:.2f}" if ran and own["speed"] else ""
            spread = (f"{own['low'] * 1e3:.3f}..{own['high'] * 1e3:.3f}"
                      if ran else "")
            cells = [name, kind_of(model), told("{:.2f}", "file_bytes", 1e-6),
                     milliseconds(own), spread,
                     *[milliseconds(by.get(p)) for p in peers], speed,
                     told("{:.1f}", "load", 1e3), told("{:.1f}", "first", 1e3),
                     told("{:.0f}", "peak_mebibytes"), *memory]
            yield "| " + " | ".join(cells) + " |"


def problems(results):
    for name, result in results.items():
        if "failure" in result:
            yield f"- {name}: {result['failure']}"
        if "not_quantized" in result:
            yield f"- {name}, not quantized: {result['not_quantized']}"
        for message in dict.fromkeys(
                f"{r['engine']} on {kind_of(r['model'])}: {r['failure']}"
                for r in result.get("rows", []) if "failure" in r):
            yield f"- {name}: {message}"


def quietness(results, grown):
    """How far the figures can be trusted."""
    timed = [t for r in results.values() for t in r.get("rows", [])
             if "failure" not in t]
    timed += [p for g in grown.values() for p in g["points"]]
    disturbed = sum(not t["clean"] for t in timed)
    if not disturbed:
        return "Nothing else ran on the machine."
    return (f"**{disturbed} of {len(timed)} figures were taken while other "
            "programs ran (`*`): compare neither them nor their ratios; "
            "`make bench` on a quiet machine replaces this page.**")


def page(results, grown, plot):
    machines = [r["machine"] for r in [*results.values(), *grown.values()]
                if "machine" in r]
    versions = {}
    for result in results.values():
        versions.update(result.get("peers", {}))
    peers = [p for p in PEERS if p in versions]
    dates = sorted(m["date"] for m in machines)
    first = machines[0]
    lines = [
        "# Benchmarks", "",
        "Made by `make bench` (tests/bench/). Every engine runs in a process "
        "of its own that stands", "still while another is timed; rounds go in "
        "turn; ms is the median of the rounds' medians, spread",
        "their least and greatest. `*`: other programs used more than an "
        "eighth of a CPU meanwhile. Files", "of the kind int8 (int4) are "
        "Squint's, `--preset squint` (weight-only), those of int8 safe with",
        "`--saturation-safe`; peers get the same files, with real numbers as "
        "float32. Without a dot product", "of bytes (VNNI) peers multiply by "
        "an instruction that saturates: on the other int8 files they are",
        "inexact there, Squint is not. Load is till the first run can begin.",
        "",
        f"Machine: {first['cpu']}, {first['instruction_set']}, "
        f"{first['cpus']} CPUs; {dates[0]} to {dates[-1]} UTC.",
        quietness(results, grown),
        "Engines: " + ", ".join(
            [f"Squint {next(iter(results.values())).get('squint', '')}"] +
            [f"{p} {versions[p]}" for p in peers]) + ".", ""]
    for threads in (1, 2):
        lines += [f"## {threads} thread{'s' * (threads > 1)}", "",
                  *table(results, threads, peers), ""]
    told = list(problems(results))
    if told:
        lines += ["## What could not be measured", "", *told, ""]
    if grown:
        lines += growth.section(grown, plot)
    return "\n".join(lines).rstrip() + "\n"


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("squint")
    parser.add_argument("--build", default="build/bench", type=pathlib.Path)
    parser.add_argument("--out", default="docs/benchmarks.md",
                        type=pathlib.Path)
    parser.add_argument("--python", default="python3")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--page", action="store_true",
                        help="from what was measured before, nothing new")
    return parser.parse_args()


def main():
    arguments = parse()
    rows = arguments.build / "rows"
    rows.mkdir(parents=True, exist_ok=True)
    peers = [] if arguments.page else available_peers(arguments.python)

    def measured(name, run):
        file = rows / f"{name}.json"
        again = arguments.only is not None and name in arguments.only
        if again or (not file.exists() and not arguments.page and
                     arguments.only is None):
            print(name, file=sys.stderr, flush=True)
            file.write_text(json.dumps(run(), indent=1) + "\n")
        return json.loads(file.read_text()) if file.exists() else None

    results = {
        name: measured(name, lambda n=name, m=model: measure(
            arguments, n, m, peers))
        for name, model in networks.all_networks().items()}
    grown = {
        name: measured(name, lambda s=series: growth.measure(
            bench, arguments, s))
        for name, series in growth.SERIES.items()}
    results = {k: v for k, v in results.items() if v}
    grown = {k: v for k, v in grown.items() if v}
    if not results:
        sys.exit("benchmarks: no networks; SQUINT_SHARED names a folder with "
                 "data/models, BENCH_DIR one with models")
    plot = arguments.out.with_name("growth.svg")
    if grown:
        plot.write_text(growth.figure(grown))
    arguments.out.write_text(page(results, grown, plot.name))


if __name__ == "__main__":
    main()
