"""ccxt.pro's exchanges, made exact and hardened: numbers stay text, and one bad frame doesn't end the listening."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import ccxt.pro
from ccxt.async_support.base.ws.client import Client

from trading_platform.adapters.ccxt_exchange.exact_exchange import repoint, require_known
from trading_platform.domain.errors import FixSettings

KEEP_ALIVE_MS = 15_000
_CLOSE_SECONDS = 1.0
_TRADES_KEPT = 100  # per symbol; ccxt keeps 1000, and only the newest is read

# What ccxt raises over a message that isn't as it expects. Only for calls into ccxt.
CCXT_STUMBLES = (ccxt.BaseError, LookupError, TypeError, ValueError, AttributeError)
# What a connection that is going down raises, besides.
CONNECTION_FAILS = (ccxt.BaseError, aiohttp.ClientError, OSError, RuntimeError)

OnMessage = Callable[[Any], None]
OnMalformed = Callable[[str], None]


def exact_stream_exchange(exchange_id: str, config: Mapping[str, Any], base_url: str | None) -> Any:
    """A streaming ccxt exchange whose numbers are exact text. Make it inside the event loop that uses it.

    Raises
    ------
    FixSettings
        If ccxt has no such exchange, or no streams of it.
    """
    require_known(exchange_id)
    if not has_streams(exchange_id):
        raise FixSettings(f"venue.name: ccxt has no streams of {exchange_id}; use --market-data rest")
    base = getattr(ccxt.pro, exchange_id)
    exchange = type(f"ExactStream_{exchange_id}", (_ExactStream, base), {})(
        {**config, "streaming": {"keepAlive": KEEP_ALIVE_MS}}
    )
    exchange.taps, exchange.on_malformed = {}, {}
    exchange.options["tradesLimit"] = _TRADES_KEPT
    if base_url is not None:
        exchange.urls["api"] = repoint(exchange.urls["api"], base_url.rstrip("/"))
    return exchange


def has_streams(exchange_id: str) -> bool:
    """Whether ccxt knows how to listen to the exchange."""
    return exchange_id in ccxt.pro.exchanges


async def close_client(exchange: Any, url: str) -> None:
    """Close one socket and forget it, whatever state it is in; a frozen one isn't waited for."""
    client = exchange.clients.pop(url, None) if exchange.clients else None
    if client is not None:
        await _give_up_after(client.close())


async def close_exchange(exchange: Any) -> None:
    """Close everything; ccxt waits for each socket's goodbye, which a frozen one never says."""
    await _give_up_after(exchange.close())


async def _give_up_after(closing: Any) -> None:
    try:
        await asyncio.wait_for(closing, _CLOSE_SECONDS)
    except (TimeoutError, *CONNECTION_FAILS):
        return  # what is left of it goes with the process, or by the peer's timeout


async def settled(waiting: Any) -> BaseException | None:
    """Wait until a future of ccxt's is done, and tell how; None if it has a result.

    ccxt cancels its futures when a socket is closed. Awaited directly, that would look as if our own task had been
    cancelled.
    """
    future = asyncio.ensure_future(waiting)
    try:
        await asyncio.wait({future})
    except asyncio.CancelledError:
        future.cancel()
        raise
    return ConnectionError("the socket was closed") if future.cancelled() else future.exception()


class _ExactSocket(Client):  # type: ignore[misc]
    """ccxt's socket, except for what happens to a frame that can't be read: it is told, and the next one is read."""

    on_malformed: OnMalformed

    def handle_text_or_binary_message(self, data: Any) -> None:
        try:
            text = data.decode() if isinstance(data, bytes) else data
            # some exchanges say "pong" in plain text; their handlers know
            is_json = text.lstrip()[:1] in ("{", "[")
            decoded = json.loads(text, parse_float=str, parse_constant=_refuse_constant) if is_json else text
            self.on_message_callback(self, decoded)
        except CCXT_STUMBLES as stumble:
            self.on_malformed(f"{type(stumble).__name__}: {stumble}"[:200])


class _ExactStream:
    """Mixed in before a streaming exchange class of ccxt.

    Attributes
    ----------
    taps
        Per socket URL, who takes its messages instead of ccxt.
    on_malformed
        Per socket URL, who is told of frames that can't be read; "" stands for all others.
    """

    number = str
    taps: dict[str, OnMessage]
    on_malformed: dict[str, OnMalformed]

    @staticmethod
    def on_json_response(body: str) -> Any:
        """Decode without ever making a float."""
        return json.loads(body, parse_float=str, parse_constant=_refuse_constant)

    @staticmethod
    def safe_float(dictionary: Any, key: Any, default_value: Any = None) -> Any:
        """The text of a number where ccxt would make a float of it (candles of streams)."""
        return ccxt.Exchange.safe_string(dictionary, key, default_value)

    def is_spot_url(self, client: Any) -> bool:
        """ccxt takes a socket for one of futures if its URL lacks '/stream'; only spot is spoken here."""
        del client
        return True

    def client(self, url: str) -> Any:
        """ccxt's socket of that URL, hardened."""
        client = super().client(url)  # type: ignore[misc]
        client.__class__ = _ExactSocket
        client.on_malformed = lambda why: self._tell_malformed(url, why)
        return client

    def handle_message(self, client: Any, message: Any) -> None:
        """Hand a decoded message to its tap, or to ccxt."""
        tap = self.taps.get(client.url)
        if tap is not None:
            tap(message)
        else:
            super().handle_message(client, message)  # type: ignore[misc]

    def _tell_malformed(self, url: str, why: str) -> None:
        tell = self.on_malformed.get(url) or self.on_malformed.get("")
        if tell is not None:
            tell(why)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")
