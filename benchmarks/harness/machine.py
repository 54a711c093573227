"""What a run depends on: the machine, and the versions of programs."""

import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["machine", "r_versions", "version_of"]

PACKAGES = ("skglmm", "numpy", "scipy", "pandas", "scikit-learn", "formulaic")
R_PACKAGES = ("lme4", "glmmTMB", "ordinal", "jsonlite")
R_CODE = """
for (name in commandArgs(TRUE)) if (requireNamespace(name, quietly = TRUE))
  cat(name, as.character(packageVersion(name)), "\\n")
"""


def machine() -> list[str]:
    """Return two lines about the processor, Python and its packages."""
    found = ", ".join(f"{name} {version_of(name)}" for name in PACKAGES)
    return [
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        f"Python {platform.python_version()}, {found}",
    ]


def version_of(name: str) -> str:
    """Return the version of a Python package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "(not installed)"


@cache
def r_versions() -> dict[str, str]:
    """Return versions of the packages of R that are there; none without R or its jsonlite."""
    if shutil.which("Rscript") is None:
        return {}
    command = ["Rscript", "-e", R_CODE, *R_PACKAGES]
    out = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    found = dict(line.split() for line in out.splitlines())
    return found if found.pop("jsonlite", None) else {}


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
