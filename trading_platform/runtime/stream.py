"""The stream process: it listens to the venue's streams, resident, outside Dagster."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

import structlog

from trading_platform.bootstrap import Platform, platform
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater
from trading_platform.ports.clock import WallClock
from trading_platform.runtime.garbage import collect_garbage
from trading_platform.services.follow_news import follow_news
from trading_platform.services.serve_fallback import serve_tickers
from trading_platform.services.stream_market import StreamEnd, report_no_stream, stream_market
from trading_platform.settings import Settings

RESTART = 3
"""Exit code that asks the supervisor for a new process."""

_SETTINGS_SECONDS = 5.0
_CLOSE_SECONDS = 2.0

log = structlog.get_logger()


async def listen(current: Platform, stop: asyncio.Event) -> StreamEnd:
    """Listen with this platform's ports until told to stop."""
    settings = current.settings
    try:
        stream = current.market_stream
    except FixSettings as impossible:
        log.warning("no_streams", why=str(impossible))
        await report_no_stream(
            current.streams, WallClock(), settings.streams, settings.market.symbols, str(impossible), stop
        )
        return StreamEnd.STOPPED
    return await stream_market(
        stream,
        current.store,
        current.streams,
        current.clock,
        settings.streams,
        settings.market.symbols,
        current.intervals,
        stop,
        serve_by_rest=lambda: serve_tickers(
            current.feed, current.store, current.streams, current.clock, settings.market.symbols, settings.streams
        ),
    )


async def _main() -> StreamEnd:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    collecting = asyncio.create_task(collect_garbage())
    end = StreamEnd.STOPPED
    while end is StreamEnd.STOPPED and not told_to_stop.is_set():
        current, stop = platform(), asyncio.Event()
        news = asyncio.create_task(hear_of_orders(current))
        news.add_done_callback(_tell_if_it_failed)
        beside = [asyncio.create_task(_stop_when_outdated(current, told_to_stop, stop)), news]
        end = await listen(current, stop)
        for task in beside:
            task.cancel()
        await asyncio.wait(beside, timeout=_CLOSE_SECONDS)
    collecting.cancel()
    return end


async def hear_of_orders(current: Platform) -> None:
    """Book what the account's own events speak of, for as long as this platform's settings are in force.

    Trouble at the start, such as a database that isn't up yet, is no reason to hear less of the market.
    """
    while True:
        try:
            news, desk = current.order_news, await asyncio.to_thread(current.desk, "order news")
            await follow_news(news, desk)
        except FixSettings as impossible:
            log.warning("no_order_news", why=str(impossible))
            return
        except RetryLater as trouble:
            log.warning("no_order_news_yet", why=str(trouble))
            await asyncio.sleep(_SETTINGS_SECONDS)


def _tell_if_it_failed(news: asyncio.Task[None]) -> None:
    """The market goes on being heard, and orders are asked for by REST; but silence must have a reason (I6)."""
    if not news.cancelled() and news.exception() is not None:
        log.error("order_news_failed", why=repr(news.exception()))


async def _stop_when_outdated(current: Platform, told_to_stop: asyncio.Event, stop: asyncio.Event) -> None:
    """Other symbols or limits in the settings: begin anew with them."""
    while not told_to_stop.is_set() and _concerns(platform().settings) == _concerns(current.settings):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told_to_stop.wait(), _SETTINGS_SECONDS)
    stop.set()


def _concerns(settings: Settings) -> object:
    return settings.market, settings.streams, settings.venue


def main() -> int:
    """Listen until told to stop; end and be started again where only a new process can help."""
    try:
        end = asyncio.run(_main())
    except PlatformError as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    log.info("stream_ended", why=end.value)
    return RESTART if end is StreamEnd.RESTART else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking ccxt and pandas apart would keep a core busy for seconds
