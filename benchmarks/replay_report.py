"""A stepped replay of recorded days, as its owner would look at it: `make replay-report REPLAY='--folder ...'`.

The trading services in one process, without Dagster, the same cycle per candle as the stepped replay's job; over the
embedded PostgreSQL, which needn't wait for the disk here (its data is thrown away), and the simulated exchange
on loopback, with the settings' defaults or those given. SIGTERM ends it where it is, and the report is written.
It fails if a position was left without its stop, or if the books of ledger and venue differ in the last digit.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from benchmarks.records import keep
from benchmarks.replay_markdown import as_markdown
from benchmarks.replay_trades import ALL, daily_equity, deepest_drawdown, refusals, trades_of
from benchmarks.replay_window import WARMUP_CANDLES, Course, Window, step_through, window_of
from trading_platform.bootstrap import Platform, SteppingPlatform
from trading_platform.domain.order import OrderKind
from trading_platform.ports.charts import FillMark
from trading_platform.settings import Settings
from trading_platform.simulator.config import ArchiveMarketConfig
from trading_platform_tests.support.plain_settings import plain_settings
from trading_platform_tests.support.postgres import running_postgres
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.venue_history import every_order


def replay(
    window: Window,
    balance: Decimal,
    limit_seconds: float,
    pictures: Path,
    sections: Mapping[str, Any],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Step through the window; the figures.

    Parameters
    ----------
    sections
        Of the settings, what differs from their defaults.
    tell
        Given the progress, a line at a time.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with tempfile.TemporaryDirectory(prefix="replay-report-") as scratch:
        folder = Path(scratch) / "window"
        missing = window.cut(folder)
        with (
            running_postgres() as postgres,
            simulated_exchange(
                market=ArchiveMarketConfig(folder, window.names),
                balances={"USDT": balance},
                step=True,
                warmup_candles=WARMUP_CANDLES,
            ) as venue,
        ):
            platform = SteppingPlatform(_settings(postgres.emptied_database(), venue, window, folder, sections))
            platform.open_account()
            course = step_through(
                platform,
                lambda: wrong_books(platform, venue),
                limit_seconds=limit_seconds,
                check_every=250,
                tell=tell,
                is_stopped=stop.is_set,
            )
            return {"minutes_without_candles": missing, **figures(platform, venue, window, course, pictures, sections)}


def _settings(
    database_url: str,
    venue: SimulatedExchange,
    window: Window,
    folder: Path,
    sections: Mapping[str, Any],
) -> Settings:
    return plain_settings(
        replay={"folder": folder, "step": True},
        market={"symbols": window.symbols},
        servers={
            "database": database_url,
            "simulator": venue.base_url,
            "simulator_api_key": venue.api_key,
            "simulator_api_secret": venue.api_secret,
        },
        **sections,
    )


def wrong_books(platform: Platform, venue: SimulatedExchange) -> list[str]:
    """Everything in which the ledger and the venue differ, or that was left behind; in words."""
    ledger, account = platform.ledger, platform.settings.account.name
    resting, held = ledger.unsettled_orders(account), ledger.open_positions(account)
    at_venue = venue.on_server_thread(lambda exchange: exchange.open_orders(account))
    state = venue.on_server_thread(lambda exchange: exchange.account_state(account))
    balances = ledger.account(account).balances
    totals = {b.asset: b.free + b.locked for b in state.balances if b.free + b.locked}
    in_ledger, at_the_venue = {o.client_order_id for o in resting}, {o.client_order_id for o in at_venue}
    guarded = sum((o.quantity for o in resting if o.kind is OrderKind.STOP_LOSS), Decimal(0))
    reserved = sum((b.reserved for b in balances.values()), Decimal(0))
    checks = {
        f"orders in flight: {[o.client_order_id for o in resting if not o.is_on_guard]}": all(
            o.is_on_guard for o in resting
        ),
        f"orders open only in the ledger: {in_ledger - at_the_venue}": in_ledger <= at_the_venue,
        f"orders open only at the venue: {at_the_venue - in_ledger}": at_the_venue <= in_ledger,
        f"stops without a position: { ({o.symbol for o in resting} - {p.symbol for p in held}) }": (
            {o.symbol for o in resting} <= {p.symbol for p in held}
        ),
        f"{reserved} reserved, {guarded} guarded": reserved == guarded,
        f"ledger {balances}, venue {totals}": totals == {a: b.total for a, b in balances.items() if b.total},
        "the venue's own books don't balance": all(a["balanced"] for a in venue.control.get("audit").values()),
    }
    return [told for told, is_right in checks.items() if not is_right]


def figures(
    platform: Platform,
    venue: SimulatedExchange,
    window: Window,
    course: Course,
    pictures: Path,
    sections: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything worth keeping, in JSON's own types."""
    ledger, account = platform.ledger, platform.settings.account
    trades = trades_of(ledger, account.name, [s.name for s in platform.settings.strategies])
    reasons, rules = refusals(ledger, account.name)
    points = ledger.equity_history(account.name, ALL)
    orders = ledger.recent_orders(account.name, ALL)
    drawdown = deepest_drawdown(points)
    at_venue = [o for name in window.names for o in _all_orders(venue, account.name, name)]
    return {
        "settings": {name: section for name, section in sections.items() if name != "strategies"},
        "resumed": [at.isoformat() for at in course.resumed],
        "equity_by_day": daily_equity(points),
        "begin": window.begin.isoformat(),
        "reached": course.ended_at.isoformat() if course.ended_at else None,
        "is_complete": course.is_complete,
        "symbols": list(window.symbols),
        "strategies": [s.model_dump(mode="json") for s in platform.settings.strategies],
        "steps": course.steps,
        "steps_per_second": round(course.steps / course.seconds, 2),
        "equity_begin_quote": str(points[0].equity_quote) if points else None,
        "equity_end_quote": str(points[-1].equity_quote) if points else None,
        "market_change": _market_change(platform, window),
        "drawdown": _plain(asdict(drawdown)) if drawdown else None,
        "trades": [_plain(asdict(trade)) for trade in trades],
        "signals": len(ledger.recent_signals(account.name, ALL)),
        "refused_or_put_off": dict(reasons.most_common()),
        "refused_by_account_rule": dict(rules.most_common()),
        "halts": [_plain({"by": h.by, "why": h.reason, "at": h.venue_time}) for h in ledger.halts(account.name, ALL)],
        "open_incidents": [f"{each.key}: {each.summary}" for each in platform.journal.open_incidents()],
        "told_the_owner": [f"{each.title}: {each.body}" for each in platform.journal.undelivered(1000)],
        "orders": len(orders),
        "orders_at_venue": len(at_venue),
        "orders_sent_twice": len(at_venue) - len({o.client_order_id for o in at_venue}),
        "orders_unknown_to_ledger": len({o.client_order_id for o in at_venue} - {o.client_order_id for o in orders}),
        "without_stop_after_cycle": [f"{symbol} {at:%Y-%m-%d %H:%M}" for symbol, at in course.unguarded],
        "failed_cycles": [f"{at:%Y-%m-%d %H:%M} {why}" for at, why in course.failures],
        "wrong_books": [f"{at:%Y-%m-%d %H:%M} {'; '.join(why)}" for at, why in course.wrong_books],
        "equity_curve": _draw(platform, pictures, window),
    }


def _all_orders(venue: SimulatedExchange, account: str, name: str) -> Sequence[Any]:
    return venue.on_server_thread(lambda exchange: every_order(exchange, account, name))


def _market_change(platform: Platform, window: Window) -> dict[str, str]:
    """What holding each symbol would have brought, from the window's first close to its last."""
    changes = {}
    for symbol in window.symbols:
        closes = platform.store.candle_frame(symbol, platform.intervals[0], newest=ALL)["close"]
        inside = closes[closes.index >= window.begin]
        changes[symbol] = f"{inside.iloc[-1] / inside.iloc[0] - 1:+.2%}" if len(inside) else "no candles"
    return changes


def _draw(platform: Platform, pictures: Path, window: Window) -> str:
    """The equity curve as a picture outside the tree; its name."""
    ledger, account = platform.ledger, platform.settings.account
    fills = [FillMark(fill.time, side, symbol) for symbol, side, fill in ledger.recent_fills(account.name, ALL)]
    picture = platform.painter.render_equity_chart(ledger.equity_history(account.name, ALL), fills, account.quote)
    pictures.mkdir(parents=True, exist_ok=True)
    file = pictures / f"equity-{window.folder.name}-{window.begin:%Y%m%d-%H%M}.png"
    file.write_bytes(picture)
    return file.name


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    """JSON's own types: money to eight decimals (averages have more), times in ISO."""
    return {name: _plain_value(value) for name, value in facts.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Decimal):
        return str(round(value, 8).normalize())
    return value.isoformat() if isinstance(value, datetime) else value


def is_sound(told: dict[str, Any]) -> bool:
    """Whether nothing was left behind and nothing was ever without its stop."""
    never = ("without_stop_after_cycle", "wrong_books", "open_incidents", "orders_sent_twice")
    return not any(told[name] for name in (*never, "orders_unknown_to_ledger"))


def main() -> int:
    """Replay, keep and show the figures; 1 if something was left behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="recorded candles, SYMBOL-1m.csv.gz")
    parser.add_argument("--from", dest="begin", required=True, help="first minute, such as 2021-04-18T00:00 (UTC)")
    parser.add_argument("--days", type=Decimal, default=Decimal(1), help="1 unless said, fractions allowed")
    parser.add_argument("--symbols", default="BTC/USDT,ETH/USDT,SOL/USDT")
    parser.add_argument(
        "--strategies", type=json.loads, default=[], help='JSON, as in the settings: [{"name": …, "params": {…}}]'
    )
    parser.add_argument(
        "--settings",
        type=json.loads,
        default={},
        help='JSON, sections of the settings: {"risk": {"cooldown_seconds": 0}}',
    )
    parser.add_argument("--balance", type=Decimal, default=Decimal("84.54"), help="USDT at the start")
    parser.add_argument("--limit-seconds", type=float, default=3600.0, help="stop after so long, wherever it is")
    parser.add_argument("--pictures", type=Path, default=Path(tempfile.gettempdir()), help="folder of the equity curve")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    console = Console()
    window = window_of(given.folder, given.begin, given.days, given.symbols.split(","))
    sections = {**given.settings, **({"strategies": given.strategies} if given.strategies else {})}
    tell = partial(console.print, markup=False, highlight=False)
    told = replay(window, given.balance, given.limit_seconds, given.pictures, sections, tell)
    file = keep(f"replay-{window.folder.name}-{window.begin:%m%d%H%M}", told, console)
    text = as_markdown(window.folder.name, told)
    file.with_suffix(".md").write_text(text)
    console.print(text, markup=False)
    console.print(f"equity curve: {given.pictures / told['equity_curve']}")
    return 0 if is_sound(told) else 1


if __name__ == "__main__":
    sys.exit(main())
