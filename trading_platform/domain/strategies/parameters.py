"""Parameters of strategies: read from settings, checked, and fingerprinted into the version."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, TypeVar, get_type_hints

from trading_platform.domain.errors import FixSettings

P = TypeVar("P")


class InvalidStrategyError(FixSettings, ValueError):
    """A strategy in the settings can't be built; one line says which setting and what is right."""


def read_parameters(kind: type[P], strategy: str, given: Mapping[str, Any]) -> P:
    """Make the parameter dataclass from settings values.

    Raises
    ------
    InvalidStrategyError
        For an unknown name, a value of the wrong type, or one that the dataclass refuses.
    """
    types = get_type_hints(kind)
    unknown = [name for name in given if name not in types]
    if unknown:
        raise InvalidStrategyError(
            f"strategy {strategy}: unknown parameter {', '.join(unknown)}; it takes {', '.join(types)}"
        )
    values = {name: _number(strategy, name, types[name], value) for name, value in given.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise InvalidStrategyError(f"strategy {strategy}: {error}") from None


def version_of(revision: int, parameters: Any) -> str:
    """Version such as ``1-5f0c6a1e``: revision of the rule, and a digest of its parameters.

    Parameters
    ----------
    revision : int
        Raised by hand whenever the rule's code would judge some frame differently.
    parameters : dataclass instance
        Numbers only; a whole number given for a float field counts as that float.
    """
    canonical = json.dumps(dataclasses.asdict(parameters), sort_keys=True)
    return f"{revision}-{hashlib.sha256(canonical.encode()).hexdigest()[:8]}"


def require(condition: bool, rule: str) -> None:
    """Refuse parameters that break a rule, which is told in words."""
    if not condition:
        raise ValueError(rule)


def _number(strategy: str, name: str, wanted: type, value: Any) -> int | float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if is_number and wanted is float:
        return float(value)
    if is_number and wanted is int and value == int(value):
        return int(value)
    expected = "a whole number" if wanted is int else "a number"
    raise InvalidStrategyError(f"strategy {strategy}: {name} must be {expected}, not {value!r}")
