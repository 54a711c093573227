"""The dragons of Coding Club's tutorial, downloaded once and cached."""

import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd
from pandas.api.types import is_numeric_dtype
from sklearn.datasets import get_data_home

from skglmm.datasets.bunch import presented
from skglmm.datasets.rdata import MAX_BYTES, read_frame

__all__ = ["fetch_dragons"]

REPOSITORY = "ourcodingclub/CC-Linear-mixed-models"
COMMIT = "3c155988d44abb95303b5867655b4804195d0267"
URL = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/dragons.RData"
CACHED = "dragons.csv"
TIMEOUT = 30.0  # seconds

COLUMNS = ["testScore", "bodyLength", "mountainRange", "site"]
TARGET = "testScore"
N_ROWS, N_RANGES, N_SITES = 480, 8, 3

DESCRIPTION = """\
Dragons of Coding Club
----------------------

Made-up intelligence tests of 480 dragons from 3 sites in each of 8 mountain ranges, the data of
Coding Club's introduction to linear mixed models by Gabriela K. Hajduk.

:Columns:
    - testScore      target: score of the test, 0 to 100
    - bodyLength     length of the dragon's body
    - mountainRange  name of the mountain range
    - site           "a", "b" or "c": the labels are used again in every range

License: Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0). Give credit to
Coding Club (https://ourcodingclub.github.io/tutorials/mixed-models/) and share what you derive
from the data under the same license.
"""


def fetch_dragons(
    data_home: str | os.PathLike[str] | None = None,
    *,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
    url: str = URL,
) -> Any:
    """Fetch the dragons of Coding Club's mixed-model tutorial, and cache them.

    The data are licensed under CC BY-SA 4.0 [1]_. The tutorial's file is downloaded
    at the first call; it is read without R, checked, and kept as a CSV file.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the cache. None is scikit-learn's, ``~/scikit_learn_data``.

    download_if_missing : bool, default=True
        If False, an OSError is raised where the cache has no data.

    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    as_frame : bool, default=True
        Return a DataFrame and a Series. If False they are arrays, and ``data`` has dtype object,
        because ranges and sites are texts.

    n_retries : int, default=3
        How often a download that failed is tried again.

    delay : float, default=1.0
        Seconds between the tries.

    url : str, default=the file in the tutorial's repository
        Where the ``.RData`` file is downloaded from, e.g. a mirror. The cache does not remember
        the address.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes

        data : DataFrame or ndarray of shape (480, 3)
            ``bodyLength``, ``mountainRange`` (8 names), ``site`` (a, b, c in each range).
        target : Series or ndarray of shape (480,)
            ``testScore``, from 0 to 100.
        frame : DataFrame of shape (480, 4)
            Both together; None if ``as_frame`` is False.
        feature_names : list of str
            Names of the columns of ``data``.
        target_name : str
            ``"testScore"``.
        DESCR : str
            A description of the data, with the license.

    (data, target) : tuple
        If ``return_X_y`` is True.

    Raises
    ------
    OSError
        If the data are not in the cache and may not, or cannot, be downloaded.
    ValueError
        If what was downloaded is not the data of the tutorial.

    See Also
    --------
    make_dragons : Simulated data of the same shape, without any download.

    References
    ----------
    .. [1] Hajduk, G. K. (2017). Introduction to linear mixed models. Coding Club.
       https://ourcodingclub.github.io/tutorials/mixed-models/

    Examples
    --------
    >>> from skglmm.datasets import fetch_dragons
    >>> dragons = fetch_dragons().frame  # doctest: +SKIP
    """
    frame = _cached(Path(get_data_home(data_home)), url, download_if_missing, n_retries, delay)
    return presented(frame, TARGET, DESCRIPTION, return_X_y=return_X_y, as_frame=as_frame)


def _cached(
    folder: Path, url: str, download_if_missing: bool, n_retries: int, delay: float
) -> pd.DataFrame:
    """Return the data from the cache, which is filled first if need be."""
    path = folder / CACHED
    if not path.exists():
        if not download_if_missing:
            msg = (
                f"expected the dragons in {path}, found nothing; call fetch_dragons with "
                f"download_if_missing=True, or use make_dragons()"
            )
            raise OSError(msg)
        _write(_checked(read_frame(_download(url, n_retries, delay), "dragons"), url), path)
    return _checked(pd.read_csv(path), str(path))


def _download(url: str, n_retries: int, delay: float) -> bytes:
    """Return the content of a small file, after some tries."""
    for left in range(n_retries, -1, -1):
        try:
            with urlopen(url, timeout=TIMEOUT) as response:
                return bytes(response.read(MAX_BYTES + 1))
        except (URLError, TimeoutError, ConnectionError) as error:
            if left == 0:
                msg = (
                    f"cannot download the dragons from {url} ({error}); check the connection and "
                    f"call again, pass url= of a copy, put a copy in data_home as {CACHED} with "
                    f"the columns {', '.join(COLUMNS)}, or use make_dragons()"
                )
                raise OSError(msg) from error
            warnings.warn(f"download of {url} failed, trying again: {error}", stacklevel=4)
            time.sleep(delay)
    msg = f"expected n_retries of at least 0, got {n_retries}"
    raise ValueError(msg)


def _checked(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the columns of the data, or raise if they are not the tutorial's.

    The facts stand in for a checksum, because the cache is not the file that was downloaded.
    """
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        _refuse(source, f"columns {', '.join(COLUMNS)}", f"{', '.join(map(str, frame.columns))}")
    frame = frame[COLUMNS].reset_index(drop=True)
    n_sites = len(frame[["mountainRange", "site"]].drop_duplicates())
    found = (len(frame), frame["mountainRange"].nunique(), n_sites)
    if found != (N_ROWS, N_RANGES, N_RANGES * N_SITES) or frame.isna().to_numpy().any():
        _refuse(
            source,
            f"{N_ROWS} complete rows, {N_RANGES} ranges, {N_RANGES * N_SITES} sites",
            f"{found[0]} rows, {found[1]} ranges, {found[2]} sites, "
            f"{int(frame.isna().to_numpy().sum())} missing values",
        )
    numbers = frame[["testScore", "bodyLength"]]
    if not all(map(is_numeric_dtype, numbers.dtypes)) or not frame[TARGET].between(0, 100).all():
        _refuse(source, "numbers, with scores from 0 to 100", f"{numbers.iloc[0].to_dict()} ...")
    return frame


def _refuse(source: str, expected: str, came: str) -> None:
    """Raise an error that says what the data should be."""
    msg = (
        f"expected the dragons in {source} to have {expected}, got {came}; "
        f"delete the file if it is your cache, and fetch again"
    )
    raise ValueError(msg)


def _write(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV file that is either complete or not there."""
    handle, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            frame.to_csv(file, index=False)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink()
        raise
