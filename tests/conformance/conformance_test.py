"""Unpacks the ONNX node tests and runs them with squint_conformance.

The archive is found by SQUINT_SHARED, or beside the repository as ../shared;
without it the test is skipped, and says so.
usage: conformance_test.py PROGRAM WORK_FOLDER [PROGRAM_OPTION ...]"""
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("SQUINT_SHARED") or
                      HERE.parent.parent.parent / "shared")
ARCHIVE = SHARED / "data/conformance/onnx-1.17.0-node.tar.xz"


def unpacked(work):
    """The folder of test_* folders; unpacked aside, so that it is whole."""
    target = work / "onnx-1.17.0-node"
    if not target.exists():
        part = work / f"part.{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(part)
        part.rename(target)
    return next(target.glob("**/test_abs")).parent


def main():
    if not ARCHIVE.exists():
        print(f"conformance: skipped, no {ARCHIVE}")
        return 0
    work = pathlib.Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.argv[1], unpacked(work), HERE, *sys.argv[3:]]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
