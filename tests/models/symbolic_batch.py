"""Gives a model whose batch is fixed to 1 a symbolic one, as a new export
would: the first dimension of its inputs and outputs becomes a name, and a
constant target of a Reshape that begins with it, a 0 (taken from the input).
Plain bytes: no package needed. Numbers are onnx.proto3's field numbers."""
import struct

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 1, 5, 11, 12
GRAPH_VALUE_INFO = 13  # shapes in between: inferred again
NODE_INPUT, NODE_TYPE = 1, 4
TENSOR_NAME, TENSOR_INT64, TENSOR_RAW = 8, 7, 9
# ValueInfoProto.type, TypeProto.tensor_type, .shape, .dim
TO_DIMENSION = (2, 1, 2, 1)
DIM_NAME = 2


def read_varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def varint(number):
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])


def fields(data):
    """(number, content, whole field); content is None where it has no length."""
    at = 0
    while at < len(data):
        start = at
        key, at = read_varint(data, at)
        content = None
        if key & 7 == 0:
            _, at = read_varint(data, at)
        elif key & 7 == 2:
            length, at = read_varint(data, at)
            content = data[at:at + length]
            at += length
        else:
            at += 8 if key & 7 == 1 else 4
        yield key >> 3, content, data[start:at]


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def edited(data, edit):
    """edit(number, content) gives the new content, or None to drop the field;
    fields without a length stay."""
    parts = []
    for number, content, whole in fields(data):
        if content is None:
            parts.append(whole)
            continue
        new = edit(number, content)
        if new is not None:
            parts.append(whole if new is content else field(number, new))
    return b"".join(parts)


def strings(data, wanted):
    return [c.decode() for n, c, _ in fields(data) if n == wanted]


def with_name(info, path=TO_DIMENSION, name=b"batch"):
    """A value's description with its first dimension named."""
    done = False

    def edit(number, content):
        nonlocal done
        if done or number != path[0]:
            return content
        done = True
        if len(path) > 1:
            return with_name(content, path[1:], name)
        return field(DIM_NAME, name)
    return edited(info, edit)


def from_input(tensor):
    """A Reshape target [1, ...] as [0, ...]."""
    def edit(number, content):
        if number == TENSOR_RAW and content[:8] == struct.pack("<q", 1):
            return bytes(8) + content[8:]
        if number == TENSOR_INT64 and content[:1] == b"\1":
            return b"\0" + content[1:]
        return content
    return edited(tensor, edit)


def targets(graph):
    """Names of what reshapes something that is computed."""
    constants = {strings(c, TENSOR_NAME)[0] for n, c, _ in fields(graph)
                 if n == GRAPH_INITIALIZER}
    for number, node, _ in fields(graph):
        if number == GRAPH_NODE and strings(node, NODE_TYPE) == ["Reshape"]:
            data, target = strings(node, NODE_INPUT)
            if data not in constants:
                yield target


def symbolic_batch(model):
    """The bytes of the model with a batch of any size."""
    def edit_graph(graph):
        shapes = set(targets(graph))
        constants = {strings(c, TENSOR_NAME)[0] for n, c, _ in fields(graph)
                     if n == GRAPH_INITIALIZER}

        def edit(number, content):
            if number == GRAPH_VALUE_INFO:
                return None
            if number == GRAPH_INITIALIZER:
                named = strings(content, TENSOR_NAME)[0] in shapes
                return from_input(content) if named else content
            if number == GRAPH_OUTPUT or (
                    number == GRAPH_INPUT and
                    strings(content, 1)[0] not in constants):
                return with_name(content)
            return content
        return edited(graph, edit)
    return edited(model, lambda number, content:
                  edit_graph(content) if number == MODEL_GRAPH else content)
