"""Kills `squint quantize` at random moments while it overwrites a model:
what is found afterwards is the old model or the new one, byte for byte, each
with its data.  usage: crash_test.py SQUINT [--kills N] [--seed S]"""
import argparse
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / 'large'))
from large_model import write_model  # noqa: E402


class Case:
    """One way of overwriting: a folder is brought to the old state, a command
    makes the new one of it."""

    def __init__(self, name, folder, options, in_place):
        self.name = name
        self.folder = folder
        self.options = options
        self.in_place = in_place
        folder.mkdir()
        self.target = folder / ('m.onnx' if in_place else 'q.onnx')
        if not in_place:
            # The old output is that of another network.
            self.write_model(folder / 'm.onnx', seed=2)
            self.run()
            for path in folder.glob('m.onnx*'):
                path.unlink()
        self.write_model(folder / 'm.onnx', seed=1)
        self.source = folder.with_suffix('.old')
        shutil.copytree(folder, self.source)
        self.old = self.state()
        begin = time.time()
        self.run()
        self.seconds = time.time() - begin
        self.new = self.state()
        assert self.new != self.old
        self.reset()

    def write_model(self, path, seed):
        """In place the data is named as squint names it, so that it has to go
        once the new model is there."""
        data = f'{path}.{seed:016x}.data' if self.in_place else None
        write_model(path, 512, 5, 700, seed=seed, data=data)

    def command(self):
        return [SQUINT, 'quantize', str(self.folder / 'm.onnx'), '--mode',
                'weight-only', '-o', str(self.target), *self.options]

    def run(self):
        subprocess.run(self.command(), check=True, stdout=subprocess.DEVNULL)

    def state(self):
        """The model's bytes and those of the data that it names."""
        model = self.target.read_bytes()
        names = sorted(set(re.findall(rb'[mq]\.onnx\.[0-9a-f]{16}\.data', model)))
        return [model] + [(self.folder / name.decode()).read_bytes()
                          for name in names]

    def reset(self):
        shutil.rmtree(self.folder)
        shutil.copytree(self.source, self.folder)

    def kill_once(self, rng):
        """Half of the kills come late, when files are written and renamed."""
        delay = self.seconds * (rng.uniform(0, 1.1) if rng.random() < 0.5 else
                                rng.uniform(0.7, 1.05))
        child = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE)
        try:
            errors = child.communicate(timeout=delay)[1]
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            errors = child.communicate()[1]
        found = self.state()
        if found not in (self.old, self.new):
            sys.exit(f'{self.name}: killed after {delay:.4f} s: neither the '
                     f'old nor the new model\n{errors.decode()}')
        inspected = subprocess.run([SQUINT, 'inspect', str(self.target)],
                                   capture_output=True, check=False)
        if inspected.returncode != 0:
            sys.exit(f'{self.name}: {inspected.stderr.decode()}')
        killed = child.returncode == -signal.SIGKILL
        if not killed and child.returncode != 0:
            sys.exit(f'{self.name}: {errors.decode()}')
        left = len(list(self.folder.glob('*.partial')))
        return killed, found == self.new, left

    def check_cleaned(self):
        """One run that is left alone removes what the killed ones left."""
        if self.state() == self.new:
            self.reset()
        self.run()
        names = sorted(p.name for p in self.folder.iterdir())
        data = len(self.new) - 1
        expected = data + (1 if self.in_place else 3)
        if len(names) != expected or self.state() != self.new:
            sys.exit(f'{self.name}: left over: {names}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('squint')
    parser.add_argument('--kills', type=int, default=12)
    parser.add_argument('--seed', type=int,
                        default=random.SystemRandom().randrange(1 << 32))
    args = parser.parse_args()
    global SQUINT
    SQUINT = args.squint
    print('seed', args.seed)
    rng = random.Random(args.seed)
    outside = ['--external-data', '1000']
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            Case(name, pathlib.Path(folder) / name, options, in_place)
            for name, options, in_place in (
                ('one_file', [], False), ('external_data', outside, False),
                ('in_place', [], True),
                ('in_place_external_data', outside, True))
        ]
        for number, case in enumerate(cases):
            count = (args.kills + number) // len(cases)
            killed = new = left = 0
            for _ in range(count):
                was_killed, is_new, partial = case.kill_once(rng)
                killed += was_killed
                new += was_killed and is_new
                left += partial > 0
                # Leftovers stay for the next run to find, unless the new
                # model is there already.
                if is_new:
                    case.reset()
            case.check_cleaned()
            print(f'{case.name}: {case.seconds:.3f} s a run, {count} runs, '
                  f'{killed} killed: {killed - new} left the old model, {new} '
                  f'the new one; temporaries were found after {left}')


if __name__ == '__main__':
    main()
