"""The owner's channels through Apprise: e-mail, chat services, webhooks."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import apprise
import structlog
from pydantic import SecretStr

from trading_platform.domain.errors import FixSettings, RetryLater

SEND_TIMEOUT_SECONDS = 15.0
_FAILURES_UNTIL_DOWN = 3
_LONGEST_PAUSE_SECONDS = 1.0  # between two messages of one channel; Apprise's own is up to 5.5 s
_SCHEMA = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)

# Both would write URLs, which hold passwords and tokens.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
logging.getLogger("urllib3").setLevel(logging.INFO)

log = structlog.get_logger()


@dataclass
class _Channel:
    """One URL of the settings. A channel that keeps failing is down: messages no longer wait for it."""

    name: str
    service: apprise.Apprise = field(repr=False)
    failures_in_a_row: int = 0

    @property
    def is_down(self) -> bool:
        return self.failures_in_a_row >= _FAILURES_UNTIL_DOWN

    def takes(self, title: str, body: str) -> bool:
        taken = bool(self.service.notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT))
        self.failures_in_a_row = 0 if taken else self.failures_in_a_row + 1
        return taken


class AppriseNotifier:
    """Sends to every channel, one after the other.

    Parameters
    ----------
    urls
        Apprise URLs.

    Raises
    ------
    FixSettings
        If Apprise doesn't understand one of them; the message holds its position and schema only.
    """

    def __init__(self, urls: Sequence[SecretStr]) -> None:
        asset = apprise.AppriseAsset(async_mode=False, service_timeout=SEND_TIMEOUT_SECONDS, allow_templates=False)
        self._channels = [_channel(number, url, asset) for number, url in enumerate(urls)]
        self._message: tuple[str, str] | None = None
        self._waiting: list[_Channel] = []

    @property
    def channels(self) -> int:
        """How many are set up."""
        return len(self._channels)

    def send(self, title: str, body: str) -> None:
        """Deliver to every channel; one that has taken this very message isn't given it again.

        A channel that failed three times in a row is left behind as long as another has taken the message, so that a
        broken channel doesn't keep the others silent; it is tried again with each further message.

        Raises
        ------
        RetryLater
            If a channel that isn't given up, or every channel, didn't take it.
        """
        if self._message != (title, body):
            self._message, self._waiting = (title, body), list(self._channels)
        self._waiting = [channel for channel in self._waiting if not channel.takes(title, body)]
        if not self._waiting:
            self._message = None
            return
        names = ", ".join(channel.name for channel in self._waiting)
        none_took_it = len(self._waiting) == len(self._channels)
        if none_took_it or not all(channel.is_down for channel in self._waiting):
            raise RetryLater(f"not taken by {names}; see that the channel is up and its URL in alerts.urls is right")
        self._message = None
        log.error("notification_channel_is_down", channels=names)


def _channel(number: int, url: SecretStr, asset: apprise.AppriseAsset) -> _Channel:
    match = _SCHEMA.match(url.get_secret_value())
    name = f"alerts.urls[{number}] ({match[1].lower() if match else 'no schema'})"
    service = apprise.Apprise(asset=asset)
    if not service.add(url.get_secret_value()):
        raise FixSettings(f"{name}: Apprise doesn't understand this URL; see its documentation for the channel's form")
    for plugin in service:
        plugin.request_rate_per_sec = min(plugin.request_rate_per_sec, _LONGEST_PAUSE_SECONDS)
    return _Channel(name, service)
