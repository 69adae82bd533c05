"""Reading indicators from settings: ``"ema(12)"`` becomes an `IndicatorSpec`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trading_platform.domain.indicators import extension
from trading_platform.domain.indicators.builtin import BUILT_INS
from trading_platform.domain.indicators.values import (
    Argument,
    Arrays,
    InvalidIndicatorError,
    Prices,
    format_argument,
    parse_argument,
)

EXTENSION_PREFIX = "ta."

_ENTRY = re.compile(r"\s*(?P<name>(?:ta\.)?[a-z_][a-z0-9_]*)\s*(?:\((?P<arguments>[^()]*)\))?\s*")


@dataclass(frozen=True)
class IndicatorSpec:
    """An indicator with its arguments, as named in the settings.

    Attributes
    ----------
    name : str
        Name of a built-in (``ema``), or ``ta.`` and the name of a function of pandas-ta-classic.
    arguments : tuple of (str, Argument)
        Parameter names and values: every parameter of a built-in, the given ones of an extension.
    """

    name: str
    arguments: tuple[tuple[str, Argument], ...] = ()

    @classmethod
    def parse(cls, entry: str) -> IndicatorSpec:
        """Read an entry of the settings, such as ``macd(12,26,9)`` or ``ta.hma(length=20)``.

        Raises
        ------
        InvalidIndicatorError
            One line naming the entry, what is wrong with it and what would be right.
        """
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise InvalidIndicatorError(entry, "write it as name(argument, ...), for example ema(12)")
        name = match["name"]
        positional, named = _split_arguments(entry, match["arguments"] or "")
        if name.startswith(EXTENSION_PREFIX):
            function = name.removeprefix(EXTENSION_PREFIX)
            return cls(name, extension.bind(entry, function, positional, named))
        if name not in BUILT_INS:
            known = ", ".join(BUILT_INS)
            raise InvalidIndicatorError(
                entry, f"unknown indicator; known are {known}, and ta.NAME for any of pandas-ta-classic"
            )
        return cls(name, BUILT_INS[name].bind(entry, positional, named))

    def __str__(self) -> str:
        if not self.arguments:
            return self.name
        values = [format_argument(value) for _, value in self.arguments]
        if self._is_extension:
            values = [f"{key}={value}" for (key, _), value in zip(self.arguments, values, strict=True)]
        return f"{self.name}({','.join(values)})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that this indicator adds to the frame."""
        if self._is_extension:
            return self._probed().columns
        return BUILT_INS[self.name].columns(self._values)

    @property
    def rows_needed(self) -> int:
        """Candles until each column has had its first value (of an extension: on a fixed trial market)."""
        if self._is_extension:
            return self._probed().rows_needed
        return BUILT_INS[self.name].rows_needed(*self._values)

    def compute(self, prices: Prices) -> Arrays:
        """Arrays of the columns, each as long as the prices, NaN while warming up."""
        if self._is_extension:
            return extension.compute(str(self), self._function, self.arguments, prices, self.columns)
        return BUILT_INS[self.name].compute(prices, *self._values)

    @property
    def _is_extension(self) -> bool:
        return self.name.startswith(EXTENSION_PREFIX)

    @property
    def _function(self) -> str:
        return self.name.removeprefix(EXTENSION_PREFIX)

    @property
    def _values(self) -> tuple[Argument, ...]:
        return tuple(value for _, value in self.arguments)

    def _probed(self) -> extension.Probe:
        return extension.probe(str(self), self._function, self.arguments)


def parse_indicators(entries: Iterable[str]) -> tuple[IndicatorSpec, ...]:
    """Read a list of settings entries; an indicator named twice is kept once.

    Raises
    ------
    InvalidIndicatorError
        If an entry can't be read, or two different indicators would write the same column.
    """
    specs = tuple(dict.fromkeys(IndicatorSpec.parse(entry) for entry in entries))
    owners: dict[str, IndicatorSpec] = {}
    for spec in specs:
        for column in spec.columns:
            owner = owners.setdefault(column, spec)
            if owner is not spec:
                raise InvalidIndicatorError(
                    str(spec), f"writes the same column {column} as {owner}; keep one of the two"
                )
    return specs


def _split_arguments(entry: str, text: str) -> tuple[list[Argument], dict[str, Argument]]:
    positional: list[Argument] = []
    named: dict[str, Argument] = {}
    for part in text.split(",") if text.strip() else []:
        key, separator, value = part.rpartition("=")
        argument = parse_argument(entry, value)
        if not separator:
            if named:
                raise InvalidIndicatorError(entry, "put arguments without a name before those with one")
            positional.append(argument)
        elif key.strip() in named:
            raise InvalidIndicatorError(entry, f"{key.strip()} is given twice")
        else:
            named[key.strip()] = argument
    return positional, named
