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

Passed = Mapping[KillPoint, int]
Census = Mapping[tuple[str, str], Passed]


@dataclass(frozen=True)
class Scenario:
    """What an account holds and what its strategies say, in the order of their candles."""

    name: str
    says: Sequence[tuple[str, Direction]]
    holds: Sequence[str] = ()


@dataclass(frozen=True)
class Trouble:
    """How the exchange misbehaves while it lasts.

    Parameters
    ----------
    faults
        Requests to the simulator's control, see `simulator.faults`.
    hold_seconds
        The longest that it keeps a request before accepting it.
    """

    name: str
    faults: Sequence[Mapping[str, Any]] = ()
    hold_seconds: float = 0.0


SCENARIOS = (
    Scenario("one entry", [(BTC, LONG)]),
    Scenario("three entries", [(BTC, LONG), (ETH, LONG), (SOL, LONG)]),
    Scenario("an exit", [(BTC, SHORT)], holds=[BTC]),
    Scenario("two exits and an entry", [(BTC, SHORT), (ETH, SHORT), (SOL, LONG)], holds=[BTC, ETH]),
    Scenario("out and in again", [(BTC, SHORT), (BTC, LONG), (ETH, SHORT)], holds=[BTC]),
)

_ORDER, _CANCEL = "POST /api/v3/order", "DELETE /api/v3/order"
TROUBLES = (
    Trouble("none"),
    *(
        Trouble(f"answer lost ({shape})", [{"kind": "lose_answer", "shape": shape, "count": 1}])
        for shape in ("cut", "cut_body", "truncated", "empty", "504")
    ),
    Trouble("two answers lost", [{"kind": "lose_answer", "shape": "cut", "count": 2}]),
    Trouble("answer to a query lost", [{"kind": "lose_answer", "endpoint": "GET /api/v3/order", "count": 2}]),
    Trouble("answer to a cancel lost", [{"kind": "lose_answer", "endpoint": _CANCEL, "count": 1}]),
    Trouble("held, then accepted", [{"kind": "hold_order", "hold_seconds": 0.15, "count": 1}], hold_seconds=0.3),
    Trouble("half filled", [{"kind": "partial_fill", "fraction": "0.5", "count": 1}]),
    Trouble("all half filled", [{"kind": "partial_fill", "fraction": "0.5", "count": 3}]),
    Trouble(
        "half filled, answer lost",
        [{"kind": "partial_fill", "fraction": "0.5", "count": 1}, {"kind": "lose_answer", "shape": "504", "count": 1}],
    ),
    Trouble("nothing filled", [{"kind": "partial_fill", "fraction": "0", "count": 1}]),
    Trouble("rejected", [{"kind": "reject_order", "code": -2010, "count": 1}]),
    Trouble("rejected three times", [{"kind": "reject_order", "code": -2010, "count": 3}]),
    Trouble(
        "rejected, then an answer lost",
        [{"kind": "reject_order", "code": -2010, "count": 1}, {"kind": "lose_answer", "shape": "cut", "count": 1}],
    ),
    Trouble("503 to an order", [{"kind": "status", "status": 503, "endpoint": _ORDER, "count": 1}]),
    Trouble("unreadable answer", [{"kind": "malformed", "shape": "html", "endpoint": _ORDER, "count": 1}]),
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


def deal(census: Census, seed: int) -> Iterator[Case]:
    """Cases without end: every point of every scenario in turn, each with a trouble under which it is passed.

    The same census and seed give the same cases.
    """
    chance = random.Random(seed)
    troubles: dict[tuple[str, KillPoint], list[str]] = defaultdict(list)
    for (scenario, trouble), passed in sorted(census.items()):
        for point in sorted(passed):
            troubles[scenario, point].append(trouble)
    while troubles:
        for (scenario, point), possible in chance.sample(sorted(troubles.items()), len(troubles)):
            trouble = chance.choice(possible)
            passed = census[scenario, trouble]
            deaths = [Death(point, chance.randrange(passed[point]))]
            if chance.random() < SECOND_DEATHS:
                again = chance.choice(sorted(passed))
                deaths.append(Death(again, chance.randrange(passed[again])))
            yield Case(scenario, trouble, tuple(deaths))
