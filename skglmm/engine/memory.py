"""How much memory there is, and how many crossed effects a dense matrix of it can hold."""

import os
from collections.abc import Iterator
from math import isqrt
from pathlib import Path

__all__ = ["available_bytes", "dense_max", "fits", "shortage"]

# Matrices of all crossed effects that are there at once: the factor, the inverse, products of
# entries, and what each of these is made from.
MATRICES = 5
ALWAYS = 1_000  # crossed effects that take 40 MB, for which nobody is asked
UNKNOWN = 10_000  # crossed effects where nothing is known of the memory: 4 GB
MEMINFO = Path("/proc/meminfo")
GROUPS = Path("/sys/fs/cgroup")
GROUP = Path("/proc/self/cgroup")
# Of the two versions of control groups: the limit, what is used, and a line of memory.stat with
# what of that are copies of files, which make room.
FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def fits(n_crossed: int) -> bool:
    """Return whether so many crossed effects can be factorized in the memory that is there now."""
    return n_crossed <= ALWAYS or n_crossed <= dense_max()


def dense_max() -> int:
    """Return how many crossed effects have room in the memory that is there now.

    A factorization has `MATRICES` matrices of them. Where nothing is known of the memory it is
    `UNKNOWN`.
    """
    n_bytes = available_bytes()
    return UNKNOWN if n_bytes is None else isqrt(max(n_bytes, 0) // (8 * MATRICES))


def shortage(n_crossed: int) -> str:
    """Say in words how much memory so many crossed effects take, and how much there is."""
    there = available_bytes()
    known = "is not known" if there is None else f"is {1e-9 * max(there, 0):,.1f} GB"
    needed = 8e-9 * MATRICES * n_crossed**2
    return f"takes {needed:,.1f} GB, and the memory that is available {known}"


def available_bytes() -> int | None:
    """Return the memory that can still be had: of the machine, and of the control group.

    None where the system tells neither, as outside of Linux.
    """
    known = [n for n in (_machine(), *_groups()) if n is not None]
    return min(known, default=None)


def _machine() -> int | None:
    """Memory that no program uses, with what the system would give back."""
    for line in _text(MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _groups() -> Iterator[int | None]:
    """What is left of the limits of the control groups of this process, and of those around it."""
    for line in _text(GROUP).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            base = GROUPS / controllers
            own = base / path.lstrip("/")
            for folder in (own, *own.parents):
                if folder == base or base in folder.parents:
                    yield from (_left(folder, *names) for names in FILES)


def _left(folder: Path, limit: str, used: str, spare: str) -> int | None:
    most, current = (_text(folder / name).strip() for name in (limit, used))
    if not (most.isdigit() and current.isdigit()):  # "max": there is no limit
        return None
    lines = (line.split() for line in _text(folder / "memory.stat").splitlines())
    spared = sum(int(line[1]) for line in lines if line[:1] == [spare])
    return int(most) - int(current) + spared


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError):
        return ""
