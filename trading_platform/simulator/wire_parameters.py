"""Reading a request's parameters as strictly as the exchange does.

Each parameter is read once, by name and form; what nobody read is refused by `Parameters.finish`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from urllib.parse import unquote_plus

from trading_platform.simulator import errors, wire_errors
from trading_platform.simulator.wire_errors import WireError

INTEGER_FORM = "^[0-9]{1,20}$"
DECIMAL_FORM = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
SYMBOL_FORM = "^[A-Z0-9-_.]{1,20}$"
CLIENT_ID_FORM = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
_SYMBOL_LIST_FORM = r'^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$'


def split_pairs(encoded: str) -> dict[str, str]:
    """Parameters of one urlencoded part; a name sent twice raises -1101."""
    values: dict[str, str] = {}
    for pair in filter(None, encoded.split("&")):
        raw_name, _, raw_value = pair.partition("=")
        name = unquote_plus(raw_name)
        if name in values:
            raise wire_errors.duplicate_parameter(name)
        values[name] = unquote_plus(raw_value)
    return values


class Parameters:
    """The parameters of one request, read strictly.

    Parameters
    ----------
    values
        Name -> text, as sent.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self._values

    def optional_text(self, name: str, form: str | None = None) -> str | None:
        """The parameter, or None where it wasn't sent; an empty one raises -1105."""
        value = self._values.get(name)
        if value is None:
            return None
        self._read.add(name)
        if value == "":
            raise wire_errors.parameter_empty(name)
        if form is not None and not re.fullmatch(form, value):
            raise wire_errors.illegal_characters(name, form)
        return value

    def text(self, name: str, form: str | None = None) -> str:
        """The parameter; -1102 where it's missing."""
        value = self.optional_text(name, form)
        if value is None:
            raise errors.mandatory_parameter(name)
        return value

    def optional_integer(self, name: str) -> int | None:
        value = self.optional_text(name, INTEGER_FORM)
        return None if value is None else int(value)

    def integer(self, name: str) -> int:
        value = self.optional_integer(name)
        if value is None:
            raise errors.mandatory_parameter(name)
        return value

    def limit(self, default: int, largest: int) -> int:
        """The page size ``limit``, held to what the endpoint allows."""
        value = self.optional_integer("limit")
        if value is None:
            return default
        if value == 0:
            raise errors.mandatory_parameter("limit")
        return min(value, largest)

    def optional_decimal(self, name: str) -> Decimal | None:
        value = self.optional_text(name, DECIMAL_FORM)
        return None if value is None else Decimal(value)

    def optional_choice(self, name: str, choices: Sequence[str], error: WireError) -> str | None:
        value = self.optional_text(name)
        if value is not None and value not in choices:
            raise error
        return value

    def choice(self, name: str, choices: Sequence[str], error: WireError) -> str:
        value = self.optional_choice(name, choices, error)
        if value is None:
            raise errors.mandatory_parameter(name)
        return value

    def optional_symbols(self) -> list[str] | None:
        """``symbol``, or the JSON list ``symbols``; None where neither was sent."""
        one = self.optional_text("symbol", SYMBOL_FORM)
        many = self.optional_text("symbols")
        if many is None:
            return None if one is None else [one]
        if one is not None:
            raise wire_errors.bad_combination()
        compact = re.sub(r"\s", "", many)
        if not re.fullmatch(_SYMBOL_LIST_FORM, compact):
            raise wire_errors.illegal_characters("symbols", _SYMBOL_LIST_FORM)
        symbols: list[str] = json.loads(compact)
        if len(set(symbols)) < len(symbols):
            raise WireError(-1151, "Symbol is present multiple times in the list.")
        return symbols

    def forbid(self, name: str) -> None:
        """Raise -1106 if the parameter was sent although it means nothing here."""
        if name in self._values:
            raise errors.parameter_not_required(name)

    def ignore(self, *names: str) -> None:
        """Accept parameters which change nothing in the simulation."""
        for name in names:
            self.optional_text(name)

    def finish(self) -> None:
        """Raise -1104 if anything was sent that nobody read."""
        if len(self._read) < len(self._values):
            raise wire_errors.unread_parameters(len(self._read), len(self._values))
