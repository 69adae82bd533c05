"""Errors of the wire protocol itself, beside those the exchange's core raises (`errors`).

Codes and messages follow the public error list of Binance's API documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from trading_platform.simulator.errors import ExchangeError


class WireError(ExchangeError):
    """A request refused before it reached the exchange; ``headers`` go with the answer."""

    def __init__(self, code: int, message: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message, status)
        self.headers = dict(headers or {})


def one_of_parameters_missing(first: str, second: str) -> WireError:
    """-1102: neither of two parameters was sent."""
    return WireError(-1102, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def parameter_empty(name: str) -> WireError:
    """-1105: the parameter was sent without a value."""
    return WireError(-1105, f"Parameter '{name}' was empty.")


def illegal_characters(name: str, legal: str) -> WireError:
    """-1100: the value doesn't have the parameter's form."""
    return WireError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def duplicate_parameter(name: str) -> WireError:
    """-1101: the parameter was sent twice."""
    return WireError(-1101, f"Duplicate values for parameter '{name}' detected.")


def unread_parameters(read: int, sent: int) -> WireError:
    """-1104: something was sent that this request doesn't know."""
    return WireError(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def bad_combination() -> WireError:
    """-1128: parameters which exclude each other."""
    return WireError(-1128, "Combination of optional parameters invalid.")
