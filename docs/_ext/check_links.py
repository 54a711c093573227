"""Check that all internal links of the built site lead somewhere, anchors and pictures too.

python docs/_ext/check_links.py docs/_build/html
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ATTRIBUTES = {"href", "src"}


class Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ATTRIBUTES and value:
                self.links.append(value)
            elif value and (name == "id" or (tag == "a" and name == "name")):
                self.anchors.add(value)


def html_files(folder: Path) -> list[Path]:
    """Find the pages; below `_static` there are templates."""
    files = sorted(folder.rglob("*.html"))
    return [path for path in files if path.relative_to(folder).parts[0] != "_static"]


def broken(folder: Path) -> Iterator[str]:
    """Yield a line for each link that leads nowhere."""
    pages = {path: Page(path) for path in html_files(folder)}
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                yield f"{path.relative_to(folder)}: {link} does not exist"
            elif anchor and target in pages and anchor not in pages[target].anchors:
                yield f"{path.relative_to(folder)}: {link} has no such anchor"


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    found = list(broken(folder))
    sys.stdout.write("".join(f"{line}\n" for line in found))
    pages = len(html_files(folder))
    if found or not pages:
        sys.exit(f"{len(found)} broken links in {pages} pages of {folder}")
    sys.stdout.write(f"{pages} pages, no broken internal link\n")


if __name__ == "__main__":
    main()
