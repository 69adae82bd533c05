"""`trading-platform explain`: what is recorded of an order or a signal, in plain words or as JSON."""

from __future__ import annotations

import json

from trading_platform.runtime.attach import attach
from trading_platform.services.explain import explain
from trading_platform.services.tell_explanation import as_text, as_values
from trading_platform.settings import Settings


def explanation(settings: Settings, name: str, *, as_json: bool) -> str:
    """The explanation of the running platform's order or signal.

    Raises
    ------
    FixSettings
        The platform doesn't run, or nothing, or more than one signal, is named so.
    RetryLater
        The database doesn't answer.
    """
    platform, _, _ = attach(settings)
    told = explain(
        platform.ledger,
        platform.store,
        settings.account.name,
        name,
        platform.indicators,
        settings.market.window_candles,
    )
    return json.dumps(as_values(told), indent=2) if as_json else as_text(told)
