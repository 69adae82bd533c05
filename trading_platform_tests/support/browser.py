"""A headless Chromium, spoken to over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_START_SECONDS = 60
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the sandbox refuses root, and only our own pages are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--window-size=1600,1100",
    "--remote-debugging-port=0",
)


def chromium() -> str | None:
    """Path of an installed Chromium."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def open(self, url: str) -> None:
        """Go there; `read_until` waits for what it shows."""
        await self._call("Page.navigate", url=url)

    async def text(self) -> str:
        """Everything that can be read on the page."""
        return str(await self.evaluate("document.body ? document.body.innerText : ''"))

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression."""
        answer = await self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer["result"].get("value")

    async def read_until(self, satisfied: Callable[[str], bool], timeout_seconds: float) -> str:
        """The page's text once it satisfies, or as it is when the time is up."""
        deadline = time.monotonic() + timeout_seconds
        while not satisfied(text := await self.text()) and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        return text

    async def click(self, words: str) -> None:
        """Click the innermost element that says just that."""
        clicked = await self.evaluate(
            f"(e => e && (e.click(), true))([...document.querySelectorAll('*')]"
            f".filter(e => e.innerText && e.innerText.trim() === {json.dumps(words)}).pop())"
        )
        assert clicked, f"nothing on the page says {words!r}"

    async def screenshot(self, path: Path) -> None:
        """Write a PNG of what is visible."""
        answer = await self._call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))

    async def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result


@asynccontextmanager
async def browser_page() -> AsyncIterator[Page]:
    """A page of a browser of its own, gone when the block ends."""
    program = chromium()
    assert program is not None, "no Chromium is installed"
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            port = await _debugging_port(Path(profile))
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    tabs = json.loads(await answer.text())
                url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            process.kill()
            process.wait()


async def _debugging_port(profile: Path) -> int:
    told = profile / "DevToolsActivePort"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if told.is_file() and (lines := told.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.1)
    raise AssertionError("Chromium doesn't start")
