"""Networks that are larger than the memory they are quantized in, and data
files that are cut short meanwhile.  usage: streaming_test.py SQUINT"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import numpy as np

from large_model import write_model

SQUINT = None
LIMIT = 150 << 20  # bytes resident
VOCAB, WIDTH, LAYERS = 4000, 2048, 14  # 300 MB


def quantize(model, output, *extra):
    return [SQUINT, 'quantize', str(model), '--mode', 'weight-only', '-o',
            str(output), *extra]


def high_water_mark(pid):
    """VmHWM in bytes, 0 once the process has ended. Unlike ru_maxrss it does
    not begin with what this program had when it forked."""
    try:
        for line in pathlib.Path(f'/proc/{pid}/status').read_text().split('\n'):
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0


def peak_of(command):
    """Exit code, error output and peak resident bytes of a command, looked at
    every few milliseconds."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                 stderr=errors)
        peak = 0
        while child.poll() is None:
            peak = max(peak, high_water_mark(child.pid))
            time.sleep(0.003)
        errors.seek(0)
        return child.returncode, errors.read().decode(), peak


class Streaming(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.model = self.folder / 'm.onnx'

    def stays_small(self, command):
        code, errors, peak = peak_of(command)
        self.assertEqual(code, 0, errors)
        self.assertLess(peak, LIMIT)

    def test_a_large_network_passes_through_little_memory(self):
        size = write_model(self.model, WIDTH, LAYERS, VOCAB, sparse=True)
        self.assertGreater(size, 280 << 20)
        for weights, share in (('int8', 0.25), ('int4', 0.15),
                               ('float16', 0.5)):
            for place in ([], ['--external-data', '1000']):
                with self.subTest(weights=weights, place=place):
                    output = self.folder / weights / str(len(place)) / 'q.onnx'
                    output.parent.mkdir(parents=True)
                    self.stays_small(quantize(self.model, output, '--weights',
                                              weights, *place))
                    files = list(output.parent.iterdir())
                    self.assertEqual(len(files), 1 + bool(place))
                    written = sum(f.stat().st_size for f in files)
                    self.assertLess(abs(written / size - share), 0.02)
                    # To inspect stored halves, passes still widen them.
                    if weights != 'float16':
                        self.stays_small([SQUINT, 'inspect', str(output)])
        self.stays_small([SQUINT, 'inspect', str(self.model), '--nodes'])

    def test_transposed_weights_pass_through_little_memory(self):
        write_model(self.model, WIDTH, LAYERS, VOCAB, gemm=True, sparse=True)
        for weights in ('int8', 'int4'):
            with self.subTest(weights=weights):
                self.stays_small(quantize(self.model, self.folder / 'q.onnx',
                                          '--weights', weights))

    def test_what_is_streamed_computes_what_it_should(self):
        for gemm in (False, True):
            write_model(self.model, 1024, 2, 1500, gemm=gemm)
            np.save(self.folder / 'ids.npy', np.arange(0, 1500, 100))
            truth = self.run_model(self.model)
            for weights, bound in (('int8', 0.04), ('int4', 0.3),
                                   ('float16', 0.001)):
                with self.subTest(gemm=gemm, weights=weights):
                    output = self.folder / 'q.onnx'
                    subprocess.run(quantize(self.model, output, '--weights',
                                            weights), check=True,
                                   stdout=subprocess.DEVNULL)
                    error = np.linalg.norm(self.run_model(output) - truth)
                    self.assertLess(error, bound * np.linalg.norm(truth))

    def run_model(self, model):
        output = self.folder / 'y.npy'
        subprocess.run([SQUINT, 'run', str(model), '--input',
                        str(self.folder / 'ids.npy'), '--output', str(output)],
                       check=True, stdout=subprocess.DEVNULL)
        return np.load(output)

    def test_the_thread_count_changes_no_byte(self):
        write_model(self.model, 1024, 2, 1500)
        written = set()
        for threads in ('1', '2', '3'):
            output = self.folder / 'q.onnx'
            subprocess.run(quantize(self.model, output, '--weights', 'int4',
                                    '--threads', threads), check=True,
                           stdout=subprocess.DEVNULL)
            written.add(output.read_bytes())
        self.assertEqual(len(written), 1)

    # The data end while they are read: once the output is begun, the weights
    # have been looked at and are read a second time.
    def test_data_that_is_cut_short_while_mapped_is_an_error(self):
        output = self.folder / 'q.onnx'
        output.write_text('old')
        met = 0
        for _ in range(10):
            size = write_model(self.model, WIDTH, LAYERS, VOCAB, sparse=True)
            child = subprocess.Popen(
                quantize(self.model, output, '--weights', 'int8'),
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            while child.poll() is None and not list(
                    self.folder.glob('*.partial')):
                time.sleep(0.001)
            os.truncate(f'{self.model}.bin', size // 50)
            errors = child.communicate()[1].decode()
            self.assertIn(child.returncode, (0, 1), errors)
            if child.returncode == 1:
                met += 1
                self.assertIn('m.onnx.bin', errors)
                self.assertIn('cut short', errors)
                self.assertEqual(output.read_text(), 'old')
                break
        self.assertEqual(met, 1)
        self.assertEqual(list(self.folder.glob('*.partial')), [])


if __name__ == '__main__':
    SQUINT = sys.argv.pop(1)
    unittest.main()
