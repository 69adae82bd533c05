"""Every commit and every request to the exchange that this process makes is a point at which it can be killed.

Points are found by watching the libraries underneath, not by a list: whatever the trade cycle comes to do, it does it
through them.
"""

from __future__ import annotations

import http.client
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Any, NoReturn

from sqlalchemy.engine.default import DefaultDialect

_ANSWER_SECONDS = 30.0
_NOT_THE_EXCHANGE = "/control/"  # the simulator's own door, which no venue has
_ADAPTERS = PurePath("trading_platform", "adapters").as_posix()


class Stage(StrEnum):
    """Where in a commit or a request."""

    BEFORE_COMMIT = "before the commit"
    AFTER_COMMIT = "after the commit"
    BEFORE_REQUEST = "before the request leaves"
    LEFT = "when the request has left"
    ACTED = "when the exchange has acted, its answer unread"
    ANSWERED = "when the answer is read"


@dataclass(frozen=True, order=True)
class KillPoint:
    """One place in the code, seen from outside.

    Parameters
    ----------
    where
        The adapter's method that commits, or the request's method and path.
    """

    where: str
    stage: Stage

    def __str__(self) -> str:
        return f"{self.where}, {self.stage}"


Passing = Callable[[KillPoint], None]


def die() -> NoReturn:
    """SIGKILL to this very process: nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(_ANSWER_SECONDS)
    raise AssertionError("a killed process went on")


def watch(passing: Passing) -> None:
    """From now on, and for the rest of this process's life, tell of every point that it passes."""
    _watch_commits(passing)
    _watch_requests(passing)


def _watch_commits(passing: Passing) -> None:
    commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit

    def watched(self: DefaultDialect, connection: Any) -> None:
        where = _committing()
        passing(KillPoint(where, Stage.BEFORE_COMMIT))
        commit(self, connection)
        passing(KillPoint(where, Stage.AFTER_COMMIT))

    DefaultDialect.do_commit = watched  # type: ignore[method-assign]


def _committing() -> str:
    """The adapter's method in which this happens."""
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        file = PurePath(frame.f_code.co_filename).as_posix()
        if _ADAPTERS in file and not file.endswith("/engine.py"):
            return frame.f_code.co_qualname
    return "a commit outside of the adapters"


def _watch_requests(passing: Passing) -> None:
    put_request, get_response = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse

    def leaving(self: Any, method: str, url: str, *arguments: Any, **more: Any) -> None:
        path = url.partition("?")[0]
        self.proof_of = None if path.startswith(_NOT_THE_EXCHANGE) else f"{method} {path}"
        if self.proof_of is not None:
            passing(KillPoint(self.proof_of, Stage.BEFORE_REQUEST))
        put_request(self, method, url, *arguments, **more)

    def reading(self: Any, *arguments: Any, **more: Any) -> http.client.HTTPResponse:
        where: str | None = self.proof_of
        if where is None:
            return get_response(self, *arguments, **more)
        passing(KillPoint(where, Stage.LEFT))
        select.select([self.sock], [], [], self.sock.gettimeout() or _ANSWER_SECONDS)
        passing(KillPoint(where, Stage.ACTED))
        response = get_response(self, *arguments, **more)
        passing(KillPoint(where, Stage.ANSWERED))
        return response

    http.client.HTTPConnection.putrequest = leaving  # type: ignore[method-assign]
    http.client.HTTPConnection.getresponse = reading  # type: ignore[method-assign]
