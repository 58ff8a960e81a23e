"""How cost grows: one network at many sizes of its input, float and int8, one
thread and two; time per multiply-accumulate shows what does not grow with the
arithmetic."""
import networks
import plot

LIMIT = 1.15  # time per MAC, the largest size beside the smallest


def image_network(build):
    return networks.all_networks()["efficientnet_lite0"]


def image_sides(build):
    return networks.named_sides(image_network(build), build)


# Name -> title, sizes, the network, and the option for a size.
SERIES = {
    "growth_batch": dict(
        title="EfficientNet-Lite0, 224 x 224", axis="batch",
        sizes=(1, 2, 4, 8, 16, 32, 64), network=image_network,
        option=lambda n: ["--batch", n]),
    "growth_side": dict(
        title="EfficientNet-Lite0, batch 1", axis="image side",
        sizes=(96, 128, 160, 224, 320, 448), network=image_sides,
        option=lambda n: ["--dim", f"side={n}"]),
    "growth_sequence": dict(
        title="encoder, 2 layers of 256", axis="sequence",
        sizes=(16, 32, 64, 128, 256, 512), network=networks.transformer,
        option=lambda n: ["--dim", f"length={n}"]),
}


def measure(bench, arguments, series):
    model = series["network"](arguments.build)
    made, problem = networks.quantized(arguments.squint, model,
                                       arguments.build)
    points = []
    machine = None
    for size in series["sizes"]:
        result = bench(arguments.squint, [model] + ([made] if made else []),
                       *series["option"](size), "--threads", "1,2",
                       "--rounds", arguments.rounds,
                       "--seconds", arguments.seconds,
                       "--profile")
        if "failure" in result:
            problem = problem or result["failure"]
            continue
        machine = result["machine"]
        points += [point(size, row, result) for row in result["rows"]
                   if "failure" not in row]
    return {"machine": machine, "points": points, "problem": problem}


def point(size, row, result):
    profile = next(p for p in result["profiles"]
                   if (p["model"], p["threads"]) ==
                   (row["model"], row["threads"]))
    form = "int8" if row["model"].endswith(".squint.onnx") else "float"
    return {"size": size, "form": form, "threads": row["threads"],
            "seconds": row["seconds"], "clean": row["clean"],
            "macs": sum(n["macs"] for n in profile["nodes"]),
            "bytes": sum(n["bytes"] for n in profile["nodes"])}


def lines_of(points):
    lines = {}
    for p in points:
        key = f"{p['form']}, {p['threads']} thread{'s' * (p['threads'] > 1)}"
        lines.setdefault(key, []).append(p)
    return lines


def per_mac(p):
    """Picoseconds."""
    return p["seconds"] / p["macs"] * 1e12


def figure(grown):
    panels = []
    for name, result in grown.items():
        series = SERIES[name]
        panels.append((series["title"], series["axis"], "ps per MAC",
                       {k: [(p["size"], per_mac(p)) for p in points]
                        for k, points in lines_of(result["points"]).items()}))
    return plot.figure(panels)


def verdict(points):
    first, last = points[0], points[-1]
    ratio = per_mac(last) / per_mac(first)
    text = f"{ratio:.2f}"
    if ratio > LIMIT:
        text += f" ({last['bytes'] / last['seconds'] / 1e9:.1f} GB/s)"
    return text


def section(grown, file_name):
    lines = ["## How cost grows", "",
             f"![time per MAC over the size of the input]({file_name})", "",
             "ms, and picoseconds per multiply-accumulate. The last row is "
             "time per MAC at the largest size", "beside that at the smallest; "
             f"beyond {LIMIT} with the bytes a second that all operands "
             "together make.", ""]
    for name, result in grown.items():
        series = SERIES[name]
        by_line = lines_of(result["points"])
        lines += [f"### {series['title']}", "",
                  f"| {series['axis']} | GMAC | " + " | ".join(by_line) + " |",
                  "|--:|" + "--:|" * (1 + len(by_line))]
        for size in series["sizes"]:
            cells = []
            macs = ""
            for points in by_line.values():
                here = [p for p in points if p["size"] == size]
                if here:
                    star = "" if here[0]["clean"] else "*"
                    macs = f"{here[0]['macs'] / 1e9:.3f}"
                    cells.append(f"{here[0]['seconds'] * 1e3:.2f}{star} / "
                                 f"{per_mac(here[0]):.1f}")
                else:
                    cells.append("")
            lines.append(f"| {size} | {macs} | " + " | ".join(cells) + " |")
        lines += ["| largest / smallest | | " + " | ".join(
            verdict(points) for points in by_line.values()) + " |", ""]
        if result["problem"]:
            lines += [f"{result['problem']}", ""]
    return lines
