#!/usr/bin/env python3
"""A second reader of heap.bin: prints the histogram of a dump, TYPE<TAB>OBJECTS<TAB>BYTES, most bytes first.

    second_reader.py DUMP [--schema format/heap.capnp]

Written from format/FORMAT.md and format/heap.capnp alone: it shares no code with the project. It needs Python's standard library
and the programs zstd and capnp. Types are read with `capnp convert`; the object columns, which are long, straight from
the Cap'n Proto encoding, with the layout that `capnp compile` gives for the schema.

Exit codes: 0 read whole; 2 usage; 3 no dump, or a damaged one (what can be had is printed, the loss said on stderr).
"""
import argparse
import array
import collections
import json
import os
import re
import struct
import subprocess
import sys
import zlib

FILE_HEADER, FRAME_HEADER, TRAILER = 64, 32, 32
MAX_RAW = 64 << 20
KIND_TYPES, KIND_OBJECTS, KIND_END = 3, 7, 20
KINDS_THAT_REPEAT = (18, 19, 21)  # symbols, index, taken
Frame = collections.namedtuple("Frame", "kind flags sequence raw_size stored_size crc offset")


class NoDump(Exception):
    pass


# --- the file ---------------------------------------------------------------------------------------------------------

def frame_at(data, offset):
    """The frame whose header stands at `offset`, or None."""
    header = data[offset:offset + FRAME_HEADER]
    if len(header) < FRAME_HEADER or header[:4] != b"OCFR":
        return None
    kind, flags, sequence, raw, stored, crc, _, own = struct.unpack("<HHIIIIII", header[4:])
    if own != zlib.crc32(header[:28]) or raw > MAX_RAW:
        return None
    return Frame(kind, flags, sequence, raw, stored, crc, offset + FRAME_HEADER)


def is_trailer(data, offset):
    tail = data[offset:offset + TRAILER]
    return len(tail) == TRAILER and tail[:8] == b"OCLWTAIL" and struct.unpack_from("<I", tail, 28)[0] == zlib.crc32(tail[:28])


def is_sound(data, frame):
    return zlib.crc32(data[frame.offset:frame.offset + frame.stored_size]) == frame.crc


def walk(data, losses):
    """All whole frames by sequence number, found without the index."""
    header = data[:FILE_HEADER]
    if len(header) < FILE_HEADER or header[:8] != b"OCLWHEAP":
        raise NoDump("this does not begin as a dump does")
    version, size = struct.unpack_from("<II", header, 8)
    if struct.unpack_from("<I", header, 60)[0] != zlib.crc32(header[:60]) or size != FILE_HEADER:
        losses["damaged file header"] += 1
    elif version > 1:
        raise NoDump(f"format version {version}, this reader knows 1")
    frames, at, in_damage = {}, FILE_HEADER, False
    while at < len(data):
        frame = frame_at(data, at)
        if frame and frame.offset + frame.stored_size <= len(data):
            first = frames.setdefault(frame.sequence, frame)
            if first is not frame:
                same = first[:2] + first[3:6] == frame[:2] + frame[3:6]
                losses["duplicate frames" if same else "conflicting frames"] += 1
                if not is_sound(data, first) and is_sound(data, frame):
                    frames[frame.sequence] = frame
            at, in_damage = frame.offset + frame.stored_size, False
            continue
        if is_trailer(data, at):
            at, in_damage = at + TRAILER, False
            continue
        losses["damaged stretches"] += not in_damage
        in_damage = True
        at = data.find(b"OCFR", at + 1)
        if at < 0:
            break
    if frames:
        losses["missing frames"] += max(frames) + 1 - len(frames)
    if not any(frame.kind == KIND_END for frame in frames.values()):
        losses["missing end frame"] += 1
    return without_copies(data, [frames[sequence] for sequence in sorted(frames)], losses)


def without_copies(data, frames, losses):
    """Frames that stand in the file again under another number are dropped."""
    seen, kept = set(), []
    for frame in frames:
        key = (frame.kind, frame.flags, frame.raw_size, data[frame.offset:frame.offset + frame.stored_size])
        if frame.kind in KINDS_THAT_REPEAT or key not in seen:
            kept.append(frame)
        else:
            losses["duplicate frames"] += 1
        seen.add(key)
    return kept


def messages(data, frames, losses):
    """The decompressed messages of `frames`, in order. One zstd process for all of them."""
    good = []
    for frame in frames:
        stored = data[frame.offset:frame.offset + frame.stored_size]
        if zlib.crc32(stored) != frame.crc:
            losses["frames with a wrong checksum"] += 1
        elif frame.flags & ~1:
            losses["frames of a newer version"] += 1
        else:
            good.append((frame, stored))
    packed = b"".join(stored for frame, stored in good if not frame.flags & 1)
    raw = subprocess.run(["zstd", "-dc"], input=packed, stdout=subprocess.PIPE, check=True).stdout if packed else b""
    at = 0
    for frame, stored in good:
        if frame.flags & 1:
            yield stored
            continue
        yield raw[at:at + frame.raw_size]
        at += frame.raw_size
    if at != len(raw):
        raise NoDump("the frames decompress to another size than their headers say")


# --- Cap'n Proto ------------------------------------------------------------------------------------------------------

def layout(schema, name):
    """Where the fields of a struct lie: {field: (first bit, bits)} and {field: pointer number}."""
    text = subprocess.run(["capnp", "compile", "-ocapnp", schema], stdout=subprocess.PIPE, check=True, text=True).stdout
    body = re.search(r"\nstruct %s @0x[0-9a-f]+ \{(.*?)\n\}" % name, text, re.S).group(1)
    bits, pointers = {}, {}
    for field, place in re.findall(r"\n\s+(\w+) @\d+ :[^;]+;\s+# (\S+ ?\S*)", body):
        if place.startswith("bits"):
            first, last = re.match(r"bits\[(\d+), (\d+)\)", place).groups()
            bits[field] = (int(first), int(last) - int(first))
        else:
            pointers[field] = int(re.match(r"ptr\[(\d+)\]", place).group(1))
    return bits, pointers


class Message:
    """One message of a single segment, as this project's writer makes them (FORMAT.md: others may come: refused)."""

    def __init__(self, data):
        segments, words = struct.unpack_from("<II", data)
        if segments != 0 or 8 + 8 * words != len(data):
            raise NoDump("a message of several segments")
        self.data = memoryview(data)[8:]

    def word(self, index):
        return struct.unpack_from("<Q", self.data, 8 * index)[0]

    def target(self, at):
        """Of the pointer in word `at`: (word it points to, upper 32 bits, its type), or None."""
        pointer = self.word(at)
        if pointer == 0:
            return None
        offset = (pointer & 0xFFFFFFFF) >> 2
        offset -= (offset & (1 << 29)) << 1
        return at + 1 + offset, pointer >> 32, pointer & 3

    def struct(self, at):
        """(first data word, data words, first pointer word, pointer words) of a struct, or None."""
        place = self.target(at)
        if place is None:
            return None
        start, sizes, kind = place
        if kind != 0:
            raise NoDump("a pointer to something else than a struct")
        return start, sizes & 0xFFFF, start + (sizes & 0xFFFF), sizes >> 16

    def numbers(self, at, size_code, type_code):
        """A list of numbers as an array: size_code 3 = 2 bytes, 5 = 8 bytes."""
        place = self.target(at)
        if place is None:
            return array.array(type_code)
        start, upper, kind = place
        if kind != 1 or upper & 7 != size_code:
            raise NoDump("a pointer to something else than a list of numbers")
        values = array.array(type_code)
        values.frombytes(self.data[8 * start:8 * start + (upper >> 3) * values.itemsize])
        if len(values) != upper >> 3:
            raise NoDump("a list that runs past its message")
        if sys.byteorder == "big":
            values.byteswap()
        return values

    def sparse(self, at):
        """A list of SparseValue as (row, value)."""
        place = self.target(at)
        if place is None:
            return
        start, upper, kind = place
        if kind != 1 or upper & 7 != 7:
            raise NoDump("a pointer to something else than a list of structs")
        tag = self.word(start)
        count, stride = (tag & 0xFFFFFFFF) >> 2, (tag >> 32 & 0xFFFF) + (tag >> 48)
        for i in range(count):
            at = start + 1 + i * stride
            yield self.word(at) & 0xFFFFFFFF, self.word(at + 1)


def column(message, at):
    """value[i] = low[i] + 65536 * high[i]; an empty high is all zero."""
    place = message.struct(at)
    if place is None:
        return array.array("H")
    low = message.numbers(place[2], 3, "H")
    high = message.numbers(place[2] + 1, 3, "H")
    if not high:
        return low
    if len(high) != len(low):
        raise NoDump("halves of a column that differ in length")
    return array.array("Q", (a + (b << 16) for a, b in zip(low, high)))


# --- the histogram ----------------------------------------------------------------------------------------------------

def type_names(data, frames, schema, losses):
    joined = b"".join(messages(data, [f for f in frames if f.kind == KIND_TYPES], losses))
    text = subprocess.run(["capnp", "convert", "binary:json", schema, "Types"], input=joined, stdout=subprocess.PIPE,
                          check=True).stdout.decode("utf-8", "backslashreplace") if joined else ""
    names, decoder, at = {}, json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        table, at = decoder.raw_decode(text, at)
        for number, row in enumerate(table.get("types", []), int(table.get("first", 0))):
            names[number] = row.get("name", "")
    return names


def histogram(data, frames, schema, losses):
    bits, pointers = layout(schema, "Objects")
    count_bit, count_bits = bits["count"]
    objects, size_of = collections.Counter(), collections.Counter()
    for raw in messages(data, [f for f in frames if f.kind == KIND_OBJECTS], losses):
        message = Message(raw)
        root, data_words, first_pointer, _ = message.struct(0)
        count = int.from_bytes(message.data[8 * root + count_bit // 8:8 * root + (count_bit + count_bits) // 8], "little")
        types = column(message, first_pointer + pointers["types"])
        sizes = column(message, first_pointer + pointers["sizes"])
        if len(types) != count or len(sizes) != count:
            raise NoDump("columns that differ in length")
        huge = dict(message.sparse(first_pointer + pointers["hugeSizes"]))
        pairs = collections.Counter(zip(types, sizes))
        for (kind, size), n in pairs.items():
            objects[kind] += n
            size_of[kind] += n * size
        for row, size in huge.items():
            size_of[types[row]] += size - sizes[row]
    return objects, size_of


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Histogram of a heap.bin, by a reader written from FORMAT.md alone.")
    parser.add_argument("dump")
    parser.add_argument("--schema", default=os.path.join(here, "..", "..", "format", "heap.capnp"))
    arguments = parser.parse_args()
    losses = collections.Counter()
    try:
        with open(arguments.dump, "rb") as file:
            data = file.read()
        frames = walk(data, losses)
        names = type_names(data, frames, arguments.schema, losses)
        objects, size_of = histogram(data, frames, arguments.schema, losses)
    except (NoDump, OSError, struct.error, subprocess.CalledProcessError) as problem:
        print(f"second_reader.py: {arguments.dump}: {problem}", file=sys.stderr)
        return 3
    by_name = collections.defaultdict(lambda: [0, 0])
    for number, n in objects.items():
        row = by_name[names.get(number, f"type {number}")]
        row[0] += n
        row[1] += size_of[number]
    for name, (n, size) in sorted(by_name.items(), key=lambda item: (-item[1][1], item[0])):
        print(f"{name}\t{n}\t{size}")
    losses = {name: n for name, n in losses.items() if n}
    for name, n in losses.items():
        print(f"second_reader.py: {arguments.dump}: {n} {name}", file=sys.stderr)
    return 3 if losses.keys() - {"duplicate frames"} else 0


if __name__ == "__main__":
    sys.exit(main())
