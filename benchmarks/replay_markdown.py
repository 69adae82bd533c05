"""The report of a stepped replay as Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

_TRADES = ("opened (UTC)", "held", "symbol", "strategy", "cost", "entry", "exit", "why", "PnL", "fees")


def as_markdown(name: str, told: Mapping[str, Any]) -> str:
    """Summary, what was left behind, refusals, trades."""
    return (
        "\n".join(
            [
                *_summary(name, told),
                *_left_behind(told),
                *_refused(told),
                *_equity(told["equity_by_day"]),
                *_trades(told["trades"]),
            ]
        )
        + "\n"
    )


def _summary(name: str, told: Mapping[str, Any]) -> list[str]:
    begin, end = Decimal(told["equity_begin_quote"]), Decimal(told["equity_end_quote"])
    closed = [trade for trade in told["trades"] if trade["closed_at"]]
    won = [trade for trade in closed if Decimal(trade["pnl_quote"]) > 0]
    fees = sum((Decimal(trade["fees_quote"]) for trade in told["trades"]), Decimal(0))
    by_reason: dict[str, list[Decimal]] = {}
    for trade in closed:
        by_reason.setdefault(trade["why"], []).append(Decimal(trade["pnl_quote"]))
    market = ", ".join(f"{symbol} {change}" for symbol, change in told["market_change"].items())
    drawdown = told["drawdown"]
    return [
        f"# Stepped replay of {name}, {_time(told['begin'])} to {_time(told['reached'])} UTC",
        "",
        f"- {told['steps']} candles per symbol at {told['steps_per_second']} a second; "
        f"{told['minutes_without_candles']} minutes of the window have no candles"
        + ("" if told["is_complete"] else "; the time ended before the window"),
        f"- strategies: {'; '.join(_strategy(chosen) for chosen in told.get('strategies', []))}",
        f"- equity {begin:.4f} → {end:.4f} USDT ({end / begin - 1:+.2%}); the market: {market}",
        f"- deepest drawdown {Decimal(drawdown['share']):.2%}, from {_time(drawdown['peak_at'])} "
        f"to {_time(drawdown['lowest_at'])}",
        f"- {told['signals']} signals, {len(told['trades'])} trades, {len(won)} of {len(closed)} closed ones won, "
        f"fees {fees:.4f} USDT",
        *(f"- closed by {why}: {len(pnl)}, {sum(pnl):+.4f} USDT" for why, pnl in sorted(by_reason.items())),
        f"- settings besides the defaults: {json.dumps(told['settings'])}",
        *(f"- resumed by the owner at {_time(at)}" for at in told["resumed"]),
        *(f"- halted {_time(halt['at'])} by {halt['by']}: {halt['why']}" for halt in told["halts"]),
        "",
    ]


def _strategy(chosen: Mapping[str, Any]) -> str:
    params = ", ".join(f"{name} {value}" for name, value in chosen["params"].items())
    return f"{chosen['name']} {chosen['interval']} ({params or 'defaults'})"


def _left_behind(told: Mapping[str, Any]) -> list[str]:
    return [
        "## What was left behind",
        "",
        f"- {told['orders']} orders in the ledger, {told['orders_at_venue']} at the venue, "
        f"{told['orders_unknown_to_ledger']} of them unknown to the ledger, {told['orders_sent_twice']} sent twice",
        f"- differences of open orders, reservations and balances: {_listed(told['wrong_books'])}",
        f"- positions without a resting stop after a candle's cycle: {_listed(told['without_stop_after_cycle'])}",
        f"- incidents still open: {_listed(told['open_incidents'])}",
        f"- cycles that failed and were repeated: {_listed(told['failed_cycles'])}",
        f"- told to the owner: {_listed(told['told_the_owner'])}",
        "",
    ]


def _refused(told: Mapping[str, Any]) -> list[str]:
    return [
        "## Entries refused or put off",
        "",
        "| reason | signals |",
        "|---|---|",
        *(f"| {reason} | {times} |" for reason, times in told["refused_or_put_off"].items()),
        "",
        "| account rule | said no |",
        "|---|---|",
        *(f"| {rule} | {times} |" for rule, times in told["refused_by_account_rule"].items()),
        "",
    ]


def _equity(days: Sequence[Mapping[str, str]]) -> list[str]:
    return [
        "## Equity by day",
        "",
        "| day (UTC) | at its end | lowest | highest |",
        "|---|---|---|---|",
        *(f"| {each['day']} | {each['end']} | {each['lowest']} | {each['highest']} |" for each in days),
        "",
    ]


def _trades(trades: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["## Trades", "", f"| {' | '.join(_TRADES)} |", "|---" * len(_TRADES) + "|"]
    for trade in trades:
        cost = Decimal(trade["quantity"]) * Decimal(trade["entry_price"])
        told = f" ({trade['told']})" if trade["told"] and trade["why"] in ("signal", "platform") else ""
        cells = (
            _time(trade["opened_at"]),
            _held(trade["opened_at"], trade["closed_at"]),
            trade["symbol"],
            trade["strategy"],
            f"{cost:.2f}",
            f"{float(trade['entry_price']):.6g}",
            f"{float(trade['exit_price']):.6g}" if trade["exit_price"] else "",
            trade["why"] + told,
            f"{Decimal(trade['pnl_quote']):+.4f}",
            f"{Decimal(trade['fees_quote']):.4f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _listed(facts: Sequence[str]) -> str:
    shown = "; ".join(facts[:10]) + (f"; and {len(facts) - 10} more" if len(facts) > 10 else "")
    return f"{len(facts)}: {shown}" if facts else "none"


def _time(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M}"


def _held(opened: str, closed: str | None) -> str:
    if closed is None:
        return "open"
    minutes = (datetime.fromisoformat(closed) - datetime.fromisoformat(opened)).total_seconds() / 60
    return f"{minutes:.0f} min"
