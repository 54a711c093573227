"""Messages between processes that own parts: pickles with their lengths, over a pipe."""

import pickle
import struct
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import IO, Any

import numpy as np

__all__ = ["pickled", "receive", "send"]

LENGTH = struct.Struct("!Q")


def send(pipe: IO[bytes], message: bytes, *, framed: bool = True) -> None:
    """Write a message, with its length before it if it is `framed`."""
    if framed:
        pipe.write(LENGTH.pack(len(message)))
    pipe.write(message)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes:
    """Read a message with its length; EOFError where the other end is closed."""
    (length,) = LENGTH.unpack(_read(pipe, LENGTH.size))
    return _read(pipe, length)


def pickled(message: Any) -> bytes:
    """Pickle what may have been defined in the main module, which the receiver does not know."""
    file = BytesIO()
    _pickler()(file, protocol=pickle.HIGHEST_PROTOCOL).dump(message)
    return file.getvalue()


def _read(pipe: IO[bytes], length: int) -> bytes:
    found = pipe.read(length)
    if len(found) < length:
        raise EOFError
    return found


@cache
def _pickler() -> Any:
    try:  # which a worker does not need
        cloudpickle = import_module("joblib.externals.cloudpickle")
    except ImportError:  # joblib requires it since version 1.6
        cloudpickle = import_module("cloudpickle")
    base: Any = cloudpickle.Pickler

    class Pickler(base):  # type: ignore[misc]  # of a type that is not known
        """Sends what the main module defines by value, and arrays in the order that they have.

        An array that is a part of one in Fortran order would arrive in C order, of which products
        have other last digits.
        """

        def reducer_override(self, obj: Any) -> Any:
            if type(obj) is np.ndarray and not obj.flags.forc and not obj.dtype.hasobject:
                return obj.copy(order="K").__reduce_ex__(pickle.HIGHEST_PROTOCOL)
            return super().reducer_override(obj)

    return Pickler
