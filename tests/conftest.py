"""What the tests share: glmmTMB's answers and the data that they are about."""

import gc
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skglmm.datasets import load_petrol

REFERENCE = Path(__file__).parent / "reference"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "reference"


def pytest_collection_finish() -> None:
    """Look for garbage less often: modules and tests are many objects, which stay."""
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def _iterations_on_tiny_data():
    """Solve by iterations where a test asks for it, though so few effects are factorized."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skglmm.engine.iterative.plan.DENSE", 0)
        yield


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """The folder with the dragons tutorial's data and glmmTMB's answers, beside the repository."""
    if not (SHARED / "dragons.csv").exists():
        pytest.skip("the dragons data are not part of the repository, and no copy is beside it")
    return SHARED


@pytest.fixture(scope="session")
def reference_fit(request: pytest.FixtureRequest) -> Callable[[str], dict[str, Any]]:
    """A function from the name of a fit to glmmTMB's answers; dragons skip where absent."""

    @cache
    def load(name: str) -> dict[str, Any]:
        if not name.startswith("dragons"):
            return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))
        path = request.getfixturevalue("shared_reference") / "glmmtmb.json"
        fits = json.loads(path.read_text(encoding="utf-8"))["fits"]
        return next(fit for fit in fits if fit["name"] == name)

    return load


@pytest.fixture(scope="session")
def reference_data(request: pytest.FixtureRequest) -> Callable[[str], pd.DataFrame]:
    """A function from the name of a fit to its rows, a new frame at each call."""

    @cache
    def load(source: str) -> pd.DataFrame:
        if source == "petrol":
            frame = load_petrol().frame
            return frame.assign(**{"yield": frame["Y"] / 100}, EPc=frame["EP"] / 100)
        if source == "dragons":
            folder = request.getfixturevalue("shared_reference")
            return _derived(pd.read_csv(folder / "dragons.csv"))
        return pd.read_csv(REFERENCE / f"simulated_{source}.csv")

    return lambda name: load(name.split("-")[0]).copy()


@pytest.fixture
def dragons(reference_data: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """The dragons of the tutorial, with the columns that the reference fits use."""
    return reference_data("dragons")


def _derived(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that the reference script adds to the dragons."""
    raw, length = frame["testScore"] / 100, frame["bodyLength"]
    return frame.assign(
        raw=raw,
        score=raw.mask(raw == 0, 1e-4).mask(raw == 1, 1 - 1e-4),
        bodyLength_z=(length - length.mean()) / length.std(ddof=1),
        siteUnique=frame["mountainRange"] + "." + frame["site"],
        weight=np.resize([1.0, 2.0, 0.5], len(frame)),
        shift=0.1 * (frame["site"].map({"a": 1, "b": 2, "c": 3})),
    )
