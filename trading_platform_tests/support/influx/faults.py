"""What the stand-in can be told to do wrong."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One misbehaviour, for one request.

    Parameters
    ----------
    status
        Refuse with it.
    cut_after_bytes
        Serve the request, then break the connection off after so many bytes of the answer's body.
    lose_answer
        Serve the request, then close the connection without any answer.
    error_table
        Answer a query with rows and then this error, as the server does when it fails midway.
    hold
        Serve nothing until this is set.
    body
        Answer with this text, as another kind of server might.
    """

    status: int = 0
    code: str = "unavailable"
    message: str = "told to"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after_bytes: int | None = None
    lose_answer: bool = False
    error_table: str = ""
    hold: threading.Event | None = None
    body: str = ""


class Faults:
    """Planned misbehaviour per path: each is used once, in order; None is a request served well."""

    def __init__(self) -> None:
        self._planned: dict[str, list[Fault | None]] = defaultdict(list)
        self._always: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def plan(self, path: str, *faults: Fault | None) -> None:
        """Misbehave at the next requests of that path."""
        with self._lock:
            self._planned[path] += faults

    def always(self, path: str, fault: Fault | None) -> None:
        """Misbehave at every request of that path that nothing is planned for; None: no more."""
        with self._lock:
            self._always.pop(path, None)
            if fault is not None:
                self._always[path] = fault

    def next_for(self, path: str) -> Fault | None:
        """What happens to this request."""
        with self._lock:
            if self._planned[path]:
                return self._planned[path].pop(0)
            return self._always.get(path)
