"""What the settings of Sphinx need functions for: the order of examples, and inventories."""

import re
import urllib.request
from http.client import HTTPException
from pathlib import Path

__all__ = ["HeaderOrder", "inventories"]

LEADS_TO = re.compile(r"sphx_glr_\w*?_(plot_\w+\.py)>")


class HeaderOrder:
    """Sort the examples of a folder as its introduction mentions them, the others by name."""

    def __init__(self, src_dir: str) -> None:
        header = Path(src_dir) / "GALLERY_HEADER.rst"
        self.names = LEADS_TO.findall(header.read_text(encoding="utf-8")) if header.exists() else []

    def __call__(self, filename: str) -> tuple[int, str]:
        name = Path(filename).name
        place = self.names.index(name) if name in self.names else len(self.names)
        return place, name

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def inventories(
    sites: dict[str, str], folder: Path, timeout: float = 5.0
) -> dict[str, tuple[str, str]]:
    """Fetch the lists of what other projects document, and leave out those out of reach.

    Without a network a build has no links to other projects, and no warnings about them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for name, site in sites.items():
        path = folder / f"{name}.inv"
        if not path.exists():
            request = urllib.request.Request(f"{site}objects.inv", headers={"User-Agent": "Sphinx"})
            try:
                with urllib.request.urlopen(request, timeout=timeout) as answer:
                    content = answer.read()
            except (OSError, HTTPException):
                continue
            if not content.startswith(b"# Sphinx inventory"):  # a portal's page
                continue
            path.write_bytes(content)
        found[name] = (site, str(path))
    return found
