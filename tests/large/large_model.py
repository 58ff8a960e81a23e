"""Networks of any size with external data, for tests and measurements.

A network is an embedding table, a chain of square products and a final
product, as a language model has them. The weights are random blocks written
one after the other, so that writing needs little memory; with `sparse` most
of the data file is a hole.

As a program: large_model.py OUT.onnx --width 4096 --layers 80 --vocab 32000
"""
import argparse
import os

import numpy as np

FLOAT, INT64 = 1, 7
BLOCK = 1 << 22  # numbers written at once


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def field(number_, content):
    if isinstance(content, str):
        content = content.encode()
    return varint(number_ << 3 | 2) + varint(len(content)) + content


def entry(key, value):
    return field(1, key) + field(2, str(value))


def attribute(name, value):
    return field(5, field(1, name) + number(3, value) + number(20, 2))


def node(op_type, inputs, output, attributes=b''):
    return field(1, b''.join(field(1, name) for name in inputs) +
                 field(2, output) + field(3, output) + field(4, op_type) +
                 attributes)


def value_info(field_number, name, dtype, dims):
    shape = b''.join(
        field(1, field(2, d) if isinstance(d, str) else number(1, d))
        for d in dims)
    tensor = field(1, number(1, dtype) + field(2, shape))
    return field(field_number, field(1, name) + field(2, tensor))


class Weights:
    """The data file, one float32 tensor after the other."""

    def __init__(self, path, sparse, seed):
        self.name = os.path.basename(path)
        self.file = open(path, 'wb')
        self.sparse = sparse
        self.block = np.random.default_rng(seed).standard_normal(
            BLOCK, dtype=np.float32) * np.float32(0.02)
        self.messages = b''
        self.count = 0

    def add(self, name, *dims):
        count = int(np.prod(dims))
        offset = -(-self.file.tell() // 4096) * 4096
        self.file.seek(offset)
        # Every tensor is another one: equal constants would become one.
        self.count += 1
        self.block[0] = 0.001 * self.count
        for done in range(0, count, BLOCK):
            part = self.block[:min(BLOCK, count - done)]
            # A tenth of a sparse file is there.
            if self.sparse:
                part = part[:max(1, len(part) // 10)]
            part.tofile(self.file)
            self.file.seek(offset + 4 * min(done + BLOCK, count))
        self.file.truncate(offset + 4 * count)
        external = (('location', self.name), ('offset', offset),
                    ('length', 4 * count))
        self.messages += field(
            5, b''.join(number(1, d) for d in dims) + number(2, FLOAT) +
            field(8, name) +
            b''.join(field(13, entry(*pair)) for pair in external) +
            number(14, 1))
        return name


def write_model(path, width, layers, vocab, gemm=False, sparse=False, seed=1,
                data=None):
    """ids [n] -> logits [n, vocab], or x0 [n, width] -> [n, width] without a
    table. gemm: weights are held transposed. Returns the bytes written."""
    path = str(path)
    data = str(data or path + '.bin')
    weights = Weights(data, sparse, seed)
    nodes = b''
    if vocab:
        table = weights.add('table', vocab, width)
        nodes += node('Gather', [table, 'ids'], 'x0')
        inputs = value_info(11, 'ids', INT64, ['n'])
    else:
        inputs = value_info(11, 'x0', FLOAT, ['n', width])
    sizes = [(width, width)] * layers + [(width, vocab)] * bool(vocab)
    for i, (k, n) in enumerate(sizes):
        dims = (n, k) if gemm else (k, n)
        weight = weights.add(f'w{i}', *dims)
        operands = [f'x{i}', weight]
        if gemm:
            nodes += node('Gemm', operands, f'x{i + 1}',
                          attribute('transB', 1))
        else:
            nodes += node('MatMul', operands, f'x{i + 1}')
    outputs = value_info(12, f'x{len(sizes)}', FLOAT,
                         ['n', vocab if vocab else width])
    graph = (nodes + field(2, 'large') + weights.messages + inputs + outputs)
    weights.file.close()
    with open(path, 'wb') as model:
        model.write(number(1, 8) + field(7, graph) +
                    field(8, field(1, '') + number(2, 17)))
    return os.path.getsize(path) + os.path.getsize(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('output')
    parser.add_argument('--width', type=int, default=4096)
    parser.add_argument('--layers', type=int, default=4)
    parser.add_argument('--vocab', type=int, default=0)
    parser.add_argument('--gemm', action='store_true')
    parser.add_argument('--sparse', action='store_true')
    args = parser.parse_args()
    print(write_model(args.output, args.width, args.layers, args.vocab,
                      args.gemm, args.sparse), 'bytes')


if __name__ == '__main__':
    main()
