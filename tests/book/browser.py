"""Loads pages of the built site in Chromium, through Playwright, and asks each of them some questions."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ABSENT = "no Chromium was found: install it (Debian and Ubuntu: apt-get install chromium)"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def executable() -> str | None:
    """Path of a browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a local server for the files of a folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def opened(site: Path, name: str, *, scripts: bool = True) -> Iterator[Any]:
    """A page of a site in a wide window, with or without scripts, as Playwright has it."""
    from playwright.sync_api import sync_playwright

    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=QUIET)
        page = browser.new_context(java_script_enabled=scripts).new_page()
        page.goto(address + name, wait_until="networkidle" if scripts else "load")
        yield page
        browser.close()


def visit(
    site: Path, visits: list[tuple[str, tuple[int, int, str]]], questions: dict[str, str]
) -> list[dict[str, Any]]:
    """Load pages of a site, each in a look, and ask them some questions.

    Parameters
    ----------
    site : Path
        Folder that is served.
    visits : list of (page, (width, height, theme))
        In pixels; ``"light"`` or ``"dark"``.
    questions : dict of str to str
        JavaScript expressions by name.

    Returns
    -------
    list of dict
        One for each visit: ``page``, ``look``, ``outside`` (requests to elsewhere), ``complaints``, ``axe`` (what
        axe-core finds), and the answers.
    """
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    found = []
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=QUIET)
        for name, (width, height, theme) in visits:
            context = browser.new_context(viewport={"width": width, "height": height})
            context.add_init_script(
                f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}');"
            )
            page = context.new_page()
            requests: list[str] = []
            complaints: list[str] = []
            page.on("request", lambda one, into=requests: into.append(one.url))
            page.on("pageerror", lambda one, into=complaints: into.append(str(one)))
            page.on(
                "console",
                lambda one, into=complaints: into.append(one.text) if one.type == "error" else None,
            )
            page.on(
                "response",
                lambda one, into=complaints: (
                    into.append(f"{one.status} {one.url}") if one.status >= 400 else None
                ),
            )
            page.goto(address + name, wait_until="networkidle")
            answers = {key: page.evaluate(text) for key, text in questions.items()}
            seen = list(requests), list(complaints)  # axe asks for style sheets of its own accord
            violations = Axe().run(page, options=RULES).response["violations"]
            found.append(
                {
                    "page": name,
                    "look": (width, theme),
                    "outside": [u for u in seen[0] if not u.startswith((address, "data:"))],
                    "complaints": seen[1],
                    "axe": [f"{one['id']} {one['nodes'][0]['html']}" for one in violations],
                    **answers,
                }
            )
            context.close()
        browser.close()
    return found
