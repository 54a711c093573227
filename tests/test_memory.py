"""What is read of the memory of a machine and of its control groups, and what is done about it."""

import numpy as np
import pandas as pd
import pytest

from skglmm import LMMRegressor
from skglmm.engine import memory
from skglmm.exceptions import DesignError

MEMINFO = "MemTotal: 16000000 kB\nMemFree: 100 kB\nMemAvailable: 8000000 kB\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with 8 GB available, whose process is in the control group /a/b."""
    files = {"MEMINFO": "meminfo", "GROUP": "group", "GROUPS": "groups"}
    for name, file in files.items():
        monkeypatch.setattr(memory, name, tmp_path / file)
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "group").write_text("0::/a/b\n")
    return tmp_path


def limit(folder, names, *numbers):
    folder.mkdir(parents=True, exist_ok=True)
    for name, number in zip((*names[:2], "memory.stat"), numbers, strict=True):
        (folder / name).write_text(f"{number}\n")


def test_available_memory_is_that_of_the_machine_without_a_limit(machine):
    assert memory.available_bytes() == 8_192_000_000
    limit(machine / "groups" / "a", memory.FILES[0], "max", 5, "inactive_file 3")
    assert memory.available_bytes() == 8_192_000_000
    assert memory.dense_max() == 14_310  # of which five matrices are 8.19 GB


@pytest.mark.parametrize("folder", ["", "a", "a/b"])
def test_limits_of_control_groups_around_the_process_count(machine, folder):
    stat = "anon 7\ninactive_file 300000000\nactive_file 9"
    limit(machine / "groups" / folder, memory.FILES[0], 4_000_000_000, 1_000_000_000, stat)
    assert memory.available_bytes() == 3_300_000_000


def test_limits_of_the_first_version_of_control_groups_count(machine):
    (machine / "group").write_text("5:cpu:/x\n4:memory:/a\n")
    stat = "total_inactive_file 100"
    limit(machine / "groups" / "memory" / "a", memory.FILES[1], 4_000, 1_000, stat)
    assert memory.available_bytes() == 3_100


def test_where_nothing_is_known_as_many_effects_as_before_are_factorized(machine, monkeypatch):
    (machine / "meminfo").unlink()
    monkeypatch.setattr("skglmm.engine.memory.os.sysconf", lambda name: 1000, raising=False)
    assert memory.available_bytes() == 1_000_000
    monkeypatch.delattr("skglmm.engine.memory.os.sysconf")
    assert memory.available_bytes() is None
    assert memory.dense_max() == memory.UNKNOWN
    assert memory.fits(10_000)
    assert not memory.fits(10_001)
    assert "is not known" in memory.shortage(10_001)


def test_a_factorization_without_room_is_refused_or_replaced_by_iterations(monkeypatch):
    rng = np.random.default_rng(0)
    g, h = rng.integers(0, 60, 600), rng.integers(0, 30, 600)
    rows = pd.DataFrame({"g": g, "h": h})
    y = rng.normal(size=60)[g] + rng.normal(size=30)[h] + rng.normal(size=600)
    exact = LMMRegressor("(1 | g) + (1 | h)", solver="direct")
    monkeypatch.setattr("skglmm.engine.memory.ALWAYS", 10)
    monkeypatch.setattr("skglmm.engine.memory.available_bytes", lambda: 40 * 30**2 - 1)
    with pytest.raises(DesignError, match=r"30 effects .* takes 0\.0 GB, and .* is 0\.0 GB"):
        exact.fit(rows, y)
    assert LMMRegressor("(1 | g) + (1 | h)").fit(rows, y).fit_.plan is not None
    monkeypatch.setattr("skglmm.engine.memory.available_bytes", lambda: 40 * 30**2)
    assert LMMRegressor("(1 | g) + (1 | h)").fit(rows, y).fit_.plan is None
    exact.fit(rows, y)
