"""Answer by answer: what an order's fate is after each thing that a venue, or the way to it, can do.

Only answers of which the venue itself says that nothing was placed may count as refusals (I4).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading_platform.adapters.ccxt_exchange.broker import CcxtBroker
from trading_platform.adapters.ccxt_exchange.client import CcxtClient
from trading_platform.domain.errors import (
    AskTheVenue,
    FixSettings,
    MarketClosed,
    OrderNotKnown,
    OrderRejected,
    PlatformError,
    RetryLater,
    SymbolNotTraded,
    WaitUntilAllowed,
)
from trading_platform.domain.order import OrderKind, OrderRequest, Side
from trading_platform_tests.adapters.ccxt_exchange.conftest import Stopwatch, symbol_info
from trading_platform_tests.support.scripted_server import Answer, InTurn, Received, ScriptedServer, refusal

ORDER = "/api/v3/order"
ACCOUNT = "/api/v3/account"
OPEN_ORDERS = "/api/v3/openOrders"
REQUEST = OrderRequest("tp0123456789abcdef", "BTC/USDT", Side.BUY, Decimal("0.00012"))
LIMIT = replace(REQUEST, kind=OrderKind.LIMIT, limit_price=Decimal("83000.01"))
HTML = "<html><body>Bad things</body></html>"
PLACED = '{"symbol":"BTCUSDT","orderId":7,"clientOrderId":"tp0123456789abcdef","status":"FILLED"}'

LOT_SIZE = "Filter failure: LOT_SIZE"
NO_MONEY = "Account has insufficient balance for requested action."
NEW_YEAR = "Wed, 01 Jan 2020 00:00:00 GMT"
TOO_FAST = "Too many requests."

DEFINITE = [
    *[
        (f"-1013 {filter_}", refusal(-1013, f"Filter failure: {filter_}"))
        for filter_ in (
            "LOT_SIZE",
            "MARKET_LOT_SIZE",
            "PRICE_FILTER",
            "PERCENT_PRICE_BY_SIDE",
            "NOTIONAL",
            "MIN_NOTIONAL",
            "MAX_NUM_ALGO_ORDERS",
        )
    ],
    ("-1111", refusal(-1111, "Parameter 'quantity' has too much precision.")),
    ("-1104", refusal(-1104, "Not all sent parameters were read.")),
    ("-2010 balance", refusal(-2010, NO_MONEY)),
    ("-2010 account", refusal(-2010, "This symbol is restricted for this account.")),
    ("-2010 closed", refusal(-2010, "Market is closed.")),
    ("-1021", refusal(-1021, "Timestamp for this request is outside of the recvWindow.")),
]

UNKNOWN = [
    ("-1015 with 400", refusal(-1015, "Too many new orders; current limit is 100 orders per TEN_SECONDS.")),
    ("-2026", refusal(-2026, "Order was canceled or expired with no executed qty over 90 days ago.")),
    ("-2010 with 502", refusal(-2010, NO_MONEY, 502)),
    ("-1021 with 500", refusal(-1021, "Timestamp for this request is outside of the recvWindow.", 500)),
    ("-1015 with 503", refusal(-1015, "Too many new orders.", 503)),
    ("a refusal cut inside the body", Answer('{"code":-2010,"msg":"Acc', 400, announced_bytes=90)),
    ("a truncated refusal", Answer('{"code":-2010,"msg":"Acc', 400)),
    ("-2010 duplicate", refusal(-2010, "Duplicate order sent.")),
    ("-2013", refusal(-2013, "Order does not exist.")),
    ("-2011", refusal(-2011, "Unknown order sent.")),
    ("-1000 500", refusal(-1000, "An unknown error occurred while processing the request.", 500)),
    ("-1001 500", refusal(-1001, "Internal error; unable to process your request.", 500)),
    ("-1006 500", refusal(-1006, "An unexpected response was received from the message bus.", 500)),
    ("-1006 200", refusal(-1006, "Execution status unknown.", 200)),
    ("-1007", refusal(-1007, "Timeout waiting for response from backend server.", 504)),
    ("-1008", refusal(-1008, "Server is currently overloaded with other requests.", 503)),
    ("-1013 with 500", refusal(-1013, LOT_SIZE, 500)),
    ("-2010 with 200", refusal(-2010, NO_MONEY, 200)),
    ("-1003 with 503", refusal(-1003, TOO_FAST, 503)),
    ("a code nobody knows", refusal(-9999, "Something new.")),
    ("a code as text", Answer('{"code":"-1013","msg":"Filter failure: LOT_SIZE"}', 400)),
    ("a code in a list", Answer('[{"code":-2010,"msg":"Market is closed."}]', 400)),
    *[(f"html {status}", Answer(HTML, status)) for status in (400, 403, 404, 451, 500, 502, 503, 504, 524, 599)],
    *[(f"a redirect {status}", Answer("", status, {"Location": ORDER})) for status in (302, 307, 308)],
    ("a success without a body", Answer("")),
    ("a success of html", Answer(HTML, headers={"Content-Type": "text/html"})),
    ("a truncated success", Answer(PLACED[:40], headers={"Content-Type": "application/json"})),
    ("a success that isn't UTF-8", Answer(b"\xff\xfe" + PLACED.encode())),
    ("an empty object", Answer("{}")),
    ("an empty list", Answer("[]")),
    ("null", Answer("null")),
    ("an order without its fills", Answer(PLACED)),
    ("an order id of null", Answer(PLACED.replace("7", "null"))),
    ("cut inside the body", Answer(PLACED[:20], announced_bytes=len(PLACED))),
    ("cut between two chunks", Answer(PLACED[:20], ending="cut")),
    ("a whole answer in chunks without an end", Answer(PLACED, ending="cut")),
    ("reset", Answer(ending="reset")),
    ("finished", Answer(ending="finish")),
    ("never answered", Answer(ending="hang")),
]

WAIT = [
    ("429", refusal(-1003, TOO_FAST, 429, Retry_After="7"), 7),
    ("429 of order count", refusal(-1015, "Too many new orders.", 429, Retry_After="3"), 3),
    ("429 html", Answer(HTML, 429), 30),
    ("429 without Retry-After", refusal(-1003, TOO_FAST, 429), 30),
    ("418", refusal(-1003, "Way too much request weight used; IP banned.", 418, Retry_After="123"), 123),
    ("429 until a date", refusal(-1003, TOO_FAST, 429, Retry_After="Wed, 01 Jan 2020 00:00:09 GMT", Date=NEW_YEAR), 9),
    ("429 until a date that is over", refusal(-1003, TOO_FAST, 429, Retry_After=NEW_YEAR), 1),
    ("418 for 31 years", refusal(-1003, "banned", 418, Retry_After="1000000000"), 3 * 86_400),
    ("418 for ever", refusal(-1003, "banned", 418, Retry_After="9" * 400), 3 * 86_400),
    ("429 with nonsense", refusal(-1003, TOO_FAST, 429, Retry_After="\u00b2"), 30),
    ("418 without Retry-After", refusal(-1003, "IP banned.", 418), 120),
    ("-1003 with 400", refusal(-1003, TOO_FAST), 30),
]

KEY = [
    ("-1022", refusal(-1022, "Signature for this request is not valid.")),
    ("-2014", refusal(-2014, "API-key format invalid.", 401)),
    ("-2015", refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)),
]


def named(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


def error_of_submitting(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer, request: OrderRequest = REQUEST
) -> PlatformError:
    server.script["POST", ORDER] = answer
    with pytest.raises(PlatformError) as raised:
        broker.submit(request)
    assert len(server.requests("POST", ORDER)) == 1, "an order is sent once"
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize("answer", named(DEFINITE))
def test_a_refusal_on_the_list_is_a_refusal(broker: CcxtBroker, server: ScriptedServer, answer: Answer) -> None:
    error = error_of_submitting(broker, server, answer)
    assert isinstance(error, OrderRejected)
    assert f'"code": {error.code}' in str(answer.body)


@pytest.mark.parametrize(
    ("code", "message", "closed"),
    [(-2010, "Market is closed.", True), (-1013, "Market is closed.", True), (-2010, NO_MONEY, False)],
)
def test_a_closed_market_is_told_from_other_refusals(
    broker: CcxtBroker, server: ScriptedServer, code: int, message: str, closed: bool
) -> None:
    assert isinstance(error_of_submitting(broker, server, refusal(code, message)), MarketClosed) is closed


@pytest.mark.parametrize("answer", named(UNKNOWN))
def test_anything_else_is_unknown(broker: CcxtBroker, server: ScriptedServer, answer: Answer) -> None:
    error = error_of_submitting(broker, server, answer)
    assert isinstance(error, AskTheVenue)
    assert REQUEST.client_order_id in str(error)


@pytest.mark.parametrize("answer", named(UNKNOWN[:6] + UNKNOWN[-9:-1]))
def test_what_is_unknown_of_a_market_order_is_so_of_one_that_rests(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer
) -> None:
    assert isinstance(error_of_submitting(broker, server, answer, LIMIT), AskTheVenue)


@pytest.mark.parametrize(("answer", "seconds"), named(WAIT))
def test_a_venue_that_asks_for_silence_placed_nothing(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer, seconds: int
) -> None:
    error = error_of_submitting(broker, server, answer)
    assert isinstance(error, WaitUntilAllowed)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize("answer", named(KEY))
def test_a_bad_key_is_for_the_owner_to_mend(broker: CcxtBroker, server: ScriptedServer, answer: Answer) -> None:
    assert isinstance(error_of_submitting(broker, server, answer), FixSettings)


@pytest.mark.parametrize("answer", named(KEY))
def test_a_key_that_worked_before_is_no_less_bad(broker: CcxtBroker, server: ScriptedServer, answer: Answer) -> None:
    broker.balances()
    assert isinstance(error_of_submitting(broker, server, answer), FixSettings)
    server.script["GET", ACCOUNT] = answer
    with pytest.raises(FixSettings, match="API key"):
        broker.balances()


def test_nothing_listens_where_the_venue_was(broker: CcxtBroker, server: ScriptedServer) -> None:
    broker.instruments(["BTC/USDT"])
    broker._client.about_exchange(lambda exchange: exchange.urls["api"].update(private="http://127.0.0.1:9/api/v3"))
    with pytest.raises(AskTheVenue):
        broker.submit(REQUEST)


def test_an_order_that_could_not_leave_was_not_placed(broker: CcxtBroker, server: ScriptedServer) -> None:
    server.script["GET", "/api/v3/exchangeInfo"] = Answer(HTML, 503)
    with pytest.raises(RetryLater):
        broker.submit(REQUEST)
    assert server.requests("POST", ORDER) == []


@pytest.mark.parametrize("told", [[], [{"symbol": "BTCUSDT"}], [{"status": "TRADING"}] * 2], ids=str)
def test_a_market_whose_state_isnt_told_is_asked_for_again(
    broker: CcxtBroker, server: ScriptedServer, told: list[Any]
) -> None:
    broker.instruments(["BTC/USDT"])
    server.script["GET", "/api/v3/exchangeInfo"] = {"symbols": told}
    with pytest.raises(RetryLater):
        broker.is_trading("BTC/USDT")


def test_an_order_without_a_key_does_not_leave(client: CcxtClient, server: ScriptedServer) -> None:
    keyless = CcxtBroker(CcxtClient(replace(client.access, api_key=None)))
    with pytest.raises(FixSettings, match="API key"):
        keyless.submit(REQUEST)
    assert server.requests("POST", ORDER) == []


READING = [
    ("429", refusal(-1003, TOO_FAST, 429, Retry_After="7"), WaitUntilAllowed, 1),
    ("418", refusal(-1003, "banned", 418, Retry_After="7"), WaitUntilAllowed, 1),
    ("-1003", refusal(-1003, TOO_FAST), WaitUntilAllowed, 1),
    ("-1021", refusal(-1021, "outside of the recvWindow"), RetryLater, 2),
    ("-1022", refusal(-1022, "Signature for this request is not valid."), FixSettings, 1),
    ("-2015", refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401), FixSettings, 1),
    ("-1121", refusal(-1121, "Invalid symbol."), SymbolNotTraded, 1),
    ("-1007", refusal(-1007, "Timeout", 504), RetryLater, 2),
    ("-1008", refusal(-1008, "overloaded", 503), RetryLater, 2),
    ("451", Answer(HTML, 451), FixSettings, 1),
    *[(f"html {status}", Answer(HTML, status), RetryLater, 2) for status in (403, 404, 500, 502, 503, 504, 524)],
    ("empty", Answer(""), RetryLater, 2),
    ("truncated", Answer('{"balances":['), RetryLater, 2),
    ("cut", Answer("{", announced_bytes=50), RetryLater, 2),
    ("reset", Answer(ending="reset"), RetryLater, 2),
    ("finished", Answer(ending="finish"), RetryLater, 2),
    ("hang", Answer(ending="hang"), RetryLater, 2),
]


@pytest.mark.parametrize(("answer", "expected", "attempts"), named(READING))
def test_reading_is_repeated_once_and_only_where_it_may_help(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer, expected: type[PlatformError], attempts: int
) -> None:
    server.script["GET", ACCOUNT] = answer
    with pytest.raises(PlatformError) as raised:
        broker.balances()
    assert type(raised.value) is expected
    assert len(server.requests("GET", ACCOUNT)) == attempts


def test_a_pair_that_left_the_list_since_it_was_read_is_known_to_have(
    broker: CcxtBroker, server: ScriptedServer
) -> None:
    def open_orders(request: Received) -> Any:
        return refusal(-1121, "Invalid symbol.") if request.parameters["symbol"] == "ETHUSDT" else []

    assert set(broker.instruments(["BTC/USDT", "ETH/USDT"])) == {"BTC/USDT", "ETH/USDT"}
    server.script["GET", OPEN_ORDERS] = open_orders
    assert broker.open_orders(["BTC/USDT", "ETH/USDT"]) == []
    server.script["GET", "/api/v3/exchangeInfo"] = refusal(-1121, "Invalid symbol.")
    with pytest.raises(SymbolNotTraded):
        broker.is_trading("ETH/USDT")


def test_the_markets_are_read_again_when_one_of_them_is_unknown(server: ScriptedServer, client: CcxtClient) -> None:
    stopwatch = Stopwatch()
    broker = CcxtBroker(CcxtClient(client.access, stopwatch))
    broker.instruments(["BTC/USDT", "ETH/USDT"])
    server.script["GET", "/api/v3/exchangeInfo"] = {"symbols": [symbol_info("BTCUSDT", "BTC", "USDT")]}
    server.script["GET", OPEN_ORDERS] = refusal(-1121, "Invalid symbol.")
    stopwatch.seconds += 61  # an hour otherwise
    broker.open_orders(["ETH/USDT"])
    with pytest.raises(SymbolNotTraded, match="doesn't trade ETH/USDT"):
        broker.instruments(["ETH/USDT"])


def test_a_second_reading_may_succeed(broker: CcxtBroker, server: ScriptedServer) -> None:
    whole = server.script["GET", ACCOUNT]
    server.script["GET", ACCOUNT] = InTurn(Answer(HTML, 502), whole)
    assert broker.balances()["USDT"].free == Decimal("84.54")


FINDING = [
    ("-2013", refusal(-2013, "Order does not exist."), OrderNotKnown),
    ("-2013 with 500", refusal(-2013, "Order does not exist.", 500), RetryLater),
    ("-2011", refusal(-2011, "Unknown order sent."), RetryLater),
    ("html 404", Answer(HTML, 404), RetryLater),
    ("429", refusal(-1003, TOO_FAST, 429), WaitUntilAllowed),
    ("-2015", refusal(-2015, "Invalid API-key.", 401), FixSettings),
    ("an empty object", Answer("{}"), RetryLater),
]


@pytest.mark.parametrize(("answer", "expected"), named(FINDING))
def test_only_the_venue_itself_can_say_that_an_order_does_not_exist(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer, expected: type[PlatformError]
) -> None:
    server.script["GET", ORDER] = answer
    with pytest.raises(expected) as raised:
        broker.find("BTC/USDT", REQUEST.client_order_id)
    assert isinstance(raised.value, RetryLater) == issubclass(expected, RetryLater)


CANCELLING = [
    ("-2011", refusal(-2011, "Unknown order sent."), OrderNotKnown),
    ("-1102", refusal(-1102, "Mandatory parameter was not sent."), AskTheVenue),
    ("html 502", Answer(HTML, 502), AskTheVenue),
    ("reset", Answer(ending="reset"), AskTheVenue),
    ("429", refusal(-1003, TOO_FAST, 429), WaitUntilAllowed),
    ("-2015", refusal(-2015, "Invalid API-key.", 401), FixSettings),
]


@pytest.mark.parametrize(("answer", "expected"), named(CANCELLING))
def test_a_lost_cancel_is_unknown(
    broker: CcxtBroker, server: ScriptedServer, answer: Answer, expected: type[PlatformError]
) -> None:
    server.script["DELETE", ORDER] = answer
    with pytest.raises(expected):
        broker.cancel("BTC/USDT", REQUEST.client_order_id)
    assert len(server.requests("DELETE", ORDER)) == 1
