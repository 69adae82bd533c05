"""A smaller kill-anywhere proof (I2 to I5), of which `make proof` is the whole; its dealer and its judge are tested."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from trading_platform_tests.proof.cases import SCENARIOS, Case, Death, deal, to_count_next
from trading_platform_tests.proof.crew import census_of
from trading_platform_tests.proof.kill_points import KillPoint, Stage
from trading_platform_tests.proof.prover import Outcome, Prover, exchange_of
from trading_platform_tests.support.books import Comparison, ExchangeBooks
from trading_platform_tests.support.simulated import SimulatedExchange

pytestmark = pytest.mark.integration

SEED = 5
KILLED_AT_EACH_STAGE = 4
CHOSEN = ("one entry", "entries with stops", "an exit past its stop")
ACCOUNTS = [f"run-{number:05}" for number in range(60)]

BOOKED = KillPoint("PostgresLedger.book", Stage.BEFORE_COMMIT)
PLACED = KillPoint("POST /api/v3/order", Stage.ACTED)
CENSUS = {
    ("one entry", "none"): {BOOKED: 2, PLACED: 1},
    ("one entry", "half filled"): {BOOKED: 3, PLACED: 1},
    ("an exit", "none"): {BOOKED: 1},
}


@pytest.fixture
def venue() -> Iterator[SimulatedExchange]:
    """One for many accounts."""
    with exchange_of(ACCOUNTS) as running:
        yield running


@pytest.fixture
def prover(database_url: str, venue: SimulatedExchange) -> Iterator[Prover]:
    """Ready to run cases."""
    made = Prover(database_url, venue)
    yield made
    made.close()


def _agrees(outcome: Outcome) -> Outcome:
    assert not outcome.problems, f"{outcome.case}: {outcome.problems}"
    return outcome


def _some_at_each_stage(cases: Iterator[Case]) -> list[Case]:
    chosen: dict[Stage, list[Case]] = {stage: [] for stage in Stage}
    while any(len(some) < KILLED_AT_EACH_STAGE for some in chosen.values()):
        case = next(cases)
        some = chosen[case.deaths[0].point.stage]
        if len(some) < KILLED_AT_EACH_STAGE:
            some.append(case)
    return [case for some in chosen.values() for case in some]


def test_whatever_a_trader_dies_of_the_books_are_one(prover: Prover) -> None:
    accounts = iter(ACCOUNTS)
    undisturbed = [_agrees(prover.run(Case(name, "none"), next(accounts))) for name in CHOSEN]
    some = random.Random(SEED).sample(to_count_next(census_of(undisturbed)), 4)
    undisturbed += [_agrees(prover.run(case, next(accounts))) for case in some]
    cases = _some_at_each_stage(deal(census_of(undisturbed), SEED))

    killed = [_agrees(prover.run(case, next(accounts))) for case in cases]

    deaths = [death for outcome in killed for death in outcome.case.deaths[: outcome.died]]
    assert len(deaths) >= len(killed) * 3 // 4  # a point may be passed by, this time
    assert {death.point.stage for death in deaths} == set(Stage)
    assert sum(outcome.orders.get("filled", 0) for outcome in killed) > len(killed)


def test_the_judge_sees_each_way_in_which_the_books_may_differ(prover: Prover) -> None:
    _agrees(prover.run(Case("one entry", "none"), ACCOUNTS[0]))
    books = prover.venue.on_server_thread(lambda exchange: ExchangeBooks.of(exchange, ACCOUNTS[0]))
    order, trade = books.orders[0], books.trades[0]
    forged = {
        "the exchange never had it": replace(books, orders=books.orders[1:]),
        "was accepted 2 times": replace(books, orders=[*books.orders, order]),
        "orphan": replace(books, orders=[*books.orders, replace(order, client_order_id="another")]),
        "filled at the exchange": replace(
            books, orders=[replace(order, executed_quantity=Decimal(9)), *books.orders[1:]]
        ),
        "fill only in the ledger": replace(books, trades=books.trades[1:]),
        "fill only at the exchange": replace(books, trades=[*books.trades, replace(trade, trade_id="0")]),
        "USDT (total, bound)": replace(
            books, balances={**books.balances, "USDT": (books.balances["USDT"][0] + Decimal("1E-8"), Decimal(0))}
        ),
        "don't balance": replace(books, unbalanced=["BTC"]),
    }

    assert Comparison(prover.database, ACCOUNTS[0], books).differences() == []
    for told, forgery in forged.items():
        differences = Comparison(prover.database, ACCOUNTS[0], forgery).differences()
        assert any(told in difference for difference in differences), (told, differences)


def test_a_position_without_a_stop_is_seen(prover: Prover) -> None:
    outcome = prover.run(Case("entries with stops", "none"), ACCOUNTS[0])
    with prover.database.cursor() as cursor:
        cursor.execute("UPDATE positions SET closed_at = NULL, quantity = 1 WHERE account = %s", (ACCOUNTS[0],))
    books = prover.venue.on_server_thread(lambda exchange: ExchangeBooks.of(exchange, ACCOUNTS[0]))

    assert not outcome.problems
    assert any("stand under no stop" in told for told in Comparison(prover.database, ACCOUNTS[0], books).unguarded())


def test_a_position_that_nobody_sold_is_left_over(prover: Prover) -> None:
    outcome = prover.run(Case("one entry", "none"), ACCOUNTS[0])
    with prover.database.cursor() as cursor:
        cursor.execute("UPDATE positions SET closed_at = NULL, quantity = 1 WHERE account = %s", (ACCOUNTS[0],))
    books = prover.venue.on_server_thread(lambda exchange: ExchangeBooks.of(exchange, ACCOUNTS[0]))
    comparison = Comparison(prover.database, ACCOUNTS[0], books)

    assert not outcome.problems
    assert any("positions still open" in left for left in comparison.leftovers())
    assert any("BTCUSDT: positions of 1" in difference for difference in comparison.differences())


def test_the_same_seed_deals_the_same_cases() -> None:
    first, again, other = (deal(CENSUS, seed) for seed in (1, 1, 2))

    dealt = [str(next(first)) for _ in range(50)]

    assert dealt == [str(next(again)) for _ in range(50)]
    assert dealt != [str(next(other)) for _ in range(50)]


def test_every_point_of_every_scenario_has_its_turn() -> None:
    cases = deal(CENSUS, SEED)

    dealt = [next(cases) for _ in range(3)]

    points = {(case.scenario, case.deaths[0].point) for case in dealt}
    assert points == {("one entry", BOOKED), ("one entry", PLACED), ("an exit", BOOKED)}


def test_a_case_is_told_in_a_text_that_repeats_it() -> None:
    for case, _ in zip(deal(CENSUS, SEED), range(20), strict=False):
        assert Case.parse(str(case)) == case
    deaths = (Death(BOOKED, 1), Death(PLACED, 0))
    assert Case.parse(str(Case(SCENARIOS[0].name, "none", deaths))).deaths == deaths
