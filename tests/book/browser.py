"""A small client of Chromium's debugging protocol: loads a page and says what happened.

It uses tornado's web sockets, which Jupyter brings along, so that no driver has to be installed.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-first-run",
    "--remote-debugging-port=0",
]


def executable() -> str | None:
    """Path of a browser that speaks the protocol, or None."""
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


class Browser:
    """One page of a browser."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._count = 0
        self.events: list[dict[str, Any]] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its result."""
        self._count += 1
        number = self._count
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.write_message(json.dumps(message))
        while True:
            answer = await self._receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, promises awaited."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    async def load(self, address: str, *, width: int, height: int, theme: str) -> None:
        """Open an address, and wait until it has loaded and the net is silent."""
        self.events.clear()
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self.call(
            "Page.addScriptToEvaluateOnNewDocument",
            source=f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}');",
        )
        await self.call("Page.navigate", url=address)
        await self.until("Page.loadEventFired")
        await self.silence()

    async def until(self, method: str) -> None:
        """Wait for an event."""
        while not any(event["method"] == method for event in self.events):
            await self._receive()

    async def silence(self, seconds: float = 0.4) -> None:
        """Wait until nothing has happened for a while."""
        while True:
            try:
                await asyncio.wait_for(self._receive(), seconds)
            except TimeoutError:
                return

    async def _receive(self) -> dict[str, Any]:
        text = await self._socket.read_message()
        if text is None:
            raise RuntimeError("the browser has closed the connection")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """Errors of scripts and of the console, and files that were not there."""
        found = []
        for event in self.events:
            method, given = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                found.append(str(given["exceptionDetails"].get("exception", given)))
            elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "assert"):
                found.append(str(given["args"]))
            elif method == "Log.entryAdded" and given["entry"]["level"] == "error":
                found.append(given["entry"]["text"])
            elif method == "Network.responseReceived" and given["response"]["status"] >= 400:
                found.append(f"{given['response']['status']} {given['response']['url']}")
        return found


async def opened(program: str, folder: Path) -> tuple[subprocess.Popen[bytes], Browser]:
    """Start a browser with an empty profile and connect to its first page."""
    from tornado.httpclient import AsyncHTTPClient
    from tornado.websocket import websocket_connect

    process = subprocess.Popen(
        [program, *QUIET, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port_file = folder / "DevToolsActivePort"
        for _ in range(300):
            if port_file.is_file() and (lines := port_file.read_text().splitlines()):
                break
            await asyncio.sleep(0.1)
        else:
            raise RuntimeError("the browser did not start within 30 seconds")
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{lines[0]}/json/list")
        page = next(one for one in json.loads(answer.body) if one["type"] == "page")
        socket = await websocket_connect(
            page["webSocketDebuggerUrl"], max_message_size=100_000_000, ping_interval=None
        )
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process, Browser(socket)


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
        One for each visit: ``page``, ``look``, ``outside`` (requests to elsewhere), ``complaints``, and
        the answers.
    """
    program = executable()
    assert program is not None

    async def run(address: str, profile: Path) -> list[dict]:
        process, browser = await opened(program, profile)
        found = []
        try:
            for name, (width, height, theme) in visits:
                await browser.load(address + name, width=width, height=height, theme=theme)
                answers = {key: await browser.evaluate(text) for key, text in questions.items()}
                requests = browser.requests()
                found.append(
                    {
                        "page": name,
                        "look": (width, theme),
                        "outside": [u for u in requests if not u.startswith((address, "data:"))],
                        "complaints": browser.complaints(),
                        **answers,
                    }
                )
        finally:
            process.terminate()
            process.wait(timeout=30)
        return found

    with (
        served(site) as address,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
    ):
        return asyncio.run(run(address, Path(profile)))
