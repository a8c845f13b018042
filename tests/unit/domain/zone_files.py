"""The changes of a zone's clock as its file in the tz database spells them out."""

import struct
from importlib.resources import files

from ductape.domain.time.wallclock import Change


def listed_changes(name: str) -> list[Change]:
    """Read the changes since 1970 that a zone's file spells out (RFC 9636, version 2)."""
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    v1 = struct.unpack(">6l", data[20:44])
    start = 44 + v1[3] * 5 + v1[4] * 6 + v1[5] + v1[2] * 8 + v1[1] + v1[0]
    _, _, _, times, types, _ = struct.unpack(">6l", data[start + 20 : start + 44])
    body = start + 44
    moments = struct.unpack(f">{times}q", data[body : body + 8 * times])
    kinds = data[body + 8 * times : body + 9 * times]
    table = body + 9 * times
    offsets = [
        struct.unpack(">l", data[table + 6 * n : table + 6 * n + 4])[0] for n in range(types)
    ]
    found: list[Change] = []
    before = offsets[0]
    for at_s, kind in zip(moments, kinds, strict=True):
        if offsets[kind] != before and at_s >= 0:
            found.append(Change(at_s, before, offsets[kind]))
        before = offsets[kind]
    return found
