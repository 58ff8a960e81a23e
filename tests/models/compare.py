#!/usr/bin/env python3
"""Compare an int8 ONNX model with its float model and with other tools' int8 models of the same network.

usage: compare.py --data DATA --peers PREDS TASK FLOAT.onnx CANDIDATE.onnx
       compare.py --data DATA --peers PREDS --all DIR [--only STEM,...] [--out TABLE.md]
       compare.py --data DATA --record TASK MODEL.onnx OUT.npz

  DATA    folder with eval.py, models.json, models/ and data/
  PREDS   folder with the recorded scores of the other tools, STEM.TOOL.npz (made by --record); TOOL is
          'ort-...' or 'nncf'; STEM is the float model's file name without .onnx
  DIR     folder with STEM.int8.onnx for each model of models.json; absent ones are reported as absent

Everything runs in ONNX Runtime on the eval split. Besides the metric of eval.py it prints how many decisions changed
against float, the SQNR against float, and the p value of a paired two-sided test: exact McNemar for top-1 tasks, a
bootstrap over samples (clips, images, windows, sentence pairs) for the other metrics. The SQNR is taken before a final
Softmax where both models have one that can be found, else on the outputs (marked *), over about 256 samples.

Needs numpy, onnx, onnxruntime, and Pillow for the image tasks.
"""
import argparse, hashlib, importlib.util, json, math, os, sys

import numpy as np

BOOTSTRAP_ROUNDS = 5000
RAW_SAMPLES = 256
# Operators between the last Softmax and the graph output that only move or re-represent numbers.
PASS_THROUGH = {'Identity', 'QuantizeLinear', 'DequantizeLinear', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'}


def load_eval(data_dir):
    """eval.py as a module; it finds its own data beside itself."""
    spec = importlib.util.spec_from_file_location('squint_eval', os.path.join(data_dir, 'eval.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sha256(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def session_of(model, threads):
    """model: a path or bytes. Without the option, sums of uint8 by int8 saturate on processors that have no VNNI, and the
    figures would say more about the machine than about the file."""
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    options.add_session_config_entry('session.x64quantprecision', '1')
    return ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])


class RecordingRun:
    """Stands in for eval.Run: same calls, and remembers the feeds, so that nothing is inferred twice."""

    def __init__(self, path, threads, batch):
        self.session, self.feeds, self.memo = session_of(path, threads), [], {}
        self.inputs = self.session.get_inputs()
        fixed = (self.inputs[0].shape or [None])[0]
        self.b = fixed if isinstance(fixed, int) and fixed > 0 else batch

    def raw(self, xs):
        key = hashlib.blake2b(b''.join(np.ascontiguousarray(x).tobytes() for x in xs), digest_size=16).digest()
        key += repr([x.shape for x in xs]).encode()
        if key not in self.memo:
            self.feeds.append(xs)
            self.memo[key] = self.session.run(None, {i.name: x for i, x in zip(self.inputs, xs)})
        return self.memo[key]

    def __call__(self, x):
        return np.concatenate([self.raw([x[k:k + self.b]])[0] for k in range(0, len(x), self.b)])


# ---- Tasks: per-sample scores, and the metric of any multiset of samples ---------------------------------------------
# A task gives samples(ev, run, data) -> arrays with one row per sample, and metric(arrays, index) -> number. The
# bootstrap calls metric on resampled indices; on all indices it equals the metric of eval.py (checked on every run).

class Task:
    key, higher_is_better, outputs, strata, percent = 'top1', True, 1, None, True

    def samples(self, ev, run, data):
        raise NotImplementedError

    def metric(self, s, i):
        raise NotImplementedError

    def flips(self, float_s, s):
        """Decisions that differ from the float model's; None where the task has no decision."""
        return None


class Top1(Task):
    def samples(self, ev, run, data):
        p = run(data[0])
        pred = np.argsort(-p, 1, kind='stable')[:, 0]      # equal scores: lower class index, as in eval.py
        return {'pred': pred.astype(np.int32), 'label': np.asarray(data[1]).astype(np.int32)}

    def metric(self, s, i):
        return (s['pred'][i] == s['label'][i]).mean()

    def flips(self, float_s, s):
        return int((float_s['pred'] != s['pred']).sum())


class Reconstruction(Task):
    key, higher_is_better, percent = 'recon_mse', False, False

    def samples(self, ev, run, data):
        return {'mse': ((run(data[0]) - data[0]).astype(np.float64) ** 2).mean(1)}

    def metric(self, s, i):
        return s['mse'][i].mean()


def ranks(v):
    _, inverse, count = np.unique(v, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[inverse]


class Similarity(Task):
    key = 'spearman'

    def samples(self, ev, run, data):
        a, b, y = data
        return {'cosine': (self.embed(run, a) * self.embed(run, b)).sum(1), 'label': np.asarray(y)}

    @staticmethod
    def embed(run, q):
        """The batching of eval.py (sorted by length, 32 at a time): activation ranges of dynamic models depend on it."""
        length = (q >= 0).sum(1)
        order = np.argsort(length, kind='stable')
        out = None
        for k in range(0, len(q), 32):
            i = order[k:k + 32]
            t = q[i][:, :length[i].max()].astype(np.int64)
            e = run.raw([np.where(t < 0, 0, t), (t >= 0).astype(np.int64)])[0]
            out = np.zeros((len(q), e.shape[1]), np.float32) if out is None else out
            out[i] = e
        return out

    def metric(self, s, i):
        return np.corrcoef(ranks(s['cosine'][i]), ranks(s['label'][i]))[0, 1]


class LanguageModel(Task):
    key, higher_is_better, percent = 'perplexity', False, False

    def samples(self, ev, run, data):
        loss, top = [], []
        for k in range(0, len(data[0]), 16):
            t = data[0][k:k + 16]
            o = run.raw([t[:, :-1]])[0].astype(np.float64)
            top.append(o.argmax(-1).astype(np.int32))
            o = o - o.max(-1, keepdims=True)
            lp = o - np.log(np.exp(o).sum(-1, keepdims=True))
            loss.append(-np.take_along_axis(lp, t[:, 1:, None], 2)[..., 0].mean(1))
        return {'loss': np.concatenate(loss), 'top': np.concatenate(top)}

    def metric(self, s, i):
        return np.exp(s['loss'][i].mean())

    def flips(self, float_s, s):
        return int((float_s['top'] != s['top']).sum())


class VoiceActivity(Task):
    key, strata = 'auc', 'label'

    def samples(self, ev, run, data):
        score = []
        for w in data[0]:
            a = w.astype(np.float32) / 32768
            a = np.concatenate([np.zeros(64, np.float32), np.pad(a, (0, (-len(a)) % 512))])
            f = np.stack([a[i:i + 576] for i in range(0, len(a) - 575, 512)])
            h = np.zeros((1, 1, 128), np.float32)
            score.append(run.raw([f, h, h])[0].max())
        return {'score': np.array(score), 'label': np.asarray(data[1]).astype(np.int32)}

    def metric(self, s, i):
        score, y = s['score'][i], s['label'][i]
        a, b = score[y == 1][:, None], score[y == 0]
        return (a > b).mean() + .5 * (a == b).mean()

    def flips(self, float_s, s):
        return int(((float_s['score'] > .5) != (s['score'] > .5)).sum())


class FaceBoxes(Task):
    key, outputs = 'F1', 2

    def samples(self, ev, run, data):
        x, ref = data
        rows = []
        for i, boxes in enumerate(ev.face.detect(run, x)):
            r = ref[ref[:, 0] == i][:, 1:]
            used = set()
            for q in boxes:
                if len(r):
                    v = ev.iou(q, r)
                    v[list(used)] = 0
                    j = int(v.argmax())
                    if v[j] >= .5:
                        used.add(j)
            rows.append((len(used), len(boxes), len(r)))
        return {'boxes': np.array(rows)}                    # hits, found, in the reference

    def metric(self, s, i):
        hit, found, ref = s['boxes'][i].sum(0)
        return 2 * hit / max(found + ref, 1)

    def flips(self, float_s, s):
        """Boxes found by one of the two only (the reference is the float model)."""
        b = s['boxes']
        return int((b[:, 1] + b[:, 2] - 2 * b[:, 0]).sum())


class TextPixels(Task):
    key = 'pixelF1'

    def samples(self, ev, run, data):
        p, m = run(data[0])[:, 0] > .3, data[1]
        n = lambda v: v.reshape(len(v), -1).sum(1)
        return {'pixels': np.stack([n(p & m), n(p), n(m)], 1), 'mask': np.packbits(p, axis=2)}

    def metric(self, s, i):
        hit, found, ref = s['pixels'][i].sum(0)
        return 2 * hit / (found + ref)

    def flips(self, float_s, s):
        return int(np.unpackbits(float_s['mask'] ^ s['mask']).sum())


def task_of(name):
    special = {'ad': Reconstruction, 'sts': Similarity, 'chargpt': LanguageModel, 'charllama': LanguageModel,
               'vad': VoiceActivity, 'face': FaceBoxes, 'ocrdet': TextPixels}
    return special.get(name, Top1)()


# ---- Running a model --------------------------------------------------------------------------------------------------

def with_logits(path, count):
    """The model with what enters a final Softmax as extra outputs. Returns (bytes, [extra output name or None])."""
    import onnx
    model = onnx.load(path)
    producer = {y: n for n in model.graph.node for y in n.output}
    extra = []
    for value in list(model.graph.output)[:count]:
        name = value.name
        while name in producer and producer[name].op_type in PASS_THROUGH:
            name = producer[name].input[0]
        node = producer.get(name)
        extra.append(node.input[0] if node is not None and node.op_type == 'Softmax' else None)
    present = {v.name for v in model.graph.output}
    for name in extra:
        if name and name not in present:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
            present.add(name)
    return model.SerializeToString(), extra


def raw_outputs(path, feeds, count, threads):
    """{'out0': ..., 'logits0': ...} over evenly spaced feeds, about RAW_SAMPLES samples in all."""
    total = sum(len(f[0]) for f in feeds)
    step = max(1, total // RAW_SAMPLES)
    chosen = feeds[::step]
    blob, extra = with_logits(path, count)
    session = session_of(blob, threads)
    names = [o.name for o in session.get_outputs()]
    parts = {}
    for xs in chosen:
        got = dict(zip(names, session.run(None, {i.name: x for i, x in zip(session.get_inputs(), xs)})))
        for k in range(count):
            parts.setdefault(f'out{k}', []).append(got[names[k]].ravel())
            if extra[k]:
                parts.setdefault(f'logits{k}', []).append(got[extra[k]].ravel())
    return {k: np.concatenate(v).astype(np.float32) for k, v in parts.items()}


def measure(ev, task_name, path, threads=2):
    """Every number of one model on one task: metric of eval.py, per-sample scores, raw outputs."""
    load, score, batch = ev.TASKS[task_name]()
    task, data = task_of(task_name), load('eval')
    run = RecordingRun(path, threads, batch)
    samples = task.samples(ev, run, data)
    metrics = {k: (round(float(v), 5) if not isinstance(v, int) else v) for k, v in score(run, data, None).items()}
    mine = task.metric(samples, np.arange(len(next(iter(samples.values())))))
    if abs(mine - metrics[task.key]) > 2e-5 * max(1, abs(mine)):
        raise RuntimeError(f'{path}: {task.key} is {metrics[task.key]} by eval.py but {mine} from the per-sample scores')
    result = {'s_' + k: v for k, v in samples.items()}
    result.update(raw_outputs(path, run.feeds, task.outputs, threads))
    result.update(metrics=json.dumps(metrics), sha256=sha256(path), task=task_name, bytes=os.path.getsize(path))
    return result


def read(path):
    z = np.load(path)
    return {k: (z[k].item() if z[k].ndim == 0 else z[k]) for k in z.files}


def measure_cached(ev, task_name, path, cache, threads):
    """A recorded npz of exactly this file, else a fresh measurement."""
    if cache and os.path.exists(cache):
        z = read(cache)
        if z['sha256'] == sha256(path) and z['task'] == task_name:
            return z
    return measure(ev, task_name, path, threads)


# ---- Statistics -------------------------------------------------------------------------------------------------------

def samples_of(result):
    return {k[2:]: v for k, v in result.items() if k.startswith('s_')}


def mcnemar(a_right, b_right):
    """Exact two-sided p that a and b are right equally often."""
    only_a, only_b = int((a_right & ~b_right).sum()), int((b_right & ~a_right).sum())
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    log_c = lambda j: math.lgamma(n + 1) - math.lgamma(j + 1) - math.lgamma(n - j + 1)
    return min(1.0, 2 * math.fsum(math.exp(log_c(j) - n * math.log(2)) for j in range(k + 1)))


def resampled(task, a, b, rounds, seed=1):
    """metric(b) - metric(a) on that many resamples of the samples of both together."""
    n = len(next(iter(a.values())))
    groups = [np.flatnonzero(a[task.strata] == v) for v in np.unique(a[task.strata])] if task.strata else [np.arange(n)]
    rng = np.random.default_rng(seed)
    found = np.empty(rounds)
    for k in range(rounds):
        i = np.concatenate([g[rng.integers(0, len(g), len(g))] for g in groups])
        found[k] = task.metric(b, i) - task.metric(a, i)
    return found


def bootstrap(task, a, b, rounds=BOOTSTRAP_ROUNDS):
    """Two-sided p that metric(a) - metric(b) is zero."""
    if all(np.array_equal(a[k], b[k]) for k in a):
        return 1.0
    d = resampled(task, a, b, rounds)
    return min(1.0, 2 * (min((d <= 0).sum(), (d >= 0).sum()) + 1) / (rounds + 1))


def paired_error(task, a, b, rounds=1000):
    """The standard error of metric(b) - metric(a) over the samples of both together."""
    return resampled(task, a, b, rounds).std()


def show_p(p):
    return '<0.001' if p < .001 else f'{p:.3f}'


def paired_p(task, a, b):
    a, b = samples_of(a), samples_of(b)
    if isinstance(task, Top1):
        return mcnemar(a['pred'] == a['label'], b['pred'] == b['label'])
    return bootstrap(task, a, b)


def sqnr(task, reference, other):
    """dB per output that the metric reads; '*' where the outputs themselves had to be compared."""
    parts = []
    for k in range(task.outputs):
        key, mark = f'logits{k}', ''
        if key not in reference or key not in other or reference[key].size != other[key].size:
            mark = '*' if key in reference else ''
            key = f'out{k}'
        f, q = reference[key].astype(np.float64), other[key].astype(np.float64)
        noise = ((f - q) ** 2).sum()
        parts.append(('inf' if noise == 0 else f'{10 * math.log10((f ** 2).sum() / noise):.1f}') + mark)
    return ' / '.join(parts)


def metric_of(task, result):
    return json.loads(result['metrics'])[task.key]


def show_metric(task, value):
    return f'{100 * value:.2f}' if task.percent else f'{value:.3f}'


def flips_of(task, float_result, result):
    n = task.flips(samples_of(float_result), samples_of(result))
    return '-' if n is None else str(n)


def peers_of(folder, stem):
    found = {}
    for name in sorted(os.listdir(folder)) if folder else []:
        if name.startswith(stem + '.') and name.endswith('.npz') and name != stem + '.float.npz':
            found[name[len(stem) + 1:-4]] = read(os.path.join(folder, name))
    return found


def best_ort(task, peers):
    ort = [p for p in peers if p.startswith('ort-')]
    sign = -1 if task.higher_is_better else 1
    return min(ort, key=lambda p: sign * metric_of(task, peers[p]), default=None)


def compare(ev, task_name, float_path, candidate_path, preds, threads):
    stem = os.path.basename(float_path)[:-len('.onnx')]
    cache = os.path.join(preds, stem + '.float.npz') if preds else None
    return (measure_cached(ev, task_name, float_path, cache, threads), measure(ev, task_name, candidate_path, threads),
            peers_of(preds, stem))


def print_one(task_name, reference, candidate, peers):
    task = task_of(task_name)
    print(f'{task.key}; p: paired test of the candidate against that row; SQNR in dB against float, * = on the outputs\n')
    print(f'{"":26s} {"metric":>9s} {"flips":>7s} {"p":>8s}  {"SQNR":16s} {"bytes":>10s}')
    for name, r in [('candidate', candidate), ('float', reference)] + list(peers.items()):
        p = '' if r is candidate else show_p(paired_p(task, candidate, r))
        db = '' if r is reference else sqnr(task, reference, r)
        print(f'{name:26s} {show_metric(task, metric_of(task, r)):>9s} {flips_of(task, reference, r):>7s} {p:>8s}  {db:16s} '
              f'{r["bytes"]:10d}')
    print('\nfloat     ' + reference['metrics'] + '\ncandidate ' + candidate['metrics'])


def table(ev, data_dir, preds, folder, only, threads):
    lines = ['| model | metric | float | Squint int8 | best ORT | NNCF default | flips Squint / ORT / NNCF | p vs float | p vs ORT '
             '| p vs NNCF | SQNR dB Squint | ORT | NNCF |', '|' + '---|' * 13]
    with open(os.path.join(data_dir, 'models.json')) as f:
        entries = json.load(f)
    for entry in entries:
        stem = entry['file'][:-len('.onnx')]
        if only and stem not in only:
            continue
        task = task_of(entry['task'])
        float_path, candidate_path = os.path.join(data_dir, 'models', entry['file']), os.path.join(folder, stem + '.int8.onnx')
        present, error = os.path.exists(candidate_path), None
        cache = os.path.join(preds, stem + '.float.npz') if preds else None
        reference, peers, candidate = measure_cached(ev, entry['task'], float_path, cache, threads), peers_of(preds, stem), None
        if present:
            try:
                candidate = measure(ev, entry['task'], candidate_path, threads)
            except Exception as e:                          # a broken candidate is a row of the table, not its end
                error = 'error: ' + str(e).splitlines()[0][:80].replace('|', '/')
        ort_name = best_ort(task, peers)
        rows = [candidate, peers.get(ort_name), peers.get('nncf')]
        value = lambda r: show_metric(task, metric_of(task, r)) if r else '-'
        p = lambda r: show_p(paired_p(task, candidate, r)) if candidate and r else '-'
        cells = [stem, task.key, value(reference), value(candidate) if candidate else error or 'absent',
                 value(rows[1]) + (f' ({ort_name[4:]})' if ort_name else ''), value(rows[2]),
                 ' / '.join(flips_of(task, reference, r) if r else '-' for r in rows),
                 p(reference), p(rows[1]), p(rows[2])] + [sqnr(task, reference, r) if r else '-' for r in rows]
        lines.append('| ' + ' | '.join(cells) + ' |')
        print(lines[-1], file=sys.stderr, flush=True)
    return '\n'.join(lines) + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', required=True, help='folder of eval.py')
    parser.add_argument('--peers', help="folder of the other tools' recorded scores")
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--all', metavar='DIR', help='folder with STEM.int8.onnx')
    parser.add_argument('--only', help='comma-separated stems, with --all')
    parser.add_argument('--out', help='with --all: write the table here as well')
    parser.add_argument('--record', action='store_true', help='TASK MODEL.onnx OUT.npz')
    parser.add_argument('args', nargs='*')
    a = parser.parse_args()
    ev = load_eval(a.data)
    if a.all:
        text = table(ev, a.data, a.peers, a.all, a.only.split(',') if a.only else None, a.threads)
        if a.out:
            with open(a.out, 'w') as f:
                f.write(text)
        print(text)
    elif len(a.args) != 3:
        parser.error('expected three arguments')
    elif a.record:
        result = measure(ev, a.args[0], a.args[1], a.threads)
        np.savez_compressed(a.args[2], **result)
        print(result['metrics'])
    else:
        print_one(a.args[0], *compare(ev, *a.args, a.peers, a.threads))


if __name__ == '__main__':
    main()
