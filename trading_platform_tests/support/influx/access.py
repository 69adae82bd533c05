"""Tokens and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

from trading_platform_tests.support.influx.refusal import Refusal


@dataclass(frozen=True)
class Grants:
    """What a token permits; all of it for an operator's.

    Parameters
    ----------
    read
        Its buckets: what it may not read isn't there for it.
    sees_org
        The organisation of the buckets.
    buckets, orgs, tasks
        Make and change them.
    """

    read: bool = True
    sees_org: bool = True
    write: bool = True
    buckets: bool = True
    orgs: bool = True
    tasks: bool = True

    def require(self, deed: str) -> None:
        """Refuse what isn't permitted, as the server does: writes by 403, resources by 401, tasks by 500."""
        if getattr(self, deed):
            return
        if deed == "write":
            raise Refusal(403, "forbidden", f"insufficient permissions for {deed}")
        if deed == "tasks":
            raise Refusal(500, "internal error", "failed to create task: unauthorized")
        raise Refusal(401, "unauthorized", f"write:{deed} is unauthorized")


def grants_of(header: str | None, tokens: dict[str, Grants]) -> Grants:
    """What the request's token permits."""
    scheme, _, token = (header or "").partition(" ")
    if scheme not in ("Token", "Bearer") or token not in tokens:
        raise Refusal(401, "unauthorized", "unauthorized access")
    return tokens[token]
