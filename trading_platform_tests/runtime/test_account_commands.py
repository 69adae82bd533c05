"""The owner's commands over a real ledger and the simulated exchange: one line each, and nothing else needs to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from trading_platform.cli import app
from trading_platform.domain.errors import FixSettings, PlatformError
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.strategies.base import Direction
from trading_platform.runtime.account_commands import require_armed
from trading_platform.services.trade import trade
from trading_platform_tests.support.examples import ACCOUNT
from trading_platform_tests.support.simulated import SimulatedExchange, simulated_exchange
from trading_platform_tests.support.trading_floor import TradingFloor, floor_settings

pytestmark = pytest.mark.integration

PHRASE = "trade real money with real on binance"
Run = Callable[..., Result]


@pytest.fixture
def venue() -> Iterator[SimulatedExchange]:
    """An exchange with 84.54 USDT, whose market stands still."""
    with simulated_exchange(balances={"USDT": Decimal("84.54")}, step=True) as running:
        yield running


@pytest.fixture
def floor(database_url: str, venue: SimulatedExchange) -> TradingFloor:
    """A desk whose balances are known."""
    made = TradingFloor(floor_settings(database_url, venue), venue)
    made.trade_until_quiet()
    return made


@pytest.fixture
def run(database_url: str, venue: SimulatedExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, on the floor's database and venue."""
    monkeypatch.chdir(tmp_path)
    environment = {
        "STATE_DIR": str(tmp_path),
        "SERVERS__DATABASE": database_url,
        "SERVERS__DAGSTER_DATABASE": database_url,
        "SERVERS__BROKER": "amqp://nowhere",
        "SERVERS__SIMULATOR": venue.base_url,
        "SERVERS__SIMULATOR_API_KEY": venue.api_key,
        "SERVERS__SIMULATOR_API_SECRET": venue.api_secret,
        "SERVERS__CODE_LOCATION": "127.0.0.1:1",
        "SERVERS__UI": "http://127.0.0.1:1",
        "VENUE__API_KEY": venue.api_key,
        "VENUE__API_SECRET": venue.api_secret,
        "VENUE__BASE_URL": venue.base_url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"TRADING_PLATFORM_{name}", value)

    def invoke(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed)

    return invoke


def move(venue: SimulatedExchange, amount: str, *, listed: bool = False) -> None:
    call = "withdraw" if amount.startswith("-") else "deposit"
    body = {"account": ACCOUNT, "asset": "USDT", "amount": amount.lstrip("-"), "listed": listed}
    venue.control.post(call, body)


def test_halt_flatten_and_resume(floor: TradingFloor, run: Run) -> None:
    floor.says(60)
    floor.trade_until_quiet()

    kept = run("halt", "--reason", "holiday")
    assert kept.exit_code == 0
    assert "halted by owner" in kept.output
    assert "holiday" in kept.output
    assert "BTC/USDT are kept" in kept.output
    again = run("halt", "--reason", "another one").output
    assert "holiday (so already before; that reason stays)" in again
    floor.trade_until_quiet()
    assert len(floor.platform.ledger.open_positions(ACCOUNT)) == 1

    assert "are being sold" in run("halt", "--flatten").output
    floor.trade_until_quiet()
    assert floor.platform.ledger.open_positions(ACCOUNT) == []

    said = floor.says(120, symbol="ETH/USDT")
    floor.trade_until_quiet()
    assert [d.reason for d in floor.platform.ledger.recent_decisions(ACCOUNT, 9) if d.signal_id == said.signal_id] == [
        ReasonCode.HALTED
    ]
    assert "trades again" in run("resume").output
    assert "isn't halted" in run("resume").output
    floor.says(180, symbol="SOL/USDT")
    floor.trade_until_quiet()
    assert len(floor.platform.ledger.open_positions(ACCOUNT)) == 1
    floor.assert_books_agree()


def test_a_flattening_survives_lost_answers(floor: TradingFloor, run: Run) -> None:
    floor.says(60)
    floor.trade_until_quiet()
    run("halt", "--flatten")
    floor.venue.control.fault("lose_answer", shape="cut", count=1)

    floor.trade_until_quiet()

    assert floor.platform.ledger.open_positions(ACCOUNT) == []
    floor.assert_books_agree()


def test_reconcile_shows_explains_and_adopts(floor: TradingFloor, run: Run) -> None:
    assert "agree" in run("reconcile").output

    move(floor.venue, "-20")
    shown = run("reconcile")
    assert "USDT: 84.54" in shown.output
    assert "64.54" in shown.output
    assert "no trade that the ledger doesn't know" in shown.output
    floor.says(60)
    assert run("reconcile", "--adopt", "--reason", "moved to savings").exit_code == 0

    assert floor.query("SELECT kind, reason, amount FROM transfers WHERE kind <> 'opening'") == [
        ("withdrawal", "moved to savings", Decimal(-20))
    ]
    floor.trade_until_quiet()
    assert len(floor.platform.ledger.open_positions(ACCOUNT)) == 1
    floor.assert_books_agree()


def test_before_the_first_trade_run_nothing_differs(database_url: str, venue: SimulatedExchange, run: Run) -> None:
    TradingFloor(floor_settings(database_url, venue), venue)

    shown = run("reconcile")

    assert "USDT: 0 in the ledger, 84.54 at the venue" in shown.output
    assert "the first trade run makes the venue's balances the ledger's" in shown.output
    assert "--adopt" not in shown.output


def test_deposits_are_recognised_through_the_venues_own_lists(floor: TradingFloor, run: Run) -> None:
    move(floor.venue, "100", listed=True)
    assert "deposit of 100" in run("reconcile").output
    floor.says(60)
    floor.trade_until_quiet()

    assert floor.query("SELECT kind, amount, venue_id FROM transfers") == [("deposit", Decimal(100), "d1")]
    assert len(floor.platform.ledger.open_positions(ACCOUNT)) == 1
    floor.assert_books_agree()


def test_a_trade_by_hand_is_named(floor: TradingFloor, run: Run) -> None:
    by_hand = floor.venue.ccxt_sync()
    by_hand.create_order("BTC/USDT", "market", "buy", 0.0005)

    shown = run("reconcile")

    assert "a trade that the ledger doesn't know: buy 0.0005" in shown.output


# real money, with the simulated exchange as the venue
def test_a_stop_that_is_gone_is_no_difference_to_adopt(database_url: str, venue: SimulatedExchange, run: Run) -> None:
    floor = TradingFloor(floor_settings(database_url, venue, protection={"trailing": False}), venue)
    trade(floor.desk())
    floor.says(60)
    trade(floor.desk())
    [position] = floor.platform.ledger.open_positions(ACCOUNT)
    assert "agree" in run("reconcile").output
    by_hand = floor.venue.ccxt_sync()
    by_hand.cancel_all_orders("BTC/USDT")
    by_hand.create_order("BTC/USDT", "market", "sell", float(position.quantity) / 2)

    shown = run("reconcile")

    assert "The venue has done something about the stop of BTC/USDT, the target of BTC/USDT" in shown.output
    assert "--adopt" not in shown.output


def test_arming_trades_live_under_the_cap_and_disarming_stops_it(
    floor: TradingFloor, run: Run, database_url: str, venue: SimulatedExchange
) -> None:
    live = floor.settings.model_copy(
        update={
            "account": floor.settings.account.model_copy(update={"name": "real", "mode": "live"}),
            "venue": floor.settings.venue.model_copy(
                update={
                    "name": "binance",
                    "base_url": venue.base_url,
                    "api_key": floor.settings.servers.simulator_api_key,
                    "api_secret": floor.settings.servers.simulator_api_secret,
                }
            ),
        }
    )
    with pytest.raises(FixSettings, match="run 'trading-platform arm --account real --venue binance'"):
        require_armed(live)
    require_armed(floor.settings)

    armed = run("arm", "--account", "real", "--venue", "binance", typed=f"{PHRASE}\n")
    assert armed.exit_code == 0, armed
    assert "is armed for binance" in armed.output
    require_armed(live)
    venue.control.post("key_permissions", {"withdraw": True})
    with pytest.raises(FixSettings, match="may withdraw"):
        require_armed(live)
    venue.control.post("key_permissions", {"withdraw": False})

    real = TradingFloor(live, venue)
    _says(real, 60)
    real.trade_until_quiet()
    [(quantity, price)] = real.query("SELECT f.quantity, f.price FROM fills f WHERE account = 'real'")
    assert 10 <= quantity * price <= live.limits.live_max_order_quote

    assert "is disarmed" in run("disarm", "--account", "real").output
    _says(real, 120, symbol="ETH/USDT")
    real.trade_until_quiet()
    assert real.platform.ledger.recent_decisions("real", 1)[0].reason is ReasonCode.NOT_ARMED
    _says(real, 180, direction=Direction.SHORT)
    real.trade_until_quiet()
    assert real.platform.ledger.open_positions("real") == []


def _says(floor: TradingFloor, seconds: int, symbol: str = "BTC/USDT", direction: Direction = Direction.LONG) -> None:
    said = floor.says(seconds, direction, symbol)
    floor.platform.ledger.record_signals([replace(said, account="real")], floor.clock.wall())


@pytest.mark.parametrize("typed", ["yes\n", "trade real money with main on binance\n"])
def test_another_phrase_arms_nothing(floor: TradingFloor, run: Run, typed: str) -> None:
    refused = run("arm", "--account", "real", "--venue", "binance", typed=typed)
    assert isinstance(refused.exception, PlatformError)
    assert f"exactly '{PHRASE}'" in str(refused.exception)
    assert floor.query("SELECT count(*) FROM armings") == [(0,)]


def test_a_key_that_can_withdraw_arms_nothing(floor: TradingFloor, run: Run) -> None:
    floor.venue.control.post("key_permissions", {"withdraw": True})
    refused = run("arm", "--account", "real", "--venue", "binance", typed=f"{PHRASE}\n")
    assert "may withdraw money" in str(refused.exception)
    assert floor.query("SELECT count(*) FROM armings") == [(0,)]


@pytest.mark.parametrize(
    ("account", "at", "words"), [("main", "binance", "opened as paper"), ("real", "kraken", "works at binance only")]
)
def test_what_cannot_be_armed_is_one_line(floor: TradingFloor, run: Run, account: str, at: str, words: str) -> None:
    refused = run("arm", "--account", account, "--venue", at, typed=f"trade real money with {account} on {at}\n")
    assert isinstance(refused.exception, FixSettings)
    assert words in str(refused.exception)


def test_a_flag_that_would_change_nothing_is_refused(run: Run) -> None:
    refused = run("reconcile", "--as-result")
    assert refused.exit_code == 2
    assert "--adopt" in refused.output


def test_while_it_is_stopped_one_line_says_how_to_start_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRADING_PLATFORM_SERVERS__DATABASE")
    for command in ("halt", "resume", "reconcile", "backup"):
        failed = run(command, "--state-dir", str(tmp_path / "none"))
        assert isinstance(failed.exception, FixSettings), command
        assert "start it with: trading-platform up" in str(failed.exception)
    assert not (tmp_path / "none").exists()
    assert "Nothing runs" in run("down", "--state-dir", str(tmp_path / "none")).output
    assert not (tmp_path / "none").exists()


def test_without_a_database_one_line_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_PLATFORM_SERVERS__DATABASE", "postgresql://trading:x@127.0.0.1:1/trading")
    for command in ("halt", "resume", "reconcile"):
        failed = run(command)
        assert isinstance(failed.exception, PlatformError), command
        assert "\n" not in str(failed.exception)
