"""What is proved: scenarios of the trade cycle, the exchange's faults, and a death for every point that they pass."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trading_platform.domain.strategies.base import Direction
from trading_platform_tests.proof.kill_points import KillPoint, Stage

BTC, ETH, SOL = "BTC/USDT", "ETH/USDT", "SOL/USDT"
LONG, SHORT = Direction.LONG, Direction.SHORT
SECOND_DEATHS = 0.3
"""Share of the runs in which the recovery is killed as well."""

Rules = Mapping[str, Mapping[str, Any]]
Passed = Mapping[KillPoint, int]
Census = Mapping[tuple[str, str], Passed]


@dataclass(frozen=True)
class Scenario:
    """What an account holds and what its strategies say, in the order of their candles.

    Parameters
    ----------
    rules
        Settings other than the floor's, by section.
    held_rules
        Those under which it came to hold something, where they were others.
    steps
        Candles of the market between that and the run.
    deposit
        Quote currency that the owner pays in meanwhile.
    """

    name: str
    says: Sequence[tuple[str, Direction]] = ()
    holds: Sequence[str] = ()
    rules: Rules = field(default_factory=dict)
    held_rules: Rules = field(default_factory=dict)
    steps: int = 0
    deposit: int = 0


@dataclass(frozen=True)
class Trouble:
    """How the exchange misbehaves while it lasts.

    Parameters
    ----------
    faults
        Requests to the simulator's control, see `simulator.faults`.
    like
        The trouble under which the trade cycle passes much the same points, and whose census is taken for both.
    at
        The request that suffers: scenarios without it are left out.
    hold_seconds
        The longest that it keeps a request before accepting it.
    """

    name: str
    faults: Sequence[Mapping[str, Any]] = ()
    like: str = ""
    at: str = ""
    hold_seconds: float = 0.0


_PLAIN: Rules = {"protection": {"enabled": False}}
_GUARDED: Rules = {"protection": {"enabled": True, "trailing": False, "max_holding_seconds": 0, "look_seconds": 300}}
_RAISED: Rules = {
    "protection": {
        **_GUARDED["protection"],
        "trailing": True,
        "trailing_activation_percent": 0,
        "trailing_distance_percent": "1.5",
    }
}
_FAR: Rules = {"protection": {**_GUARDED["protection"], "stop": "percent", "stop_percent": 5}}
_NEAR: Rules = {
    "protection": {
        **_GUARDED["protection"],
        "stop": "percent",
        "stop_percent": "0.05",
        "target": "percent",
        "target_percent": "0.05",
    }
}
_LIMITED: Rules = {**_PLAIN, "execution": {"entry": "limit", "limit_offset_bps": 20, "limit_then": "market"}}
_RESTING: Rules = {**_LIMITED, "execution": {**_LIMITED["execution"], "limit_offset_bps": -10, "most_reprices": 1}}
_TIMED: Rules = {"protection": {**_GUARDED["protection"], "max_holding_seconds": 60}}
_TOO_DEEP: Rules = {**_GUARDED, "account_rules": {"max_drawdown": "0.0001", "drawdown_flattens": True}}
"""What the purchase itself cost is too great a loss already."""

SCENARIOS = (
    Scenario("one entry", [(BTC, LONG)], rules=_PLAIN),
    Scenario("three entries", [(BTC, LONG), (ETH, LONG), (SOL, LONG)], rules=_PLAIN),
    Scenario("an exit", [(BTC, SHORT)], [BTC], _PLAIN, _PLAIN),
    Scenario("two exits and an entry", [(BTC, SHORT), (ETH, SHORT), (SOL, LONG)], [BTC, ETH], _PLAIN, _PLAIN),
    Scenario("out and in again", [(BTC, SHORT), (BTC, LONG), (ETH, SHORT)], [BTC], _PLAIN, _PLAIN),
    Scenario("limit entries", [(BTC, LONG), (ETH, LONG)], rules=_LIMITED),
    Scenario("entries with stops", [(BTC, LONG), (ETH, LONG)], rules=_GUARDED),
    Scenario("an exit past its stop", [(BTC, SHORT), (SOL, LONG)], [BTC], _GUARDED, _GUARDED),
    Scenario("a raised stop", [(SOL, LONG)], [BTC], _RAISED, _FAR),
    Scenario("stops and targets hit", [(SOL, LONG)], [BTC, ETH], _NEAR, _NEAR, steps=5),
    Scenario("limit entries that nobody meets", [(BTC, LONG), (ETH, LONG)], rules=_RESTING),
    Scenario("held for too long", [(SOL, LONG)], [BTC, ETH], _TIMED, _GUARDED, steps=2),
    Scenario("halted for its drawdown and sold", [(SOL, LONG)], [BTC, ETH], _TOO_DEEP, _GUARDED),
    Scenario("a deposit before an entry", [(SOL, LONG)], [BTC], _GUARDED, _GUARDED, deposit=100),
)

_ORDER, _CANCEL = "POST /api/v3/order", "DELETE /api/v3/order"
_LIST, _CANCEL_LIST = "POST /api/v3/orderList/oco", "DELETE /api/v3/orderList"
_OTHER_SHAPES = ("cut_body", "truncated", "empty", "504")
_LOST, _HALF, _REJECTED = "answer lost (cut)", "half filled", "rejected"


def _lose(shape: str = "cut", at: str = _ORDER, count: int = 1) -> dict[str, Any]:
    return {"kind": "lose_answer", "shape": shape, "endpoint": at, "count": count}


def _fill(fraction: str, count: int = 1) -> dict[str, Any]:
    return {"kind": "partial_fill", "fraction": fraction, "count": count}


def _reject(count: int = 1) -> dict[str, Any]:
    return {"kind": "reject_order", "code": -2010, "count": count}


NO_TROUBLE = Trouble("none")
TROUBLES = (
    NO_TROUBLE,
    Trouble(_LOST, [_lose()], at=_ORDER),
    *(Trouble(f"answer lost ({shape})", [_lose(shape)], _LOST, _ORDER) for shape in _OTHER_SHAPES),
    Trouble("two answers lost", [_lose(count=2)], _LOST, _ORDER),
    Trouble("held, then accepted", [{"kind": "hold_order", "hold_seconds": 0.15, "count": 1}], _LOST, _ORDER, 0.3),
    Trouble("503 to an order", [{"kind": "status", "status": 503, "endpoint": _ORDER, "count": 1}], _LOST, _ORDER),
    Trouble("answer to a query lost", [_lose(at="GET /api/v3/order", count=2)], _LOST, _ORDER),
    Trouble(_HALF, [_fill("0.5")], at=_ORDER),
    Trouble("all half filled", [_fill("0.5", 3)], _HALF, _ORDER),
    Trouble("half filled, answer lost", [_fill("0.5"), _lose("504")], _HALF, _ORDER),
    Trouble("nothing filled", [_fill("0")], _HALF, _ORDER),
    Trouble(_REJECTED, [_reject()], at=_ORDER),
    Trouble("rejected three times", [_reject(3)], _REJECTED, _ORDER),
    Trouble("rejected, then an answer lost", [_reject(), _lose()], _REJECTED, _ORDER),
    Trouble("answer to a list lost", [_lose(at=_LIST)], at=_LIST),
    Trouble("503 to a list", [{"kind": "status", "status": 503, "endpoint": _LIST, "count": 2}], "", _LIST),
    Trouble("half filled, answer to a list lost", [_fill("0.5"), _lose(at=_LIST)], "answer to a list lost", _LIST),
    Trouble("answer to a cancelled list lost", [_lose(at=_CANCEL_LIST)], at=_CANCEL_LIST),
    Trouble("half filled, answer to a cancel lost", [_fill("0.5"), _lose(at=_CANCEL)], _HALF, _ORDER),
)
SCENARIO_OF = {scenario.name: scenario for scenario in SCENARIOS}
TROUBLE_OF = {trouble.name: trouble for trouble in TROUBLES}


@dataclass(frozen=True)
class Death:
    """Where a life ends: at a point, passed so many times before."""

    point: KillPoint
    passed: int

    @classmethod
    def parse(cls, text: str) -> Death:
        """Out of its own text."""
        where, stage, passed = text.split(" @ ")
        return cls(KillPoint(where, Stage(stage)), int(passed))

    def __str__(self) -> str:
        return f"{self.point.where} @ {self.point.stage} @ {self.passed}"


@dataclass(frozen=True)
class Case:
    """One run of the proof; its text is enough to repeat it."""

    scenario: str
    trouble: str
    deaths: Sequence[Death] = field(default_factory=tuple)

    @classmethod
    def parse(cls, text: str) -> Case:
        """Out of its own text."""
        scenario, trouble, *deaths = text.split(" | ")
        return cls(scenario, trouble, tuple(Death.parse(death) for death in deaths))

    def __str__(self) -> str:
        return " | ".join([self.scenario, self.trouble, *map(str, self.deaths)])


def to_count() -> list[Case]:
    """Undisturbed runs that tell what each scenario passes."""
    return [Case(scenario.name, NO_TROUBLE.name) for scenario in SCENARIOS]


def to_count_next(census: Census) -> list[Case]:
    """Runs without a death that tell what they pass under each trouble that concerns them."""
    return [
        Case(scenario, trouble.name)
        for scenario, _ in census
        for trouble in TROUBLES
        if trouble is not NO_TROUBLE and not trouble.like and _suffers(census[scenario, NO_TROUBLE.name], trouble)
    ]


def _suffers(passed: Passed, trouble: Trouble) -> bool:
    return any(point.where == trouble.at for point in passed)


def deal(census: Census, seed: int) -> Iterator[Case]:
    """Cases without end: every point of every scenario in turn, each with a trouble under which it is passed.

    The same census and seed give the same cases.
    """
    chance = random.Random(seed)
    troubles: dict[tuple[str, KillPoint], list[Trouble]] = defaultdict(list)
    for (scenario, counted), passed in sorted(census.items()):
        for point in sorted(passed):
            troubles[scenario, point] += [each for each in TROUBLES if counted in (each.name, each.like)]
    while troubles:
        for (scenario, point), possible in chance.sample(list(troubles.items()), len(troubles)):
            trouble = chance.choice(possible)
            passed = census[scenario, trouble.like or trouble.name]
            deaths = [Death(point, chance.randrange(passed[point]))]
            if chance.random() < SECOND_DEATHS:
                again = chance.choice(sorted(passed))
                deaths.append(Death(again, chance.randrange(passed[again])))
            yield Case(scenario, trouble.name, tuple(deaths))
