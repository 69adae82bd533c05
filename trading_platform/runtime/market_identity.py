"""A state folder's ledger belongs to one market: money made in one must not be continued in another."""

from __future__ import annotations

import json

from trading_platform.domain.errors import FixSettings
from trading_platform.runtime.state_folder import StateFolder, write_private_json
from trading_platform.settings import Settings


def market_identity(settings: Settings) -> dict[str, str]:
    """What makes two markets different: the venue, and where a simulated one has its prices from."""
    if not settings.simulated:
        return {"venue": settings.venue.name}
    if settings.replay.folder is not None:
        return {"venue": settings.venue.name, "replay": str(settings.replay.folder.expanduser().resolve())}
    return {"venue": settings.venue.name, "seed": str(settings.simulator.seed)}


def claim_market(settings: Settings, state: StateFolder) -> None:
    """Bind the state folder to its market at the first start.

    Raises
    ------
    FixSettings
        It is bound to another one.
    """
    require_market(settings, state)
    if not state.market_file.exists():
        write_private_json(state.market_file, market_identity(settings))


def require_market(settings: Settings, state: StateFolder) -> None:
    """Refuse another market than the one that the state folder is bound to, if it is.

    Raises
    ------
    FixSettings
        It is bound to another one.
    """
    wanted = market_identity(settings)
    if not state.market_file.exists():
        return
    bound = json.loads(state.market_file.read_text())
    if bound != wanted:
        raise FixSettings(
            f"state folder {state.root} holds the market {_described(bound)}, not {_described(wanted)}; "
            "choose another with --state-dir"
        )


def _described(identity: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in identity.items())
