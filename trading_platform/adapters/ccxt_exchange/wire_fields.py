"""Reading fields of a venue's JSON, which may hold anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from trading_platform.adapters.ccxt_exchange.failures import MalformedAnswer

Json = Mapping[str, Any]

_MOST_DIGITS = 30
"""Before the point, and after it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mapping(value: Any, what: str) -> Json:
    """The value, if it is an object."""
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what} is no JSON object")
    return value


def sequence(value: Any, what: str) -> list[Any]:
    """The value, if it is a list."""
    if not isinstance(value, list):
        raise MalformedAnswer(f"{what} is no JSON list")
    return value


def member(fields: Json, name: str) -> Any:
    """A field that must be there."""
    value = fields.get(name)
    if value is None:
        raise MalformedAnswer(f"the answer lacks {name}")
    return value


def decimal(value: Any, what: str) -> Decimal:
    """An exact finite number, sent as text or as an integer; never a float, nor one that no store could hold."""
    try:
        number = Decimal(value) if isinstance(value, (str, int, Decimal)) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise MalformedAnswer(f"{what} is no number")
    exponent = number.as_tuple().exponent
    if number.adjusted() > _MOST_DIGITS or (isinstance(exponent, int) and exponent < -_MOST_DIGITS):
        raise MalformedAnswer(f"{what} is absurd")
    return number


def decimal_member(fields: Json, name: str) -> Decimal:
    """A number that must be there."""
    return decimal(member(fields, name), name)


def text_member(fields: Json, name: str) -> str:
    """A text or an integer id that must be there, as text."""
    value = member(fields, name)
    if not isinstance(value, (str, int)) or value == "":
        raise MalformedAnswer(f"{name} is no text")
    return str(value)


def moment(milliseconds: Any, what: str) -> datetime:
    """Epoch milliseconds as an aware UTC time, exactly."""
    if type(milliseconds) is not int or not 0 <= milliseconds < 10**14:
        raise MalformedAnswer(f"{what} is no time in epoch milliseconds")
    return _EPOCH + timedelta(milliseconds=milliseconds)


def epoch_ms(time: datetime) -> int:
    """An aware time as epoch milliseconds."""
    return (time - _EPOCH) // timedelta(milliseconds=1)
