"""What a process of a `Crew` does: keep parts, apply functions to them, answer with the results."""

import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np

from skglmm.parts.wire import receive, send

__all__ = ["serve"]


class _Failed(Exception):  # noqa: N818 -- it stands where a result would be
    """Instead of parts: what went wrong when they were made."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Worker:
    """Parts by the keys that they were given; those that could not be made are a failure."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.parts: dict[int, list[Any] | _Failed] = {}

    def drop(self, keys: Sequence[int]) -> None:
        for key in keys:
            self.parts.pop(key, None)

    def keep(self, key: int) -> None:
        self.parts[key] = []

    def add(self, key: int, part: Any) -> None:
        self._found(key).append(part)

    def map(
        self, key: int, function: Callable[..., Any], keys: Sequence[int], common: dict[str, Any]
    ) -> None:
        try:
            columns = zip(*[self._found(each) for each in keys], strict=True)
            self.parts[key] = [function(*each, **common) for each in columns]
        except _Failed as failed:
            self.parts[key] = failed
        except Exception as error:  # noqa: BLE001 -- raised again where the result is asked for
            self.parts[key] = _Failed(error)

    def some(self, key: int, source: int, places: Sequence[Sequence[int]]) -> None:
        found = self.parts[source]
        mine = places[self.place]
        self.parts[key] = found if isinstance(found, _Failed) else [found[j] for j in mine]

    def bring(self, key: int) -> list[Any]:
        return self._found(key)

    def accumulate(
        self,
        function: Callable[..., None],
        keys: Sequence[int],
        out: Any,
        common: dict[str, Any],
    ) -> Any:
        for part, *more in zip(*[self._found(each) for each in keys], strict=True):
            function(part, out, *more, **common)
        return out

    def _found(self, key: int) -> list[Any]:
        found = self.parts[key]
        if isinstance(found, _Failed):
            raise found
        return found


ANSWERED = {"bring", "accumulate"}


def serve() -> None:
    """Carry out orders from the standard input until it ends."""
    requests, answers = _pipes()
    told: list[tuple[Any, ...]] = []
    _collect_warnings(told)
    try:
        place, errors = pickle.loads(receive(requests))
        np.seterr(**errors)
        worker = _Worker(place)
        while True:
            what, details, dropped = pickle.loads(receive(requests))
            worker.drop(dropped)
            call = getattr(worker, what)
            if what not in ANSWERED:
                call(*details)
                continue
            serial, *rest = details
            send(answers, _answer(serial, call, rest, told))
            told.clear()
    except (EOFError, OSError):  # the parent has what it wanted, or is no more
        os._exit(0)  # nothing here is to be tidied up


def _answer(serial: int, call: Callable[..., Any], details: Any, told: list[Any]) -> bytes:
    """Return an answer: its number, whether there is a result, this or an error, warnings."""
    try:
        return pickle.dumps((serial, True, call(*details), told))
    except Exception as error:  # noqa: BLE001 -- raised again where it is asked for
        cause = error.cause if isinstance(error, _Failed) else error
    cause.add_note("".join(traceback.format_exception(cause)))
    try:
        message = pickle.dumps((serial, False, cause, told))
        pickle.loads(message)
    except Exception:  # noqa: BLE001
        plain = RuntimeError(f"{type(cause).__name__}: {cause}")
        return pickle.dumps((serial, False, plain, []))
    return message


def _pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Take the standard streams for messages; what is printed goes where errors go.

    An interrupt from the keyboard is for the parent process, which ends this one.
    """
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 -- as long as there is a process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return requests, answers


def _collect_warnings(told: list[tuple[Any, ...]]) -> None:
    """Keep warnings for the parent process, whose filters decide."""

    def keep(message: Any, category: Any, filename: str, lineno: int, *_: Any, **__: Any) -> None:
        told.append((str(message), category, filename, lineno))

    warnings.resetwarnings()
    warnings.simplefilter("default")
    warnings.showwarning = keep
