from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.domain.signal import Leg, LegKind, client_order_id
from trading_platform.domain.strategies.base import Direction
from trading_platform.domain.venue_time import VenueTime
from trading_platform_tests.support.examples import minutes, signal

legs = st.builds(Leg, st.sampled_from(LegKind), st.integers(1, 50))


def test_the_identity_is_the_candle_not_the_verdict() -> None:
    judged_again = replace(signal(), direction=Direction.SHORT, reason="other", evidence={})
    assert judged_again.signal_id == signal().signal_id


@pytest.mark.parametrize(
    "change",
    [
        {"account": "other"},
        {"strategy": "mean_reversion"},
        {"strategy_version": "2"},
        {"symbol": "ETH/USDT"},
        {"interval": "5m"},
        {"candle_close": minutes(2)},
    ],
)
def test_each_part_of_the_identity_counts(change: dict[str, object]) -> None:
    assert replace(signal(), **change).signal_id != signal().signal_id  # type: ignore[arg-type]


@given(one=legs, other=legs)
def test_every_leg_has_an_order_id_of_its_own(one: Leg, other: Leg) -> None:
    ids = [client_order_id(signal().signal_id, leg) for leg in (one, other)]
    assert (ids[0] == ids[1]) == (one == other)
    assert (str(one) == str(other)) == (one == other)
    assert all(re.fullmatch(r"[A-Za-z0-9]{1,32}", each) for each in ids)


def test_an_order_id_never_changes() -> None:
    # orders of earlier releases must be found again under the same id
    assert client_order_id("0" * 32, Leg(LegKind.ENTRY)) == "tpf0001388b016ffe8bd0bf57afa57d9"


@given(
    age=st.floats(-100, 1000), speed=st.sampled_from([0.0, 1.0, 60.0]), valid=st.floats(1, 300), slack=st.floats(0, 60)
)
def test_a_signal_lives_for_its_validity_and_our_latency(age: float, speed: float, valid: float, slack: float) -> None:
    about = signal()
    now = VenueTime(about.candle_close + timedelta(seconds=age), minutes(0), speed)
    lifetime = timedelta(seconds=valid + slack * speed)
    assert about.is_valid_at(now, valid, slack) == (timedelta(seconds=age) <= lifetime)
