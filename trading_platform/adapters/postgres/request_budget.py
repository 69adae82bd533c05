"""The budget of a venue's request limits that all processes share."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, text

from trading_platform.adapters.postgres.engine import reading
from trading_platform.domain.request_limits import Charge

_TAKE = text(
    "SELECT take_requests(:venue, CAST(:share AS double precision), CAST(:names AS text[]), "
    "CAST(:bursts AS double precision[]), CAST(:leaks AS double precision[]), "
    "CAST(:costs AS double precision[]), CAST(:floors AS double precision[]))"
)
_SILENCE = text(
    "INSERT INTO request_silences AS known (venue, until, seconds, set_at)"
    " SELECT :venue, now.moment + make_interval(secs => :seconds), :seconds, now.moment"
    " FROM (SELECT clock_timestamp() AS moment) now"
    " ON CONFLICT (venue) DO UPDATE"
    " SET until = excluded.until, seconds = excluded.seconds, set_at = excluded.set_at"
    " WHERE excluded.until > known.until OR known.set_at > excluded.set_at"
)


class PostgresRequestBudget:
    """Fills the role `RequestBudget`: one function of the database, one round trip, by the server's own clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, venue: str, charges: Sequence[Charge], share: float) -> float:
        """Take all charges, or none of them."""
        ordered = sorted(charges, key=lambda charge: charge.limit.name)  # rows are locked in one order
        arguments = {
            "venue": venue,
            "share": share,
            "names": [charge.limit.name for charge in ordered],
            "bursts": [charge.limit.burst for charge in ordered],
            "leaks": [charge.limit.per_second for charge in ordered],
            "costs": [charge.cost for charge in ordered],
            "floors": [charge.at_least for charge in ordered],
        }
        with reading(self._engine) as connection:
            return float(connection.execute(_TAKE, arguments).scalar_one())

    def silence(self, venue: str, seconds: float) -> None:
        """Let nobody take anything for so long."""
        with reading(self._engine) as connection:
            connection.execute(_SILENCE, {"venue": venue, "seconds": seconds})
