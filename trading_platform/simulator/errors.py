"""What the simulated exchange answers instead of a result: Binance's codes and messages.

``ExchangeError`` is the only error a request may cause; the server turns it into
``{"code": code, "msg": message}`` with HTTP status ``http_status``.
``SimulatorSetupError`` stops the simulator before it serves anything.
"""

from __future__ import annotations


class SimulatorSetupError(Exception):
    """The simulator can't start with what it was given; the message says how to mend it."""


class ExchangeError(Exception):
    """A request the exchange refuses, in Binance's own terms.

    Parameters
    ----------
    code
        Binance's negative error code.
    message
        Binance's message, sent to the client as it is.
    http_status
        Status of the HTTP answer that carries it.
    """

    def __init__(self, code: int, message: str, http_status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status


def service_unavailable(message: str) -> ExchangeError:
    """-1008/503: the exchange can't serve the request now (paper trading: no fresh quote)."""
    return ExchangeError(-1008, message, 503)


def filter_failure(filter_type: str) -> ExchangeError:
    """-1013: the order breaks one of the symbol's filters."""
    return ExchangeError(-1013, f"Filter failure: {filter_type}")


def invalid_quantity() -> ExchangeError:
    """-1013: the quantity is zero or negative."""
    return ExchangeError(-1013, "Invalid quantity.")


def invalid_price() -> ExchangeError:
    """-1013: the price is zero or negative."""
    return ExchangeError(-1013, "Invalid price.")


def mandatory_parameter(name: str) -> ExchangeError:
    """-1102: this order type needs the parameter."""
    return ExchangeError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def parameter_not_required(name: str) -> ExchangeError:
    """-1106: this order type doesn't take the parameter."""
    return ExchangeError(-1106, f"Parameter '{name}' sent when not required.")


def too_precise(name: str) -> ExchangeError:
    """-1111: more decimals than the asset has."""
    return ExchangeError(-1111, f"Parameter '{name}' has too much precision.")


def invalid_interval() -> ExchangeError:
    """-1120: not an interval of this market (finer than its candles, or unknown)."""
    return ExchangeError(-1120, "Invalid interval.")


def invalid_symbol() -> ExchangeError:
    """-1121: the symbol isn't traded here."""
    return ExchangeError(-1121, "Invalid symbol.")


def bad_parameter(message: str) -> ExchangeError:
    """-1100: a parameter has an unusable value."""
    return ExchangeError(-1100, message)


def order_rejected(message: str) -> ExchangeError:
    """-2010: the matching engine refuses the new order."""
    return ExchangeError(-2010, message)


def insufficient_balance() -> ExchangeError:
    """-2010: the account can't pay for the order."""
    return order_rejected("Account has insufficient balance for requested action.")


def duplicate_order() -> ExchangeError:
    """-2010: an open order already carries this client order id."""
    return order_rejected("Duplicate order sent.")


def market_is_closed() -> ExchangeError:
    """-2010: the market stands still (a gap in the recorded candles)."""
    return order_rejected("Market is closed.")


def unknown_order_sent() -> ExchangeError:
    """-2011: nothing open to cancel under this id."""
    return ExchangeError(-2011, "Unknown order sent.")


def order_does_not_exist() -> ExchangeError:
    """-2013: no order was ever accepted under this id."""
    return ExchangeError(-2013, "Order does not exist.")


def order_list_does_not_exist() -> ExchangeError:
    """-2018: no order list was ever accepted under this id."""
    return ExchangeError(-2018, "Order list does not exist.")


def invalid_api_key() -> ExchangeError:
    """-2015: the key belongs to no account."""
    return ExchangeError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
