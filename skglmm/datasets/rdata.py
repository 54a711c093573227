"""A reader for data frames in the binary files that R's ``save`` writes."""

import gzip
import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["read_frame"]

MAX_BYTES = 10_000_000  # of an unpacked file: far more than a teaching data set has
MAX_DEPTH = 50  # of lists within lists
MISSING_INT = -(2**31)

# Types of R objects in a stream, from the section "Serialization Formats" of R Internals.
SYMBOL, PAIRLIST, CHARS, LOGICAL, INTEGER, REAL, STRINGS, LIST = 1, 2, 9, 10, 13, 14, 16, 19
NIL, REFERENCE = 254, 255
HAS_ATTRIBUTES, HAS_TAG = 0x200, 0x400


def read_frame(content: bytes, name: str) -> pd.DataFrame:
    """Return the data frame called `name` from the content of an ``.RData`` file.

    Numbers, logicals, texts and factors (as texts) are read, which is what a plain data frame
    holds; nothing in the file is executed. The format is described in [1]_.

    References
    ----------
    .. [1] R Core Team. R Internals, section 1.8, Serialization Formats.
    """
    try:
        objects = _Stream(_unpack(content)).objects()
        if name not in objects:
            msg = f"expected a data frame {name!r} in the R data file, found {sorted(objects)}"
            raise ValueError(msg)
        columns = objects[name]
        labels = columns.attributes["names"].values
        return pd.DataFrame(dict(zip(labels, map(_column, columns.values), strict=True)))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        msg = f"expected {name!r} to be a plain data frame in a sound R data file: {error!r}"
        raise ValueError(msg) from error


@dataclass
class _Vector:
    """A vector of R: an array or a list, and attributes."""

    values: Any
    attributes: dict[str, "_Vector"] = field(default_factory=dict)


def _unpack(content: bytes) -> bytes:
    """Decompress, and check that the file is of R's binary format."""
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(MAX_BYTES + 1)
        except (EOFError, OSError, zlib.error) as error:
            msg = f"expected a complete gzip file, and it cannot be unpacked: {error}"
            raise ValueError(msg) from error
    if len(content) > MAX_BYTES:
        msg = f"expected an R data file of at most {MAX_BYTES} bytes unpacked, got more"
        raise ValueError(msg)
    if content[:7] not in (b"RDX2\nX\n", b"RDX3\nX\n"):
        msg = f"expected an R data file (gzip, binary, version 2 or 3), it starts {content[:7]!r}"
        raise ValueError(msg)
    return content


def _column(vector: _Vector) -> Any:
    """Turn a vector of R into what a column of a frame is made from."""
    values, levels = vector.values, vector.attributes.get("levels")
    if levels is not None:
        return [None if code < 1 else levels.values[code - 1] for code in values]
    if isinstance(values, np.ndarray) and values.dtype.kind == "i" and MISSING_INT in values:
        return np.where(values == MISSING_INT, np.nan, values)
    return values


class _Stream:
    """A walk through the objects of an unpacked file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 7  # behind "RDX2\nX\n"
        self._depth = 0
        self._symbols: list[str] = []

    def objects(self) -> dict[str, Any]:
        """Return the saved objects by name."""
        version = self._int()
        self._take(8)  # the versions of R that wrote it and that can read it
        if version == 3:
            self._take(self._int())  # the encoding of texts that do not say theirs
        saved = self._item()
        return saved if isinstance(saved, dict) else {}

    def _take(self, size: int) -> bytes:
        """Return the next bytes."""
        start, self._at = self._at, self._at + size
        if size < 0 or self._at > len(self._content):
            msg = f"expected {size} more bytes at {start} of an R data file of {len(self._content)}"
            raise ValueError(msg)
        return self._content[start : self._at]

    def _int(self) -> int:
        return int(struct.unpack(">i", self._take(4))[0])

    def _numbers(self, dtype: str) -> np.ndarray[Any, Any]:
        raw = self._take(np.dtype(dtype).itemsize * self._int())
        return np.frombuffer(raw, dtype).astype(np.dtype(dtype).newbyteorder("="))

    def _item(self) -> Any:
        """Return the next object, one level deeper."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            msg = f"expected lists within lists at most {MAX_DEPTH} deep in an R data file"
            raise ValueError(msg)
        flags = self._int()
        item = self._plain(flags) if flags & 0xFF not in _VECTORS else self._vector(flags)
        self._depth -= 1
        return item

    def _plain(self, flags: int) -> Any:
        """Read what is not a vector: nothing, a text, a symbol or a pairlist."""
        kind = flags & 0xFF
        if kind == NIL:
            return None
        if kind == CHARS:
            size = self._int()
            return None if size == -1 else self._take(size).decode("utf-8")
        if kind == SYMBOL:
            self._symbols.append(self._item())
            return self._symbols[-1]
        if kind == REFERENCE:
            return self._symbols[(flags >> 8 or self._int()) - 1]
        if kind == PAIRLIST:
            return self._pairs(flags)
        msg = f"expected a plain data frame in the R data file, found an object of type {kind}"
        raise ValueError(msg)

    def _vector(self, flags: int) -> _Vector:
        """Read a vector and its attributes."""
        kind = flags & 0xFF
        values = (
            self._numbers(_VECTORS[kind])
            if _VECTORS[kind]
            else [self._item() for _ in range(self._int())]
        )
        return _Vector(values, (self._item() or {}) if flags & HAS_ATTRIBUTES else {})

    def _pairs(self, flags: int) -> dict[str, Any]:
        """Read a pairlist to its end, keeping the entries that have a name."""
        pairs: dict[str, Any] = {}
        while flags & 0xFF == PAIRLIST:
            if flags & HAS_ATTRIBUTES:
                self._item()
            tag = self._item() if flags & HAS_TAG else None
            value = self._item()
            if tag is not None:
                pairs[tag] = value
            flags = self._int()
        return pairs


_VECTORS = {LOGICAL: ">i4", INTEGER: ">i4", REAL: ">f8", STRINGS: "", LIST: ""}
