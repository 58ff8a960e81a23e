"""Small ONNX files for tests, written field by field: no package needed."""
import struct

FLOAT, INT64 = 1, 7


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    """Strings, bytes and nested messages are length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def tensor(name, dims, values, dtype=FLOAT):
    raw = struct.pack(f"<{len(values)}{'f' if dtype == FLOAT else 'q'}",
                      *values)
    return (b"".join(field(1, d) for d in dims) + field(2, dtype) +
            field(8, name) + field(9, raw))


def value_info(name, dims, dtype=FLOAT):
    shape = b"".join(
        field(1, field(2, d) if isinstance(d, str) else field(1, d))
        for d in dims)
    return field(1, name) + field(2, field(1, field(1, dtype) +
                                           field(2, shape)))


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    return (field(1, name) + b"".join(field(8, v) for v in value) +
            field(20, 7))


def node(op_type, inputs, outputs, **attributes):
    return (b"".join(field(1, i) for i in inputs) +
            b"".join(field(2, o) for o in outputs) +
            field(3, outputs[-1]) + field(4, op_type) +
            b"".join(field(5, attribute(k, v)) for k, v in attributes.items()))


def model(nodes, initializers, inputs, outputs, opset=17):
    graph = (b"".join(field(1, n) for n in nodes) + field(2, "g") +
             b"".join(field(5, t) for t in initializers) +
             b"".join(field(11, i) for i in inputs) +
             b"".join(field(12, o) for o in outputs))
    return (field(1, 8) + field(7, graph) +
            field(8, field(1, "") + field(2, opset)))
