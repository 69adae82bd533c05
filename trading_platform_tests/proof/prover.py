"""Runs of the proof: a fresh account each, its trader killed and started again, and both books looked at."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

import psycopg2
from pydantic import SecretStr

from trading_platform.adapters.postgres.engine import make_engine
from trading_platform.adapters.postgres.ledger import PostgresLedger
from trading_platform.bootstrap import Platform
from trading_platform.domain.strategies.base import Direction
from trading_platform.services.refresh_market import refresh_candles, refresh_tickers
from trading_platform.settings import Settings
from trading_platform.simulator.config import AccountConfig
from trading_platform_tests.proof import life
from trading_platform_tests.proof.cases import SCENARIO_OF, TROUBLE_OF, Case, Passed, Rules
from trading_platform_tests.proof.life import Birth, Killed, Quiet, Restless
from trading_platform_tests.support.books import Comparison, ExchangeBooks
from trading_platform_tests.support.examples import MINUTE, signal
from trading_platform_tests.support.simulated import API_SECRET, SimulatedExchange, simulated_exchange
from trading_platform_tests.support.trading_floor import floor_settings

MONEY = Decimal("84.54")
_LONGEST_LIFE_SECONDS = 120.0
_PREPARED_MINUTE, _SAID_MINUTE = 1, 10


@dataclass(frozen=True)
class Outcome:
    """What became of one run.

    Parameters
    ----------
    died
        How many of its deaths it met.
    passed
        How often each point was passed by a life that ended by itself.
    problems
        What didn't agree at the end; that there is none is what is proved.
    orders
        How many orders of each status the ledger was left with.
    """

    case: Case
    died: int
    passed: Passed
    problems: tuple[str, ...]
    orders: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


class Broken(Exception):
    """A run that can't go on."""


@contextmanager
def exchange_of(accounts: Sequence[str]) -> Iterator[SimulatedExchange]:
    """A market that stands still, where each of these has the same money."""
    configs = tuple(AccountConfig(name, _key(name), API_SECRET, {"USDT": MONEY}) for name in accounts)
    with simulated_exchange(balances={"USDT": MONEY}, step=True, accounts=configs) as running:
        yield running


class Prover:
    """One database and one exchange, used by one run after another.

    Parameters
    ----------
    database_url
        A migrated database.
    venue
        See `exchange_of`.
    """

    def __init__(self, database_url: str, venue: SimulatedExchange) -> None:
        self.venue = venue
        self.database = psycopg2.connect(database_url)
        self.database.autocommit = True
        self._engine = make_engine(database_url, pool_size=1)
        self.ledger = PostgresLedger(self._engine)
        self.lives = multiprocessing.get_context("forkserver")
        self.lives.set_forkserver_preload(life.PRELOADED)
        self._settings = _settings(database_url, venue)
        self._platform = Platform(self._settings)
        self.bring_market_data()
        self.now = self._platform.clock.read().now

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()
        self._engine.dispose()

    def run(self, case: Case, account: str) -> Outcome:
        """Kill, start again, look at the books; sell everything, look again."""
        begun = time.monotonic()
        run = _Run(self, case, account)
        try:
            problems = run.problems()
        except Broken as broken:
            problems = [str(broken)]
        finally:
            self.venue.control.clear_faults()
        return Outcome(case, run.died, run.passed, tuple(problems), run.orders(), time.monotonic() - begun)

    def settings_of(self, account: str, rules: Rules) -> Settings:
        """The settings of the account's trader."""
        settings = self._settings
        key = SecretStr(_key(account))
        changes: dict[str, Any] = {
            "account": settings.account.model_copy(update={"name": account}),
            "servers": settings.servers.model_copy(update={"simulator_api_key": key}),
        }
        for name, values in rules.items():
            section = getattr(settings, name)
            changes[name] = type(section).model_validate({**section.model_dump(), **values})
        return settings.model_copy(update=changes)

    def step(self, candles: int) -> None:
        """Let the market go on by so many candles, and see them."""
        for _ in range(candles):
            self.venue.control.step()
        self.bring_market_data()

    def bring_market_data(self) -> None:
        """Refresh candles and prices as they are now."""
        platform, market = self._platform, self._settings.market
        refresh_candles(platform.feed, platform.store, platform.clock, market.symbols, [MINUTE], market.history_candles)
        refresh_tickers(platform.feed, platform.store, platform.clock, market.symbols)


class _Run:
    """One run of one case."""

    def __init__(self, prover: Prover, case: Case, account: str) -> None:
        self._prover, self._case, self._account = prover, case, account
        self._scenario, self._trouble = SCENARIO_OF[case.scenario], TROUBLE_OF[case.trouble]
        self._birth = Birth(
            prover.settings_of(account, self._scenario.held_rules), pause_seconds=self._trouble.hold_seconds
        )
        self.died = 0
        self.passed: Passed = {}

    def problems(self) -> list[str]:
        """Go through it; what didn't agree."""
        self._prepare()
        rules = self._scenario.rules
        self._birth = replace(self._birth, settings=self._prover.settings_of(self._account, rules))
        for fault in self._trouble.faults:
            self._prover.venue.control.fault(**fault)
        if self._scenario.deposit:
            transfer = {"account": self._account, "asset": "USDT", "amount": str(self._scenario.deposit)}
            self._prover.venue.control.post("deposit", transfer)
        for number, (symbol, direction) in enumerate(self._scenario.says):
            self._say(symbol, direction, _SAID_MINUTE + number)
        for death in self._case.deaths:
            with self._born(replace(self._birth, kill=(death.point, death.passed))) as trader:
                self._hear(trader)
        with self._born(replace(self._birth, closes=True)) as trader:
            self._hear(trader)
            books = self._books()
            problems = books.differences()
            if self._birth.settings.protection.enabled:
                problems += books.unguarded()
            trader.send("sell everything")
            self._hear(trader)
        books = self._books()
        afterwards = [*books.differences(), *books.leftovers()]
        return problems + [f"after everything was sold: {problem}" for problem in afterwards]

    def orders(self) -> dict[str, int]:
        """How many orders of each status the run leaves."""
        with self._prover.database.cursor() as cursor:
            cursor.execute("SELECT status, count(*) FROM orders WHERE account = %s GROUP BY 1", (self._account,))
            return dict(cursor.fetchall())

    def _prepare(self) -> None:
        chosen = self._birth.settings.account
        self._prover.ledger.open_account(self._account, chosen.quote, chosen.mode, datetime.now(UTC))
        if not self._scenario.holds:
            return
        for symbol in self._scenario.holds:
            self._say(symbol, Direction.LONG, _PREPARED_MINUTE)
        with self._born(self._birth) as trader:
            self._hear(trader)
        self.passed = {}  # what counts comes after
        self._prover.step(self._scenario.steps)

    def _say(self, symbol: str, direction: Direction, minute: int) -> None:
        close = self._prover.now + timedelta(minutes=minute)
        said = replace(signal(0, direction, symbol), account=self._account, candle_close=close)
        self._prover.ledger.record_signals([said], datetime.now(UTC))

    @contextmanager
    def _born(self, birth: Birth) -> Iterator[Connection]:
        lives = self._prover.lives
        here, there = lives.Pipe()
        trader = lives.Process(target=life.live, args=(birth, there), daemon=True)
        trader.start()
        there.close()  # so that its death is heard
        try:
            yield here
            trader.join(_LONGEST_LIFE_SECONDS)
        finally:
            trader.kill()
            trader.join()
            here.close()

    def _hear(self, trader: Connection) -> None:
        """Wait for the trader to be quiet, or dead."""
        if not trader.poll(_LONGEST_LIFE_SECONDS):
            raise Broken(f"a trader didn't end within {_LONGEST_LIFE_SECONDS:.0f} s")
        try:
            said = trader.recv()
        except EOFError:
            raise Broken("a trader ended without a word: its error is on the terminal") from None
        match said:
            case Restless(why):
                raise Broken(why)
            case Killed():
                self.died += 1
            case Quiet(passed=passed) if passed and not self.passed:
                self.passed = passed
        self._birth = replace(self._birth, shift_seconds=said.shift_seconds)

    def _books(self) -> Comparison:
        account = self._account
        exchange = self._prover.venue.on_server_thread(lambda exchange: ExchangeBooks.of(exchange, account))
        return Comparison(self._prover.database, account, exchange)


def _key(account: str) -> str:
    return f"key of {account}".replace(" ", "-")


def _settings(database_url: str, venue: SimulatedExchange) -> Settings:
    settings = floor_settings(database_url, venue)
    quick = settings.execution.model_copy(update={"follow_seconds": 0.1, "poll_seconds": 0.03})
    return settings.model_copy(update={"execution": quick})
