"""Keys, signatures and request windows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_platform.simulator import auth
from trading_platform.simulator.errors import ExchangeError

NOW_MS = 1_700_000_000_000
DOCUMENTED_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
DOCUMENTED_QUERY = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC"
DOCUMENTED_BODY = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"


def refusal(call: object, *arguments: object) -> int:
    assert callable(call)
    with pytest.raises(ExchangeError) as caught:
        call(*arguments)
    return caught.value.code


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (
            "",
            f"{DOCUMENTED_QUERY}&{DOCUMENTED_BODY}",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            DOCUMENTED_QUERY,
            DOCUMENTED_BODY,
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
    ids=["body", "query and body"],
)
def test_the_documentations_own_examples_are_genuine(query: str, body: str, signature: str) -> None:
    payload = auth.signed_payload(query, f"{body}&signature={signature}")
    auth.Authenticator({"key": DOCUMENTED_SECRET}).check_signature("key", payload, signature.upper())


@given(st.text("0123456789abcdef", min_size=64, max_size=64))
def test_any_other_signature_is_refused(signature: str) -> None:
    checker = auth.Authenticator({"key": "secret"})
    assert refusal(checker.check_signature, "key", "a=1", signature) == -1022


@pytest.mark.parametrize("place", ["signature=ff&a=1&b=2", "a=1&signature=ff&b=2", "a=1&b=2&signature=ff"])
def test_the_signature_itself_is_not_signed(place: str) -> None:
    assert auth.signed_payload(place, "") == "a=1&b=2"


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("", -2014), ("bad key", -2014), ("other", -2015)])
def test_unusable_keys_are_told_apart(key: str | None, code: int) -> None:
    assert refusal(auth.Authenticator({"known": "s"}).check_key, key) == code


@pytest.mark.parametrize("offset_ms", [-5000, 0, 999])
def test_a_request_within_its_window_passes(offset_ms: int) -> None:
    auth.check_timing(NOW_MS + offset_ms, Decimal(5000), NOW_MS)


@pytest.mark.parametrize("offset_ms", [-5001, 1000])
def test_a_request_outside_its_window_is_refused(offset_ms: int) -> None:
    assert refusal(auth.check_timing, NOW_MS + offset_ms, Decimal(5000), NOW_MS) == -1021


def test_a_window_wider_than_a_minute_is_refused() -> None:
    assert refusal(auth.check_timing, NOW_MS, Decimal("60000.001"), NOW_MS) == -1131


def test_a_secret_shows_in_no_representation() -> None:
    assert "hidden" not in repr(auth.Authenticator({"key": "hidden"}))
