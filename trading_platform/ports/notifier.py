"""Role: telling the owner."""

from __future__ import annotations

from typing import Protocol


class Notifier(Protocol):
    """The owner's channels."""

    @property
    def channels(self) -> int:
        """How many are set up; with none, nothing is sent and nothing is an error."""
        ...

    def send(self, title: str, body: str) -> None:
        """Deliver to every channel.

        Raises
        ------
        RetryLater
            If a channel didn't take it (the message names the channel's kind, never its URL: it holds secrets).
        """
        ...
