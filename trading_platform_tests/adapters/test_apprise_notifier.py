"""Messages reach a real mail server and a real webhook; secrets reach neither logs nor errors."""

from __future__ import annotations

import json
import logging
import socket
import traceback
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from trading_platform.adapters.notifications.apprise_notifier import AppriseNotifier
from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform_tests.support.scripted_server import Answer, ScriptedServer, scripted_server

PASSWORD = "hushHushNobodyMaySee"
HOOK = ("POST", "/hook")


class Mailbox:
    """Keeps what a mail server receives."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.messages.append(message_from_bytes(envelope.content))
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A mail server, and the Apprise URL that leads there."""
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, ready_timeout=10)
    controller.start()
    try:
        yield box, f"mailto://127.0.0.1:{port}?from=bot@example.org&to=owner@example.org"
    finally:
        controller.stop()


@pytest.fixture
def webhook() -> Iterator[ScriptedServer]:
    with scripted_server() as server:
        server.script[HOOK] = {}
        yield server


def url_of(webhook: ScriptedServer) -> str:
    return f"json://user:{PASSWORD}@{webhook.base_url.removeprefix('http://')}/hook?rto=0.5&cto=0.5"


def notifier(*urls: str) -> AppriseNotifier:
    return AppriseNotifier([SecretStr(url) for url in urls])


def test_mail_and_webhook_receive_the_same(mailbox: tuple[Mailbox, str], webhook: ScriptedServer) -> None:
    box, mail_url = mailbox
    channels = notifier(mail_url, url_of(webhook))
    assert channels.channels == 2
    channels.send("BTC/USDT is stale", "no candle since 12:00 UTC – the gate is shut")
    (mail,) = box.messages
    assert str(make_header(decode_header(mail["Subject"]))) == "BTC/USDT is stale"
    parts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    assert any("no candle since 12:00 UTC – the gate is shut" in part.decode() for part in parts)  # type: ignore[union-attr]
    (posted,) = webhook.requests(*HOOK)
    content = json.loads(posted.body)
    assert (content["title"], content["message"]) == (
        "BTC/USDT is stale",
        "no candle since 12:00 UTC – the gate is shut",
    )


def test_without_channels_nothing_is_sent_and_nothing_is_wrong() -> None:
    silent = notifier()
    assert silent.channels == 0
    silent.send("title", "body")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"carrierpigeon://coop:{PASSWORD}@loft", "carrierpigeon"),
        (f"{PASSWORD}", "no schema"),
        (f"tgram://{PASSWORD}", "tgram"),
        ("", "no schema"),
    ],
)
def test_a_url_that_is_none_is_named_by_place_and_schema(url: str, name: str) -> None:
    with pytest.raises(FixSettings) as raised:
        notifier("json://127.0.0.1:9", url)
    assert str(raised.value).startswith(f"alerts.urls[1] ({name}):")
    assert PASSWORD not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "trouble", [Answer("no", 500), Answer("no", 401), Answer(ending="reset"), Answer(ending="hang")]
)
def test_a_channel_that_fails_is_named_without_its_secrets(
    webhook: ScriptedServer, trouble: Answer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    webhook.script[HOOK] = trouble
    with caplog.at_level(logging.DEBUG), pytest.raises(RetryLater) as raised:
        notifier(url_of(webhook)).send("title", "body")
    assert "alerts.urls[0] (json)" in str(raised.value)
    told = "".join(traceback.format_exception(raised.value)) + caplog.text + "".join(capsys.readouterr())
    assert PASSWORD not in told
    assert webhook.base_url not in told


def test_a_channel_that_took_the_message_is_not_given_it_again(
    mailbox: tuple[Mailbox, str], webhook: ScriptedServer
) -> None:
    box, mail_url = mailbox
    channels = notifier(mail_url, url_of(webhook))
    webhook.script[HOOK] = Answer("no", 500)
    for _ in range(2):
        with pytest.raises(RetryLater):
            channels.send("title", "body")
    webhook.script[HOOK] = {}
    channels.send("title", "body")
    assert len(box.messages) == 1
    assert len(webhook.requests(*HOOK)) == 3


def test_a_broken_channel_does_not_keep_the_others_silent(
    mailbox: tuple[Mailbox, str], webhook: ScriptedServer
) -> None:
    box, mail_url = mailbox
    channels = notifier(mail_url, url_of(webhook))
    webhook.script[HOOK] = Answer("no", 500)
    for _ in range(2):
        with pytest.raises(RetryLater):
            channels.send("first", "body")
    channels.send("first", "body")
    channels.send("second", "body")
    assert [mail["Subject"] for mail in box.messages] == ["first", "second"]
    webhook.script[HOOK] = {}
    channels.send("third", "body")
    assert json.loads(webhook.requests(*HOOK)[-1].body)["title"] == "third"


def test_while_no_channel_takes_it_the_message_waits(webhook: ScriptedServer) -> None:
    channels = notifier(url_of(webhook))
    webhook.script[HOOK] = Answer("no", 500)
    for _ in range(10):
        with pytest.raises(RetryLater):
            channels.send("title", "body")
    webhook.script[HOOK] = {}
    channels.send("title", "body")


def test_the_same_message_may_be_sent_again_later(webhook: ScriptedServer) -> None:
    channels = notifier(url_of(webhook))
    channels.send("title", "body")
    channels.send("title", "body")
    assert len(webhook.requests(*HOOK)) == 2
