"""Role: hearing of the account's orders without asking."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class OrderNews:
    """Something has happened to an order; what, only the venue's answer to a question tells.

    Parameters
    ----------
    client_order_id
        None: something may have happened to any of them, because nobody has listened for a while.
    """

    client_order_id: str | None


class OrderNewsStream(Protocol):
    """The account's own events, made a hint of. It may be late, doubled or silent: REST is asked all the same."""

    def events(self) -> AsyncIterator[OrderNews]:
        """News, several of one order at once being told as one; never ends by itself, nor raises for the venue's sake.

        Each connection begins with news of no order in particular.
        """
        ...

    async def close(self) -> None:
        """End it, within two seconds."""
        ...
