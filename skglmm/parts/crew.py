"""Processes that keep parts of a fit and work on them as they are told, one for each more core.

They are started as programs of their own, not by `multiprocessing`: they know nothing of the main
module, so that a script needs no guard, and may be started from any process or thread. What they
are told comes through their standard input, and a process whose input ends has nothing left to do.
"""

import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np

from skglmm.parts.wire import pickled, receive, send

__all__ = ["Crew", "can_start_processes"]

PROGRAM = Path(__file__).with_name("sparing.py")
LIBRARIES = ("OPENBLAS_NUM", "OMP_NUM", "MKL_NUM", "BLIS_NUM", "VECLIB_MAXIMUM")
GRACE = 2.0  # seconds in which a process may finish what it does


def can_start_processes() -> bool:
    """Return whether this Python can start others that run the same code."""
    is_frozen = getattr(sys, "frozen", False)
    can_start = sys.platform not in {"emscripten", "wasi"} and PROGRAM.is_file()
    return bool(sys.executable) and not is_frozen and can_start


class Crew:
    """Processes beside this one, which is the first of those that share the parts.

    They are started by `start`, and end with the block of a ``with`` statement. Orders are carried
    out in turn and have no answer, so that nobody waits before a sum is asked for.

    Parameters
    ----------
    n_others : int
        Processes to start.
    """

    def __init__(self, n_others: int) -> None:
        self.n_others = n_others
        self._processes: list[subprocess.Popen[bytes]] = []
        self._keys, self._serials = count(), count()
        self._dropped: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the processes, which takes them a second in which there is other work to do."""
        if self._processes:
            return
        one_thread = {f"{name}_THREADS": "1" for name in LIBRARIES}
        for place in range(self.n_others):
            process = subprocess.Popen(
                [sys.executable, "-P", str(PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **one_thread},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows
            )
            self._processes.append(process)
            self._write(place, pickle.dumps(sys.path), framed=False)
            self._write(place, pickled((place, np.geterr())))

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for process in self._processes:
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(OSError):  # what is left to be written has nobody to read it
                    pipe.close()
        for process in self._processes:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def new_key(self) -> int:
        """Return a name for parts that the processes are to keep."""
        return next(self._keys)

    def drop(self, key: int) -> None:
        """Have the processes forget some parts, with the next order."""
        self._dropped.append(key)

    def order(self, what: str, *details: Any) -> None:
        """Tell all processes to do something that has no answer."""
        dropped, self._dropped = self._dropped, []
        message = _message(what, details, dropped)
        for place in range(self.n_others):
            self._write(place, message)

    def give(self, place: int, key: int, parts: Sequence[Any]) -> None:
        """Send parts to one process, to be kept."""
        self._write(place, _message("keep", (key,)))
        for part in parts:  # one at a time: what is on its way needs memory, too
            self._write(place, _message("add", (key, part)))

    def ask(self, what: str, *details: Any) -> Iterator[Any]:
        """Ask all processes; the answers come in their order, as they are needed."""
        serial = next(self._serials)
        message = _message(what, (serial, *details))
        for place in range(self.n_others):
            self._write(place, message)
        return (self._answer(place, serial) for place in range(self.n_others))

    def ask_one(self, place: int, what: str, *details: Any) -> Any:
        """Ask one process."""
        serial = next(self._serials)
        self._write(place, _message(what, (serial, *details)))
        return self._answer(place, serial)

    def _write(self, place: int, message: bytes, *, framed: bool = True) -> None:
        pipe = self._processes[place].stdin
        assert pipe is not None
        try:
            send(pipe, message, framed=framed)
        except OSError as error:
            self._refuse_lost(place, error)

    def _answer(self, place: int, serial: int) -> Any:
        pipe = self._processes[place].stdout
        assert pipe is not None
        answered = -1
        while answered != serial:  # earlier answers are those that nobody waited for
            try:
                answered, is_found, found, told = pickle.loads(receive(pipe))
            except EOFError as error:
                self._refuse_lost(place, error)
            for message, category, path, line in told:
                warnings.warn_explicit(message, category, path, line)
        if not is_found:
            raise found
        return found

    def _refuse_lost(self, place: int, error: Exception) -> None:
        process = self._processes[place]
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        msg = (
            f"a process that n_jobs={self.n_others + 1} started for the rows of this fit ended "
            f"before its time (exit code {process.returncode}), as when memory runs out, or when "
            "it cannot import what the model is made of; n_jobs=None fits in one process"
        )
        raise RuntimeError(msg) from error


def _message(what: str, details: tuple[Any, ...], dropped: Sequence[int] = ()) -> bytes:
    """Return what is to be done, after some parts are forgotten."""
    return pickled((what, details, dropped))
