"""Opens a conversion's report and the sampler's coverage in headless Chromium, as wide as a desktop's window and as a phone."""

from __future__ import annotations

import functools
import html.parser
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from command_line import PROGRAMS  # noqa: E402

SAMPLE = os.path.join(PROGRAMS, "sample_report")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE, DESKTOP = 390, 1200

# Shows the report in a frame of the phone's width (a window cannot be that narrow), opens all that is folded, and
# writes what it measures into its own document, which Chromium then prints.
PROBE = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" src="report.html" style="border:0;width:{width}px;height:900px"></iframe><script>
document.getElementById("frame").onload = () => {{
  const page = document.getElementById("frame").contentWindow, root = page.document.documentElement;
  for (const folded of page.document.querySelectorAll("details")) folded.open = true;
  const note = (key, value) => document.body.setAttribute("data-" + key, value);
  note("viewport", root.clientWidth);
  note("width", root.scrollWidth);
  note("requests", page.performance.getEntriesByType("resource").length);
  note("headings", [...page.document.querySelectorAll("h2")].map(h => h.textContent).join("|"));
  note("kernels", page.document.querySelectorAll("section.kernel").length);
  const boxes = [...page.document.querySelectorAll("svg")].map(s => s.getBoundingClientRect());
  note("pictures", boxes.length);
  note("outside", boxes.filter(b => b.width < 200 || b.left < 0 || b.right > root.clientWidth).length);
  const texts = [...page.document.querySelectorAll("svg text")];
  note("clipped", texts.filter(t => {{
    const text = t.getBoundingClientRect(), picture = t.ownerSVGElement.getBoundingClientRect();
    const box = t.parentElement.querySelector("rect"), edge = (box || t.ownerSVGElement).getBoundingClientRect();
    return text.left < picture.left - 1 || text.right > picture.right + 1 || text.right > edge.right;
  }}).length);
  note("smallest", Math.min(...texts.map(t => t.getBoundingClientRect().height)));
  note("dangling", [...page.document.querySelectorAll("a")].filter(
    a => !page.document.getElementById((a.getAttribute("href") || "").slice(1))).length);
}};
</script></body>"""


class BodyAttributes(html.parser.HTMLParser):
    """The probe's measurements: attributes of the first body."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "body" and not self.found:
            self.found = {name.removeprefix("data-"): value or "" for name, value in attributes}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the folder on this machine only and keeps what was asked for: frames of file: pages cannot be measured."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


class BrowserCase(unittest.TestCase):
    """A folder with one page, report.html, served to the browser."""

    @classmethod
    def write_page(cls) -> None:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="report-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.write_page()
        for width in (PHONE, DESKTOP):
            (cls.folder / f"probe{width}.html").write_text(PROBE.format(width=width))
        handler = functools.partial(QuietHandler, directory=str(cls.folder))
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        cls.addClassCleanup(cls.server.server_close)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.shutdown)

    def browse(self, page: str, *options: str) -> subprocess.CompletedProcess:
        profile = tempfile.mkdtemp(prefix="profile-", dir=self.folder)
        return subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--disable-background-networking", "--no-first-run", f"--user-data-dir={profile}",
             "--enable-logging=stderr", "--window-size=1300,1000", "--virtual-time-budget=3000", *options, page],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def measure(self, width: int) -> dict[str, str]:
        QuietHandler.asked.clear()
        run = self.browse(f"http://127.0.0.1:{self.server.server_port}/probe{width}.html", "--dump-dom")
        found = BodyAttributes(run.stdout).found
        self.assertIn("viewport", found, run.stderr[-2000:])
        # Chromium asks for an icon of the page that it was sent to; nothing else may be asked for.
        self.assertEqual(set(QuietHandler.asked) - {"/favicon.ico"}, {f"/probe{width}.html", "/report.html"})
        self.assertNotIn(":CONSOLE", run.stderr.replace("favicon.ico", ""))
        return found

    def check_page(self, width: int) -> dict[str, str]:
        found = self.measure(width)
        self.assertEqual(int(found["viewport"]), width)
        self.assertLessEqual(int(found["width"]), width, "the page is wider than the window")
        self.assertEqual(found["requests"], "0")
        self.assertEqual(found["outside"], "0", "a picture does not fit")
        return found

    def check_picture(self) -> None:
        picture = self.folder / "picture.png"
        run = self.browse((self.folder / "report.html").as_uri(), f"--screenshot={picture}")
        self.assertTrue(picture.is_file(), run.stderr[-2000:])
        # A white page of this size takes some kilobytes.
        self.assertGreater(picture.stat().st_size, 30000)
        self.assertNotIn(":CONSOLE", run.stderr)


@unittest.skipUnless(PROGRAMS, "DRTRITON_PROGRAMS is not set: no programs to test")
@unittest.skipUnless(CHROMIUM, "there is no chromium to open the report with")
class Report(BrowserCase):
    @classmethod
    def write_page(cls) -> None:
        subprocess.run([SAMPLE, cls.folder / "report.html"], check=True)

    def check(self, width: int) -> None:
        found = self.check_page(width)
        self.assertEqual(found["headings"].split("|"),
                         ["Graph", "Roofline", "Kernels", "Decisions", "Kept in PyTorch", "How it was made"])
        self.assertEqual(found["kernels"], "2")
        self.assertEqual(found["pictures"], "2")
        self.assertEqual(found["clipped"], "0", "a picture's text is cut off")
        self.assertGreaterEqual(float(found["smallest"]), 9, "a picture's text is too small to read")
        self.assertEqual(found["dangling"], "0", "a link leads nowhere")

    def test_fits_a_phone(self):
        self.check(PHONE)

    def test_fits_a_desktop(self):
        self.check(DESKTOP)

    def test_is_drawn_from_the_file_alone(self):
        self.check_picture()


@unittest.skipUnless(PROGRAMS, "DRTRITON_PROGRAMS is not set: no programs to test")
@unittest.skipUnless(CHROMIUM, "there is no chromium to open the page with")
class Coverage(BrowserCase):
    @classmethod
    def write_page(cls) -> None:
        command = [os.path.join(PROGRAMS, "drtriton"), "synth", "--ops", "3", "--count", "400", "--size", "tiny"]
        subprocess.run([*command, "--stats", cls.folder / "report.html"], check=True, capture_output=True)

    def check(self, width: int) -> None:
        found = self.check_page(width)
        headings = [heading.split(" ")[0] for heading in found["headings"].split("|")]
        self.assertEqual(headings, ["Pairs", "Operators", "Shapes"])
        self.assertGreaterEqual(int(found["pictures"]), 1)

    def test_fits_a_phone(self):
        self.check(PHONE)

    def test_fits_a_desktop(self):
        self.check(DESKTOP)

    def test_is_drawn_from_the_file_alone(self):
        self.check_picture()


if __name__ == "__main__":
    unittest.main()
