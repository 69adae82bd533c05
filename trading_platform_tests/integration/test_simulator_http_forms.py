"""The documented forms of a request which ccxt doesn't use, and the refusals a careful client never sees."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from trading_platform.simulator.limits import LimitSettings
from trading_platform.simulator.server import ServerSettings
from trading_platform_tests.support.simulated import API_KEY, API_SECRET, SimulatedExchange, simulated_exchange

pytestmark = pytest.mark.integration

BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


def signed(parameters: dict[str, str], **changes: Any) -> str:
    stamped = parameters | {"timestamp": str(int(time.time() * 1000))} | changes
    query = urlencode({k: v for k, v in stamped.items() if v is not None})
    return f"{query}&signature={hmac.new(API_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()}"


def send(
    venue: SimulatedExchange, method: str, path: str, query: str = "", body: str | None = None
) -> requests.Response:
    return requests.request(
        method,
        f"{venue.base_url}{path}?{query}" if query else f"{venue.base_url}{path}",
        data=body,
        headers={"X-MBX-APIKEY": API_KEY, "Content-Type": "application/x-www-form-urlencoded"},
        timeout=10,
    )


@pytest.mark.parametrize("path", ["/api/v3/time", "/api/api/v3/time", "/api4/api/v3/time", "/data/api/v3/time"])
def test_the_hosts_label_in_front_changes_nothing(venue: SimulatedExchange, path: str) -> None:
    assert send(venue, "GET", path).json()["serverTime"] > 0


def test_an_order_may_come_in_query_or_body_or_both(venue: SimulatedExchange) -> None:
    assert send(venue, "POST", "/api/v3/order", query=signed(BUY)).status_code == 200
    assert send(venue, "POST", "/api/v3/order", body=signed(BUY)).status_code == 200
    query, body = urlencode(BUY), f"timestamp={int(time.time() * 1000)}"
    signature = hmac.new(API_SECRET.encode(), (query + body).encode(), hashlib.sha256).hexdigest()
    mixed = send(venue, "POST", "/api/v3/order", query, f"{body}&signature={signature}")
    assert mixed.status_code == 200


@pytest.mark.parametrize("place", ["query", "body"])
def test_a_cancel_may_come_in_query_or_body(venue: SimulatedExchange, place: str) -> None:
    last = float(send(venue, "GET", "/api/v3/ticker/price", "symbol=BTCUSDT").json()["price"])
    limit = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": f"{last * 0.9:.2f}"}
    order = send(venue, "POST", "/api/v3/order", body=signed(limit)).json()
    cancel = signed({"symbol": "BTCUSDT", "orderId": str(order["orderId"])})
    answer = send(venue, "DELETE", "/api/v3/order", **{place: cancel})
    assert answer.json()["status"] == "CANCELED"


@pytest.mark.parametrize(("response_type", "fields"), [("ACK", 5), ("RESULT", 16), ("FULL", 17)])
def test_the_answer_is_as_full_as_asked(venue: SimulatedExchange, response_type: str, fields: int) -> None:
    answer = send(venue, "POST", "/api/v3/order", body=signed(BUY | {"newOrderRespType": response_type}))
    assert len(answer.json()) == fields


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "HOPE"}, -1116),
        ({"timeInForce": "NOW"}, -1115),
        ({"symbol": "NOPE"}, -1121),
        ({"quantity": "x"}, -1100),
        ({"quantity": ""}, -1105),
        ({"price": "1"}, -1106),
        ({"timestamp": None}, -1102),
        ({"timestamp": "1"}, -1021),
        ({"recvWindow": "60001"}, -1131),
        ({"icebergQty": "0.0005"}, -1013),
    ],
)
def test_refusals(venue: SimulatedExchange, changes: dict[str, str | None], code: int) -> None:
    answer = send(venue, "POST", "/api/v3/order", body=signed(BUY, **changes))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(("tail", "code"), [("&stray=1", -1022), ("&symbol=BTCUSDT", -1101), ("&signature=00", -1101)])
def test_what_was_not_signed_is_refused(venue: SimulatedExchange, tail: str, code: int) -> None:
    assert send(venue, "POST", "/api/v3/order", body=signed(BUY) + tail).json()["code"] == code


def test_an_unsigned_order_is_refused(venue: SimulatedExchange) -> None:
    unsigned = signed(BUY).partition("&signature")[0]
    assert send(venue, "POST", "/api/v3/order", body=unsigned).json()["code"] == -1102


def test_a_refused_order_changes_nothing(venue: SimulatedExchange) -> None:
    before = send(venue, "GET", "/api/v3/account", signed({})).json()["balances"]
    assert send(venue, "POST", "/api/v3/order", body=signed(BUY, surprise="1")).json()["code"] == -1104
    assert send(venue, "GET", "/api/v3/account", signed({})).json()["balances"] == before


def test_headers_tell_weight_and_order_count(venue: SimulatedExchange) -> None:
    used = int(send(venue, "GET", "/api/v3/ping").headers["X-MBX-USED-WEIGHT-1M"])
    after = send(venue, "GET", "/api/v3/exchangeInfo")
    assert int(after.headers["X-MBX-USED-WEIGHT-1M"]) in (used + 20, 20)
    placed = send(venue, "POST", "/api/v3/order", body=signed(BUY))
    assert {"X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1D"} <= set(placed.headers)


def test_weight_is_enforced_and_stubbornness_is_banned() -> None:
    limits = LimitSettings(weight_per_minute=40, refusals_before_ban=2)
    with simulated_exchange(settings=ServerSettings(limits=limits)) as venue:
        answers = [send(venue, "GET", "/api/v3/exchangeInfo") for _ in range(9)]
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 429, 418}
    assert statuses[-1] == 418
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code != 200)
    assert int(answers[-1].headers["Retry-After"]) > 60


def test_unfilled_orders_are_limited() -> None:
    limits = LimitSettings(orders_per_10_seconds=1_000, orders_per_day=2)
    with simulated_exchange(settings=ServerSettings(limits=limits)) as venue:
        last = float(send(venue, "GET", "/api/v3/ticker/price", "symbol=BTCUSDT").json()["price"])
        limit = BUY | {"type": "LIMIT", "timeInForce": "GTC", "price": f"{last * 0.9:.2f}"}
        codes = [send(venue, "POST", "/api/v3/order", body=signed(limit)).json().get("code") for _ in range(3)]
        assert codes == [None, None, -1015]


def test_unknown_paths_are_not_found(venue: SimulatedExchange) -> None:
    assert send(venue, "GET", "/api/v3/nothing").status_code == 404


def test_the_clock_can_be_read_and_only_a_step_market_stepped(venue: SimulatedExchange) -> None:
    clock = venue.control.get("clock")
    assert (clock["mode"], clock["base_interval"], clock["finished"]) == ("live", "1m", False)
    with pytest.raises(ValueError, match="step"):
        venue.control.step()


def test_steps_are_idempotent_by_their_expectation() -> None:
    with simulated_exchange(step=True) as venue:
        start = venue.control.get("clock")["market_time_ms"]
        first, again = venue.control.step(start), venue.control.step(start)
        assert (first["advanced"], again["advanced"]) == (True, False)
        assert first["market_time_ms"] == again["market_time_ms"] == start + 60_000
