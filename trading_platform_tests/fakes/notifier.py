"""A notifier that keeps what it was given."""

from __future__ import annotations

from trading_platform.domain.errors import RetryLater


class FakeNotifier:
    """Fills the role `Notifier`."""

    def __init__(self, channels: int = 1) -> None:
        self._channels = channels
        self.is_down = False
        self.sent: list[tuple[str, str]] = []

    @property
    def channels(self) -> int:
        """How many are set up."""
        return self._channels

    def send(self, title: str, body: str) -> None:
        """Keep it; RetryLater while down."""
        if self.is_down:
            raise RetryLater("the channel 'fake' didn't take the message")
        self.sent.append((title, body))
