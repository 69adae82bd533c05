"""Answers that are remembered are the ledger's own until something is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from trading_platform.adapters.recalling_ledger import RecallingLedger
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.halt import OWNER, Halt
from trading_platform.ports.ledger import Ledger, StrategySeries
from trading_platform_tests.fakes import FakeLedger
from trading_platform_tests.support.examples import ACCOUNT, START, SYMBOL

SERIES = StrategySeries("trend_following", "1", SYMBOL, "1m")


class CountingLedger(FakeLedger):
    """Counts two of its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def account(self, name: str) -> Any:
        self.asked.append("account")
        return super().account(name)

    def unsettled_orders(self, account: str) -> Any:
        self.asked.append("unsettled_orders")
        return super().unsettled_orders(account)


@pytest.fixture
def behind() -> CountingLedger:
    made = CountingLedger()
    made.open_account(ACCOUNT, "USDT", "paper", START)
    return made


def test_a_question_is_asked_once_until_something_is_written(behind: CountingLedger) -> None:
    ledger, _ = RecallingLedger.facing(behind)

    told = [ledger.account(ACCOUNT) for _ in range(3)]
    ledger.reconcile(ACCOUNT, {}, at_revision=told[0].revision, at=START)
    after = ledger.account(ACCOUNT)

    assert behind.asked.count("account") == 2
    assert told[0] == told[2]
    assert after.reconciled_at == START


def test_what_others_write_is_seen_after_forgetting(behind: CountingLedger) -> None:
    ledger, forget = RecallingLedger.facing(behind)
    assert ledger.halt_in_force(ACCOUNT) is None

    behind.halt(Halt(ACCOUNT, OWNER, "by hand", START, START, False))
    forget()

    halt = ledger.halt_in_force(ACCOUNT)
    assert halt is not None
    assert halt.reason == "by hand"


def test_a_write_that_is_refused_forgets_as_well(behind: CountingLedger) -> None:
    ledger, _ = RecallingLedger.facing(behind)
    ledger.account(ACCOUNT)

    with pytest.raises(FixSettings):
        ledger.open_account(ACCOUNT, "EUR", "paper", START)
    ledger.account(ACCOUNT)

    assert behind.asked.count("account") == 2


def test_how_far_was_judged_changes_nothing_else(behind: CountingLedger) -> None:
    ledger, _ = RecallingLedger.facing(behind)
    ledger.account(ACCOUNT)
    assert ledger.evaluated_through(ACCOUNT) == {}

    ledger.mark_evaluated(ACCOUNT, {SERIES: START + timedelta(minutes=1)})

    assert ledger.evaluated_through(ACCOUNT) == {SERIES: START + timedelta(minutes=1)}
    ledger.account(ACCOUNT)
    assert behind.asked.count("account") == 1


def test_a_list_is_the_callers_own(behind: CountingLedger) -> None:
    ledger, _ = RecallingLedger.facing(behind)

    ledger.unsettled_orders(ACCOUNT).append("not an order")  # type: ignore[arg-type]

    assert ledger.unsettled_orders(ACCOUNT) == []
    assert behind.asked == ["unsettled_orders"]


def test_every_question_of_the_port_is_known_as_one() -> None:
    """A new question that isn't named would be taken for a write, and forget everything each time."""
    from trading_platform.adapters import recalling_ledger as module

    questions = module._REMEMBERED | module._OTHER_QUESTIONS
    methods = {name for name in dir(Ledger) if not name.startswith("_")}
    writes = {
        name
        for name in methods
        if name.startswith(
            ("mark_", "record_", "reserve", "request_", "forget_", "note_", "close_", "cut_", "open_account")
        )
    } | {"arm", "book", "disarm", "halt", "reconcile", "resume"}
    assert questions | (writes - {"reservation"}) == methods
    assert not questions & (writes - {"reservation"})
