#!/usr/bin/env python3
"""Unpacks the labelled test data into what `squint --data` reads.

usage: unpack.py SHARED_DATA OUT [TASK ...]
       unpack.py --describe UNPACKED [TASK ...]

First form: SHARED_DATA is the folder with eval.py and data/*.npz. Each task
becomes OUT/TASK/: images as JPEG files in class subfolders with their bytes
untouched, all else as .npy (or one .npz a sample), and one dataset .json for
each split, OUT/TASK/cal.json and eval.json.

Second form: writes cal.json and eval.json beside the ready float arrays of
`eval.py --unpack TASK UNPACKED/TASK`.

Needs numpy only; Pillow when --check is given too, which decodes every image.
"""

import argparse
import io
import json
import pathlib
import shutil

import numpy as np

SPLITS = ("cal", "eval")


def load(shared, name, split):
    path = shared / "data" / f"{name}_{split}.npz"
    return np.load(path) if path.exists() else None


def blobs(archive):
    data, offsets = archive["jpeg"], archive["off"]
    for begin, end in zip(offsets[:-1], offsets[1:]):
        yield data[begin:end].tobytes()


def check_image(data, where):
    from PIL import Image

    Image.open(io.BytesIO(data)).convert("RGB").load()
    print("ok", where)


def write_tree(archives, folder, classes, check):
    """JPEGs as folder/CLASS/SOURCE_INDEX.jpg; every class gets a subfolder, so
    that the sorted position of a subfolder is its label in each split."""
    shutil.rmtree(folder, ignore_errors=True)
    width = len(str(classes - 1))
    for label in range(classes):
        (folder / f"{label:0{width}}").mkdir(parents=True)
    for name, archive in archives:
        for i, (data, label) in enumerate(zip(blobs(archive), archive["y"])):
            file = folder / f"{int(label):0{width}}" / f"{name}_{i:05}.jpg"
            file.write_bytes(data)
            if check:
                check_image(data, file)


def tree(names, classes, preprocess):
    """A task whose images lie in class subfolders."""

    def unpack(shared, out, split, check):
        archives = [(n, load(shared, n, split)) for n in names]
        write_tree([a for a in archives if a[1] is not None], out / split,
                   classes, check)
        return {"input": {"folder": split, "preprocess": preprocess},
                "metric": "top1"}

    return unpack


def faces(shared, out, split, check):
    archive = load(shared, "face", split)
    folder = out / split
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for i, data in enumerate(blobs(archive)):
        (folder / f"{i:05}.jpg").write_bytes(data)
        if check:
            check_image(data, folder / f"{i:05}.jpg")
    return {"input": {"folder": split,
                      "preprocess": {"scale": 1, "mean": 127, "std": 128,
                                     "resize": "none"}}}


def arrays(name, source, keys="xy", **rest):
    """A task whose arrays are stored as they are: SPLIT_KEY.npy."""

    def unpack(shared, out, split, check):
        del check
        archive = load(shared, name, split)
        for key in keys:
            np.save(out / f"{split}_{key}.npy", archive[key])
        result = {"input": {"file": f"{split}_x.npy", **source}}
        if "y" in keys:
            result["labels"] = f"{split}_y.npy"
        return {**result, **rest}

    return unpack


def sts(shared, out, split, check):
    del check
    archive = load(shared, "sts", split)
    for key in "aby":
        np.save(out / f"{split}_{key}.npy", archive[key])
    return describe_sts(f"{split}_a.npy", f"{split}_b.npy", f"{split}_y.npy")


def describe_sts(first, second, scores):
    return {
        "inputs": {
            "input_ids": {"file": first, "second": second, "padding": -1},
            "attention_mask": {"mask_of": "input_ids"},
        },
        "target": scores,
        "metric": "spearman",
    }


def vad_frames(wav):
    """int16 samples as [S,576] frames: 64 of context and 512 new ones."""
    wave = wav.astype(np.float32) / 32768
    wave = np.concatenate(
        [np.zeros(64, np.float32), np.pad(wave, (0, -len(wave) % 512))])
    starts = range(0, len(wave) - 575, 512)
    return np.stack([wave[i:i + 576] for i in starts])


def write_vad(wavs, labels, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    state = np.zeros((1, 1, 128), np.float32)
    for i, (wav, label) in enumerate(zip(wavs, labels)):
        np.savez(folder / f"{i:05}.npz", input=vad_frames(wav), h=state,
                 c=state, y=np.int64(label))
    return {"samples": f"{folder.name}/*.npz", "metric": "auc",
            "reduction": "max"}


def vad(shared, out, split, check):
    del check
    archive = load(shared, "vad", split)
    return write_vad(archive["wav"], archive["y"], out / split)


LANGUAGE_MODEL = {"target": {"input": "input_ids", "shift": 1},
                  "metric": "perplexity"}

UNPACK = {
    "imagenet224": tree(
        ["imagenet_nips17", "imagenet_val227", "imagenet_eli"], 1000,
        {"preset": "efficientnet_lite", "resize": "none"}),
    "cifar10": tree(["cifar10_jpg"], 10,
                    {"preset": "imagenet", "resize": "none"}),
    "cifar10_tiny": tree(["cifar10_jpg"], 10,
                         {"preset": "raw", "resize": "none"}),
    "vww": arrays("vww", {"preprocess": "unit"}, metric="top1"),
    "kws": arrays("kws_mlperf", {"reshape": [1, 49, 10, 1]}, metric="top1"),
    "kws_arm": arrays("kws_arm", {}, metric="top1"),
    "mnist": arrays("mnist", {"preprocess": "raw"}, metric="top1"),
    "ocrcls": arrays("ocrcls", {"preprocess": {"preset": "signed",
                                               "resize": "none"}},
                     metric="top1"),
    "ocrdet": arrays("ocrdet", {"preprocess": {"preset": "imagenet",
                                               "resize": "none"}}, "x"),
    "ad": arrays("ad", {}, "x", target="input", metric="mse"),
    "chargpt": arrays("lm", {}, "x", **LANGUAGE_MODEL),
    "sts": sts,
    "vad": vad,
    "face": faces,
}


def describe(task, folder, split):
    """The .json for arrays that eval.py wrote, or None where there are none."""
    x, y = f"{split}_x.npy", f"{split}_y.npy"
    if not (folder / x).exists():
        return None
    if task == "sts":
        return describe_sts(x, y, f"{split}_z.npy")
    if task == "vad":
        return write_vad(np.load(folder / x), np.load(folder / y),
                         folder / split)
    if task == "ad":
        return {"input": x, "target": "input", "metric": "mse"}
    if task == "chargpt":
        return {"input": x, **LANGUAGE_MODEL}
    if task in ("face", "ocrdet"):
        return {"input": x}
    return {"input": x, "labels": y, "metric": "top1"}


def write_json(path, task, split, content):
    path.write_text(json.dumps({
        "format": "squint-dataset", "version": 1, "name": f"{task} {split}",
        **content}, indent=2) + "\n")
    print(path)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=pathlib.Path, nargs="?")
    parser.add_argument("out", type=pathlib.Path, nargs="?")
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--describe", type=pathlib.Path, metavar="UNPACKED")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    if args.describe:
        chosen = [str(t) for t in (args.shared, args.out) if t] + args.tasks
        for task in chosen or UNPACK:
            for split in SPLITS:
                folder = args.describe / task
                content = describe(task, folder, split)
                if content:
                    write_json(folder / f"{split}.json", task, split, content)
        return
    if not args.out:
        parser.error("needs SHARED_DATA and OUT")
    for task in args.tasks or UNPACK:
        for split in SPLITS:
            folder = args.out / task
            folder.mkdir(parents=True, exist_ok=True)
            content = UNPACK[task](args.shared, folder, split, args.check)
            write_json(folder / f"{split}.json", task, split, content)


if __name__ == "__main__":
    main()
