"""Parameters are read as strictly as the exchange reads them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.wire_parameters import (
    CLIENT_ID_FORM,
    SYMBOL_FORM,
    Parameters,
    split_pairs,
)


@pytest.mark.parametrize(
    ("values", "read", "code"),
    [
        ({}, lambda p: p.text("symbol"), -1102),
        ({"symbol": ""}, lambda p: p.text("symbol"), -1105),
        ({"symbol": "btcusdt"}, lambda p: p.text("symbol", SYMBOL_FORM), -1100),
        ({"limit": "-5"}, lambda p: p.limit(500, 1000), -1100),
        ({"limit": "ten"}, lambda p: p.limit(500, 1000), -1100),
        ({"quantity": "1e-5"}, lambda p: p.optional_decimal("quantity"), -1100),
        ({"quantity": "-1"}, lambda p: p.optional_decimal("quantity"), -1100),
        ({"id": "ä"}, lambda p: p.text("id", CLIENT_ID_FORM), -1100),
        ({"id": "x" * 37}, lambda p: p.text("id", CLIENT_ID_FORM), -1100),
        ({"symbols": '["A","A"]'}, lambda p: p.optional_symbols(), -1151),
        ({"symbols": "A,B"}, lambda p: p.optional_symbols(), -1100),
        ({"symbol": "A", "symbols": '["B"]'}, lambda p: p.optional_symbols(), -1128),
        ({"other": "1"}, lambda p: p.finish(), -1104),
    ],
)
def test_bad_parameters_have_the_exchanges_codes(
    values: dict[str, str], read: Callable[[Parameters], object], code: int
) -> None:
    with pytest.raises(ExchangeError) as caught:
        read(Parameters(values))
    assert caught.value.code == code


def test_unread_parameters_are_counted_in_the_message() -> None:
    parameters = Parameters({"symbol": "BTCUSDT", "surprise": "1"})
    parameters.text("symbol")
    with pytest.raises(ExchangeError, match=r"read '1' parameter\(s\) but was sent '2'"):
        parameters.finish()


def test_a_parameter_sent_twice_is_refused() -> None:
    with pytest.raises(ExchangeError, match="-1101"):
        split_pairs("a=1&a=2")


def test_percent_encoding_is_undone() -> None:
    assert split_pairs("symbols=%5B%22A%22%5D") == {"symbols": '["A"]'}


def test_page_sizes_are_held_to_what_the_endpoint_allows() -> None:
    assert Parameters({"limit": "5000"}).limit(500, 1000) == 1000
    assert Parameters({}).limit(500, 1000) == 500


def test_symbols_come_alone_or_as_a_list() -> None:
    assert Parameters({"symbol": "A"}).optional_symbols() == ["A"]
    assert Parameters({"symbols": '["A", "B"]'}).optional_symbols() == ["A", "B"]
    assert Parameters({}).optional_symbols() is None
