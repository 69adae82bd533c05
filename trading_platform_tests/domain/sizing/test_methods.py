"""Each method against its formula, by figures worked out by hand."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_platform.domain.errors import RefuseTrade
from trading_platform.domain.risk import ReasonCode
from trading_platform.domain.sizing import SizingBasis, SizingMethod, SizingRules
from trading_platform.domain.sizing.fixed_fraction import fixed_fraction
from trading_platform.domain.sizing.fixed_risk import fixed_risk
from trading_platform.domain.sizing.hybrid import most_conservative, propose
from trading_platform.domain.sizing.kelly import estimate_edge, kelly
from trading_platform.domain.sizing.volatility_target import SECONDS_PER_YEAR, realised_volatility, volatility_target

FEE = Decimal("0.001")
returns = st.lists(st.decimals("-0.5", "0.5", places=4), max_size=100)


def basis(**changes: object) -> SizingBasis:
    given_ = {
        "equity_quote": Decimal(1000),
        "free_quote": Decimal(1000),
        "ask": Decimal(100),
        "stop_price": Decimal(98),
    }
    return SizingBasis(**(given_ | changes))  # type: ignore[arg-type]


def test_fixed_fraction() -> None:
    assert fixed_fraction(Decimal("84.54"), Decimal("0.30")) == Decimal("25.362")


def test_fixed_risk_without_fees() -> None:
    assert fixed_risk(Decimal(1000), Decimal("0.01"), Decimal(100), Decimal(95), Decimal(0)) == 200  # 5 % of 200 is 10


@given(
    stop=st.decimals("1", "99.99", places=2),
    risk=st.sampled_from(["0.005", "0.01", "0.02"]),
    fee=st.sampled_from(["0", "0.001", "0.005"]),
)
def test_fixed_risk_loses_what_it_says(stop: Decimal, risk: str, fee: str) -> None:
    spent = fixed_risk(Decimal(1000), Decimal(risk), Decimal(100), stop, Decimal(fee))
    received = spent / 100 * (1 - Decimal(fee)) * stop * (1 - Decimal(fee))
    assert spent - received == pytest.approx(1000 * Decimal(risk))


def test_kelly_of_even_odds() -> None:
    # 60 of 100 win 10 %, 40 lose 10 %: 0.6/0.1 - 0.4/0.1 = 2, and nothing can be borrowed
    record = [Decimal("0.1")] * 60 + [Decimal("-0.1")] * 40
    edge = estimate_edge(record, prior_trades=100)
    assert (edge.optimal, edge.weight) == (1, Decimal("0.5"))
    assert kelly(Decimal(1000), edge, Decimal("0.5"), Decimal(1)) == 250
    assert kelly(Decimal(1000), edge, Decimal("0.5"), Decimal("0.2")) == 200


def test_kelly_of_all_or_nothing() -> None:
    # the textbook's bet: a win pays 1 : 1, a loss takes all; f* = p - q
    record = [Decimal(1)] * 55 + [Decimal(-1)] * 45
    assert estimate_edge(record, 1).optimal == Decimal("0.55") - Decimal("0.45")


def test_kelly_maximises_the_expected_logarithm() -> None:
    record = [Decimal("0.8")] * 5 + [Decimal("-0.5")] * 5
    optimal = float(estimate_edge(record, 1).optimal)  # 0.5/0.5 - 0.5/0.8 = 0.375

    def growth(fraction: float) -> float:
        return 0.5 * math.log(1 + 0.8 * fraction) + 0.5 * math.log(1 - 0.5 * fraction)

    assert optimal == pytest.approx(0.375)
    assert growth(optimal) > max(growth(optimal - 0.01), growth(optimal + 0.01))


@pytest.mark.parametrize(
    ("record", "optimal"),
    [([], 0), (["-0.1"], 0), (["0", "0"], 0), (["0.1", "0.1"], 1), (["0.1", "-0.3", "-0.3"], 0)],
)
def test_kelly_of_an_odd_record(record: list[str], optimal: int) -> None:
    assert estimate_edge([Decimal(each) for each in record], 30).optimal == optimal


@given(record=returns, times=st.integers(2, 5), prior=st.integers(1, 100))
def test_the_same_record_made_longer_is_trusted_more(record: list[Decimal], times: int, prior: int) -> None:
    short, long = estimate_edge(record, prior), estimate_edge(record * times, prior)
    one, cap = Decimal(1), Decimal("0.25")
    assert 0 <= kelly(one, short, one, cap) <= kelly(one, long, one, cap) + Decimal("1e-20")
    assert kelly(one, long, one, cap) <= cap


def test_volatility_target() -> None:
    assert volatility_target(Decimal(1000), Decimal("0.20"), 0.8) == 250
    assert volatility_target(Decimal(1000), Decimal("0.20"), 0.0) is None


def test_realised_volatility_of_a_known_walk() -> None:
    # returns of +1 % and -1 % in turn have a standard deviation of 1 % (sample: n / (n - 1))
    closes = 100 * np.exp(np.cumsum([0.0] + [0.01, -0.01] * 50))
    expected = 0.01 * math.sqrt(100 / 99) * math.sqrt(SECONDS_PER_YEAR / 60)
    assert realised_volatility(closes, 60) == pytest.approx(expected)
    assert realised_volatility(closes[:2], 60) is None


def test_the_hybrid_is_the_smallest_of_those_chosen() -> None:
    rules = SizingRules(methods=tuple(SizingMethod), risk_per_trade=Decimal("0.02"))
    record = [Decimal("0.1")] * 60 + [Decimal("-0.1")] * 40
    proposals = propose(basis(volatility=0.8, trade_returns=record), rules, Decimal("0.30"), FEE)
    by_method = {proposal.method: proposal.notional_quote for proposal in proposals}
    assert by_method[SizingMethod.FIXED_FRACTION] == 300
    assert by_method[SizingMethod.FIXED_RISK] == pytest.approx(Decimal("910.79"), abs=Decimal("0.01"))
    assert by_method[SizingMethod.KELLY] == 250
    assert by_method[SizingMethod.VOLATILITY_TARGET] == 250
    chosen = most_conservative(proposals)
    assert chosen.notional_quote == min(notional for notional in by_method.values() if notional is not None)


def test_a_market_that_stands_still_bounds_nothing() -> None:
    both = SizingRules(methods=(SizingMethod.VOLATILITY_TARGET, SizingMethod.FIXED_FRACTION))
    assert most_conservative(propose(basis(volatility=0.0), both, Decimal("0.3"), FEE)).notional_quote == 300
    alone = SizingRules(methods=(SizingMethod.VOLATILITY_TARGET,))
    for volatility in (0.0, None):
        with pytest.raises(RefuseTrade) as refusal:
            most_conservative(propose(basis(volatility=volatility), alone, Decimal("0.3"), FEE))
        assert refusal.value.reason_code == ReasonCode.NO_SIZE


def test_without_an_edge_the_owner_chooses() -> None:
    losing = basis(trade_returns=[Decimal("-0.01")] * 20)
    learning = SizingRules(methods=(SizingMethod.KELLY,))
    assert most_conservative(propose(losing, learning, Decimal("0.3"), FEE)).notional_quote == 0
    strict = SizingRules(methods=(SizingMethod.KELLY,), kelly_without_edge="refuse")
    with pytest.raises(RefuseTrade) as refusal:
        propose(losing, strict, Decimal("0.3"), FEE)
    assert refusal.value.reason_code == ReasonCode.NO_EDGE
    assert propose(basis(), strict, Decimal("0.3"), FEE)[0].notional_quote == 0  # no trade yet proves nothing


def test_only_the_newest_trades_count() -> None:
    rules = SizingRules(methods=(SizingMethod.KELLY,), kelly_trades=10)
    record = [Decimal("0.1")] * 10 + [Decimal("-0.1")] * 90
    [proposal] = propose(basis(trade_returns=record), rules, Decimal("0.3"), FEE)
    assert "10 of 10 trades won" in proposal.reckoning


@pytest.mark.parametrize("methods", [[], ["fixed_fraction", "fixed_fraction"], ["martingale"]])
def test_methods_are_known_and_named_once(methods: list[str]) -> None:
    with pytest.raises(ValidationError):
        SizingRules.model_validate({"methods": methods})
