"""A request on its way through the server, and the routes it may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.faults import PLACE_ORDER
from trading_platform.simulator.wire_parameters import Parameters


class Security(Enum):
    """What a route asks of its caller."""

    NONE = auto()
    SIGNED = auto()


@dataclass
class Call:
    """One request on its way through a handler; ``accepted_until_ms`` is the end of a signed one's window."""

    context: ServerContext
    parameters: Parameters
    address: str
    api_key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    accepted_until_ms: int = 0

    @property
    def account(self) -> str:
        """Name of the account whose key signed the request."""
        return self.context.exchange.account(self.api_key).name


Handler = Callable[[Call], object]
Weight = int | Callable[[Mapping[str, str]], int]


@dataclass(frozen=True)
class Route:
    """A path of the API: who may call it, what it weighs, and which group of faults it belongs to."""

    method: str
    path: str
    handler: Handler
    weight: Weight
    group: str
    security: Security = Security.NONE
    placement: bool = False
    free_on_success: bool = False

    def weigh(self, values: Mapping[str, str]) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(values)

    def fault_names(self) -> tuple[str, ...]:
        """The names by which a fault's ``endpoint`` may mean this route."""
        placement = (PLACE_ORDER,) if self.placement else ()
        return (f"{self.method} {self.path}", self.path, self.group, *placement)


class AnswerLost(Exception):
    """The work is done (or will be), but the client must not learn of it; ``shape`` says how."""

    def __init__(self, shape: str) -> None:
        super().__init__(shape)
        self.shape = shape
