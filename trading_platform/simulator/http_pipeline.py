"""What every HTTP request passes: faults, limits, signature, its handler, and the answer (or its loss)."""

from __future__ import annotations

import json
from decimal import Decimal

from aiohttp import web

from trading_platform.simulator import auth, errors, wire_errors
from trading_platform.simulator.call import AnswerLost, Call, Route, Security
from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.http_answers import (
    error_answer,
    hang,
    html_answer,
    json_answer,
    lose,
    status_answer,
)
from trading_platform.simulator.wire_parameters import Parameters, split_pairs


async def answer(context: ServerContext, route: Route, request: web.Request) -> web.StreamResponse:
    """Take a request through every stage; never raises for what the client did.

    A handler which changes anything calls ``parameters.finish()`` before it acts.
    """
    address = request.remote or ""
    try:
        early = await _faults_before(context, route, request)
        if early is not None:
            return early
        call = await _admit(context, route, request, address)
        result = route.handler(call)
        call.parameters.finish()
    except ExchangeError as error:
        return error_answer(error, context.requests.headers(address, context.server_time_ms()))
    except AnswerLost as lost:
        return await lose(context, request, lost.shape, "{}")
    return await _respond(context, route, request, call, result)


async def _respond(
    context: ServerContext, route: Route, request: web.Request, call: Call, result: object
) -> web.StreamResponse:
    if route.free_on_success:
        context.requests.refund(call.address, route.weigh({}), context.server_time_ms())
    text = json.dumps(result, separators=(",", ":"))
    names = route.fault_names()
    for kind in ("lose_answer", "malformed"):
        fault = context.faults.take_for_endpoint(kind, names, stream=None)
        if fault is not None and fault.shape is not None:
            return await lose(context, request, fault.shape, text)
    headers = context.requests.headers(call.address, context.server_time_ms()) | call.headers
    return json_answer(text, 200, headers)


async def _faults_before(context: ServerContext, route: Route, request: web.Request) -> web.StreamResponse | None:
    names = route.fault_names()
    if context.faults.take("outage") is not None:
        return html_answer(503)
    muted = context.faults.take_for_endpoint("rest_mute", names)
    if muted is not None:
        return html_answer(503) if muted.shape == "503" else await hang(context, request)
    delay = context.faults.take_for_endpoint("delay", names, channel="rest")
    if delay is not None:
        await context.sleep(delay.delay_seconds)
    refusal = context.faults.take_for_endpoint("status", names)
    return None if refusal is None else status_answer(refusal)


async def _admit(context: ServerContext, route: Route, request: web.Request, address: str) -> Call:
    _, _, query = request.raw_path.partition("?")
    body = await request.text()
    values = split_pairs(body) | split_pairs(query)
    context.requests.admit(address, route.weigh(values), context.server_time_ms())
    signature = values.pop("signature", None)
    call = Call(context, Parameters(values), address)
    if route.security is Security.SIGNED:
        payload = auth.signed_payload(query, body)
        call.api_key = check_signed(context, request.headers.get("X-MBX-APIKEY"), call.parameters, payload, signature)
        window_ms = values.get("recvWindow", auth.DEFAULT_RECV_WINDOW_MS)
        call.accepted_until_ms = int(values["timestamp"]) + int(Decimal(window_ms))
    elif signature is not None:
        raise wire_errors.unread_parameters(len(values), len(values) + 1)
    return call


def check_signed(
    context: ServerContext,
    api_key: str | None,
    parameters: Parameters,
    payload: str,
    signature: str | None,
) -> str:
    """Check key, window and signature of a signed request; the key of a genuine one."""
    known_key = context.authenticator.check_key(api_key)
    timestamp_ms = parameters.integer("timestamp")
    window_ms = parameters.optional_decimal("recvWindow")
    if signature is None:
        raise errors.mandatory_parameter("signature")
    auth.check_timing(
        timestamp_ms,
        auth.DEFAULT_RECV_WINDOW_MS if window_ms is None else Decimal(window_ms),
        context.server_time_ms(),
    )
    context.authenticator.check_signature(known_key, payload, signature)
    return known_key
