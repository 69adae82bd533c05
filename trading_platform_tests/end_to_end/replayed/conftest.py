"""One platform that replays a month at speed 60, shared by everything that looks at it."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from trading_platform_tests.support.archives import recorded_or_synthetic
from trading_platform_tests.support.platform import RunningPlatform, running_platform
from trading_platform_tests.support.records import Records
from trading_platform_tests.support.scripted_server import ScriptedServer, scripted_server

HOOK = ("POST", "/hook")
LIVELY_STRATEGIES = [
    {"name": "trend_following", "params": {"adx_minimum": 5}},
    {"name": "mean_reversion", "params": {"rsi_oversold": 45}},
]
"""The same rules with thresholds that let them speak often enough for a test to wait for."""


class Mailbox:
    """Subjects of the mails that a mail server has taken."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        subject = message_from_bytes(envelope.content)["Subject"]
        self.subjects.append(str(make_header(decode_header(subject))))
        return "250 taken"


@dataclass(frozen=True)
class Owner:
    """Where the owner is told: a mailbox and a webhook."""

    mailbox: Mailbox
    webhook: ScriptedServer
    urls: tuple[str, str]

    def mails(self) -> list[str]:
        """Subjects, in the order of their arrival."""
        return list(self.mailbox.subjects)

    def posts(self) -> list[str]:
        """Titles that the webhook received."""
        return [json.loads(request.body)["title"] for request in self.webhook.requests(*HOOK)]


@pytest.fixture(scope="package")
def owner() -> Iterator[Owner]:
    """The owner's mail server and webhook."""
    mailbox = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, ready_timeout=30)
    controller.start()
    try:
        with scripted_server() as webhook:
            webhook.script[HOOK] = {}
            mail = f"mailto://127.0.0.1:{port}?from=bot@example.org&to=owner@example.org"
            yield Owner(mailbox, webhook, (mail, f"json://{webhook.base_url.removeprefix('http://')}/hook"))
    finally:
        controller.stop()


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The candles that are replayed: recorded ones where they are at hand."""
    return recorded_or_synthetic("2025-03", tmp_path_factory.mktemp("archive"), candles=4000)


@pytest.fixture(scope="package")
def platform(archive: Path, owner: Owner) -> Iterator[RunningPlatform]:
    """The platform, quick to refresh and to notice."""
    flags = ("--replay", str(archive), "--speed", "60")
    settings = {
        "CADENCE__REFRESH_SECONDS": "3",
        "CADENCE__WATCHER_SECONDS": "1",
        "CADENCE__WATCHDOG_SECONDS": "5",
        "CHARTS__MINIMUM_INTERVAL_SECONDS": "30",
        "FRESHNESS__MAX_CANDLE_LATENESS_SECONDS": "15",
        "STRATEGIES": json.dumps(LIVELY_STRATEGIES),
        "RISK__COOLDOWN_SECONDS": "0",
        "ACCOUNT_RULES__LOSSES_TO_PAUSE": "100",
        "ALERTS__URLS": json.dumps(owner.urls),
    }
    with (
        tempfile.TemporaryDirectory(prefix="trading-platform-") as folder,
        running_platform(Path(folder), *flags, **settings) as running,
    ):
        yield running


@pytest.fixture(scope="package")
def records(platform: RunningPlatform) -> Records:
    """What the platform writes down."""
    return Records(platform)
