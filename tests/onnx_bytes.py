"""ONNX models put together byte by byte, so that they can break every rule.
Numbers are the field numbers of onnx.proto3."""
import struct


def varint(number):
    number &= (1 << 64) - 1
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    data.append(number)
    return bytes(data)


def field(number, value):
    """An int, a float, a string, or bytes that are a message."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(number, values):
    return b"".join(field(number, value) for value in values)


FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16 = 1, 2, 3, 6, 7, 9, 10


def tensor(name, dims, raw, dtype=FLOAT):
    return (fields(1, dims) + field(2, dtype) + field(8, name) +
            field(9, raw))


def floats(name, dims, values):
    return tensor(name, dims, struct.pack(f"<{len(values)}f", *values))


def ints(name, values, dims=None):
    return tensor(name, [len(values)] if dims is None else dims,
                  struct.pack(f"<{len(values)}q", *values), INT64)


def numbers(name, dims, values, dtype):
    """By int32_data, where each entry has room for more than its type."""
    return (fields(1, dims) + field(2, dtype) + field(8, name) +
            fields(5, values))


def info(name, dims=None, dtype=FLOAT):
    """Dimensions are ints or names; None: of unknown rank."""
    kind = field(1, dtype)
    if dims is not None:
        kind += field(2, b"".join(
            field(1, field(2 if isinstance(d, str) else 1, d)) for d in dims))
    return field(1, name) + field(2, field(1, kind))


def attribute(name, value):
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    return field(1, name) + fields(8, value) + field(20, 7)


def node(op_type, inputs, outputs, name="", domain="", **attributes):
    return (fields(1, inputs) + fields(2, outputs) + field(3, name) +
            field(4, op_type) + field(7, domain) +
            fields(5, [attribute(k, v) for k, v in attributes.items()]))


def model(nodes, inputs, outputs, initializers=(), opset=21, name="graph"):
    graph = (fields(1, nodes) + field(2, name) + fields(5, initializers) +
             fields(11, inputs) + fields(12, outputs))
    return (field(1, 10) + field(7, graph) + field(8, field(2, opset)) +
            field(8, field(1, "com.microsoft") + field(2, 1)))
