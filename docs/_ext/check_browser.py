"""Open all pages of the built site in a browser: they fit a phone, and searches find theirs.

python docs/_ext/check_browser.py docs/_build/html

Where neither Chromium nor Chrome is installed, it says so and checks nothing.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

from check_links import html_files

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = (1300, 390)  # a laptop, a phone
FIRST = 3
SEARCHES = {  # what is typed, and a page that must be among the first
    "zero-inflated": "guide/responses.html",
    "zero inflation": "guide/responses.html",
    "Satterthwaite": "guide/degrees_of_freedom.html",
    "Kenward-Roger": "guide/degrees_of_freedom.html",
    "ordinal": "guide/responses.html",
    "REML": "guide/likelihood.html",
    "overdispersion": "guide/diagnostics.html",
    "lmer": "coming_from_lme4.html",
    "glmmTMB": "coming_from_r.html",
    "MixedLM": "coming_from_statsmodels.html",
    "random slope": "guide/formulas.html",
    "LMMRegressor": "api/generated/skglmm.LMMRegressor.html",
}
HERE = "/check-browser/"
LONGEST = 1800  # seconds, for a few hundred pages on a slow machine


class Site(SimpleHTTPRequestHandler):
    """The site, and beside it the page that opens all others, its plan and its report."""

    def __init__(self, *args: Any, plan: dict[str, Any], reports: Queue[Any], **kw: Any) -> None:
        self.plan, self.reports = plan, reports
        super().__init__(*args, **kw)

    def do_GET(self) -> None:
        if self.path == HERE:
            self.answer(Path(__file__).with_suffix(".html").read_bytes(), "text/html")
        elif self.path == f"{HERE}plan":
            self.answer(json.dumps(self.plan).encode(), "application/json")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"", "text/plain")
        self.reports.put(json.loads(body))

    def answer(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing of each request."""


def opened(browser: str, folder: Path) -> dict[str, Any]:
    """Open all pages, and return what the browser reports."""
    pages = [path.relative_to(folder).as_posix() for path in html_files(folder)]
    plan = {"pages": pages, "widths": WIDTHS, "searches": list(SEARCHES), "most": FIRST}
    reports: Queue[Any] = Queue()
    handler = partial(Site, directory=str(folder), plan=plan, reports=reports)
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        Thread(target=server.serve_forever, daemon=True).start()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]
        address = f"http://127.0.0.1:{server.server_port}{HERE}"
        process = subprocess.Popen(
            [browser, *options, f"--user-data-dir={profile}", "--remote-debugging-port=0", address],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return reports.get(timeout=LONGEST)
        except Empty:
            return {"faults": [f"no report after {LONGEST} seconds"], "found": {}}
        finally:
            process.terminate()
            process.wait()
            server.shutdown()


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.stdout.write(f"pages were not opened: found none of {', '.join(BROWSERS)}\n")
        return
    report = opened(browser, folder)
    faults = report["faults"]
    for words, pages in report["found"].items():
        if SEARCHES[words] not in pages:
            faults.append(f"search for {words}: {SEARCHES[words]} is not among {pages}")
    sys.stdout.write("".join(f"{line}\n" for line in faults))
    if faults:
        sys.exit(f"{len(faults)} faults in the pages of {folder}")
    sys.stdout.write(f"all pages fit {WIDTHS} pixels, {len(SEARCHES)} searches find theirs\n")


if __name__ == "__main__":
    main()
