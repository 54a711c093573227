"""The python blocks of the documentation run, and print what the pages show.

Each page of docs/ and the README is a program: its blocks run in their order, in one namespace and
in an empty directory. A block of prompts (``>>>``) is checked as doctest does. A block without them
just runs; if a ``text`` block follows, with only blank lines between, it must print that. "..."
stands for any text, and differences in spaces do not count. Warnings are errors, as in all tests.
A page with the line ``% slow`` runs with ``-m slow``; a block after ``% not run`` does not run.
"""

import doctest
import io
import re
import runpy
import textwrap
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "examples" / "tutorial"
FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^`\n]*)\n(?P<body>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """A python block of a page, with what it is to print, if the page shows it."""

    line: int
    code: str
    shown: str | None


def pages() -> Iterator[Path]:
    """Yield the pages that people write; what a build makes is not among them."""
    yield ROOT / "README.md"
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if not any(part.startswith("_") for part in page.relative_to(ROOT).parts):
            yield page


def blocks(text: str) -> Iterator[Block]:
    """Yield the python blocks of a page."""
    fences = list(FENCE.finditer(text))
    for fence, following in zip_longest(fences, fences[1:]):
        before = text[: fence.start()].rstrip().rsplit("\n", 1)[-1]
        if fence["language"].strip() not in {"python", "pycon"} or before == "% not run":
            continue
        shown = None
        if following is not None and following["language"].strip() == "text":
            between = text[fence.end() : following.start()]
            shown = textwrap.dedent(following["body"]) if not between.strip() else None
        line = text.count("\n", 0, fence.start()) + 1
        yield Block(line, textwrap.dedent(fence["body"]), shown)


def run(block: Block, names: dict[str, Any], page: str) -> None:
    """Run a block in the namespace of its page, and compare what it prints."""
    if ">>>" in block.code:
        run_prompts(block, names, page)
        return
    printed = io.StringIO()
    code = compile("\n" * block.line + block.code, page, "exec")
    with redirect_stdout(printed):
        exec(code, names)
    if block.shown is not None:
        found = printed.getvalue()
        same = doctest.OutputChecker().check_output(block.shown, found, FLAGS)
        assert same, f"{page}, line {block.line}: shown\n{block.shown}\nprinted\n{found}"


def run_prompts(block: Block, names: dict[str, Any], page: str) -> None:
    """Run a block of prompts as doctest does."""
    test = doctest.DocTestParser().get_doctest(block.code, {}, page, page, block.line)
    test.globs = names
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    assert not runner.run(test, out=report.write, clear_globs=False).failed, report.getvalue()


def run_page(text: str, page: str) -> None:
    """Run the blocks of a page in one namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        for block in blocks(text):
            run(block, names, page)
    finally:
        plt.close("all")


def page_parameters() -> list[Any]:
    """Choose the pages with python blocks, and mark the slow ones."""
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        marks = [pytest.mark.slow] if re.search(r"^% slow$", text, re.MULTILINE) else []
        if any(blocks(text)):
            found.append(pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=marks))
    return found


@pytest.mark.parametrize("page", page_parameters())
def test_a_page_runs_and_prints_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "show", lambda *_, **__: None)
    run_page(page.read_text(encoding="utf-8"), page.relative_to(ROOT).as_posix())


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(TUTORIAL.glob("plot_*.py")), ids=lambda path: path.stem)
def test_a_page_of_the_tutorial_runs(script, monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.get_fignums()))
    with redirect_stdout(io.StringIO()) as printed:
        runpy.run_path(str(script))
    plt.close("all")
    assert printed.getvalue()
    assert shown


PAGE = """\
# A page

```python
x = 2
```

Between them there is text.

```python
print(x, "apples")
```

```text
2 ...
```

  ```python
  >>> x + 1
  3
  ```

% not run
```python
raise RuntimeError
```
"""


@pytest.mark.parametrize(
    ("old", "new"), [("x = 2", "x = 3"), ("2 ...", "2 pears"), ("  3\n", "  4\n"), ("% not", "not")]
)
def test_a_page_that_shows_something_else_is_found(old, new):
    run_page(PAGE, "page")
    with pytest.raises((AssertionError, RuntimeError)):
        run_page(PAGE.replace(old, new), "page")
