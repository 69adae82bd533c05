"""The control endpoint: faults, the market's clock, health and audit. Not part of the exchange's API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation

import structlog
from aiohttp import web

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.faults import KINDS, SHAPES, Fault, FaultBook
from trading_platform.simulator.wire_errors import WireError
from trading_platform.simulator.wire_market import Json, amount

log = structlog.get_logger(__name__)

FaultListener = Callable[[Fault], None]


class Control:
    """Answers everything under ``/control/``.

    Parameters
    ----------
    on_fault
        Told of each new fault, so that open sockets can act on it at once.
    on_step
        Told when the market has moved by a step.
    """

    def __init__(self, context: ServerContext, on_fault: FaultListener, on_step: Callable[[], None]) -> None:
        self._context = context
        self._on_fault = on_fault
        self._on_step = on_step
        self._routes: dict[tuple[str, str], Callable[[web.Request], Awaitable[object]]] = {
            ("GET", "clock"): self._clock,
            ("POST", "step"): self._step,
            ("GET", "health"): self._health,
            ("GET", "audit"): self._audit,
            ("POST", "deposit"): self._deposit,
            ("POST", "withdraw"): self._withdraw,
            ("POST", "key_permissions"): self._set_key_permissions,
            ("GET", "faults"): self._list_faults,
            ("GET", "faults/kinds"): self._list_kinds,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
        }

    async def answer(self, request: web.Request, path: str) -> web.Response:
        """Answer a control request; errors have the exchange's own form."""
        handler = self._routes.get((request.method, path))
        try:
            if handler is not None:
                return web.json_response(await handler(request))
            name, _, fault_id = path.partition("/")
            if request.method == "DELETE" and name == "faults" and fault_id.isdigit():
                return web.json_response(self._remove_fault(int(fault_id)))
            raise WireError(-1000, f"No such control endpoint: {request.method} {path}", status=404)
        except ExchangeError as error:
            return web.json_response({"code": error.code, "msg": error.message}, status=error.http_status)

    async def _clock(self, _: web.Request) -> Json:
        state = self._context.exchange.clock_state()
        return {
            "market_time_ms": state.now_ms,
            "wall_time_ms": state.wall_ms,
            "mode": str(state.mode),
            "speed": state.speed,
            "base_interval": interval_name(state.base_interval_ms),
            "starts_at_ms": state.starts_at_ms,
            "ends_at_ms": state.ends_at_ms,
            "finished": state.finished,
            "market_id": state.market_id,
        }

    async def _step(self, request: web.Request) -> Json:
        body = await _read_json(request)
        expected = body.get("expected_market_time_ms")
        if expected is not None and not isinstance(expected, int):
            raise WireError(-1130, "expected_market_time_ms must be an integer")
        result = self._context.exchange.step(expected)
        if result.advanced:
            self._on_step()
        return {
            "market_time_ms": result.position_ms,
            "advanced": result.advanced,
            "finished": result.finished,
        }

    async def _health(self, _: web.Request) -> Json:
        return {"status": "ok", "symbols": [rules.symbol for rules in self._context.exchange.symbols()]}

    async def _audit(self, _: web.Request) -> Json:
        return {
            total.asset: {
                "deposits": amount(total.deposits),
                "accounts": amount(total.accounts),
                "venue": amount(total.venue),
                "fees": amount(total.fees),
                "balanced": total.accounts + total.venue + total.fees == total.deposits,
            }
            for total in self._context.exchange.totals()
        }

    async def _deposit(self, request: web.Request) -> Json:
        return self._transfer(await _read_json(request), 1)

    async def _withdraw(self, request: web.Request) -> Json:
        return self._transfer(await _read_json(request), -1)

    def _transfer(self, body: dict[str, object], sign: int) -> Json:
        """``{"account", "asset", "amount", "fee", "listed"}``; unlisted, the exchange's histories don't tell of it."""
        made = self._context.exchange.transfer(
            str(body.get("account", "")),
            str(body.get("asset", "")),
            sign * _amount(body.get("amount")),
            fee=_amount(body.get("fee", "0")),
            is_listed=body.get("listed", True) is True,
        )
        return {"id": made.transfer_id, "time_ms": made.time_ms}

    async def _set_key_permissions(self, request: web.Request) -> Json:
        """``{"trade", "withdraw", "ip_restrict"}``, each true or false; what isn't named stays."""
        body = await _read_json(request)
        unknown = set(body) - {"trade", "withdraw", "ip_restrict"}
        if unknown or not all(isinstance(value, bool) for value in body.values()):
            raise WireError(-1130, "trade, withdraw and ip_restrict are true or false")
        permissions = replace(self._context.key_permissions, **{name: value is True for name, value in body.items()})
        self._context.key_permissions = permissions
        return dict(vars(permissions))

    async def _list_faults(self, _: web.Request) -> list[Json]:
        return [fault.wire() for fault in self._faults]

    async def _list_kinds(self, _: web.Request) -> Json:
        return {kind: {"does": does, "shapes": SHAPES.get(kind, ())} for kind, does in KINDS.items()}

    async def _add_fault(self, request: web.Request) -> Json:
        fault = self._faults.add(await _read_json(request))
        log.info("fault_set", **fault.wire())
        self._on_fault(fault)
        return fault.wire()

    async def _clear_faults(self, _: web.Request) -> Json:
        self._faults.clear()
        log.info("faults_cleared")
        return {}

    def _remove_fault(self, fault_id: int) -> Json:
        if not self._faults.remove(fault_id):
            raise WireError(-1000, f"No fault {fault_id} is in force.", status=404)
        log.info("fault_removed", id=fault_id)
        return {}

    @property
    def _faults(self) -> FaultBook:
        return self._context.faults


def interval_name(interval_ms: int) -> str:
    """``60000`` -> ``1m``."""
    for unit_ms, letter in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")):
        if interval_ms and interval_ms % unit_ms == 0:
            return f"{interval_ms // unit_ms}{letter}"
    return f"{interval_ms}ms"


def _amount(value: object) -> Decimal:
    """A finite amount, not negative, sent as text."""
    try:
        number = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise WireError(-1130, "amounts are decimal numbers in quotes")
    return number


async def _read_json(request: web.Request) -> dict[str, object]:
    text = await request.text()
    if not text:
        return {}
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise WireError(-1135, f"Invalid JSON Request: {error}") from None
    if not isinstance(body, dict):
        raise WireError(-1135, "Invalid JSON Request: an object is expected")
    return body
