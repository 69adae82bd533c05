"""HTTP answers: proper ones, errors, and the many ways to lose one."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from trading_platform.simulator.context import ServerContext
from trading_platform.simulator.errors import ExchangeError
from trading_platform.simulator.faults import Fault
from trading_platform.simulator.wire_errors import WireError

_HTML = "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
_HANG_POLL_SECONDS = 0.5


def error_answer(error: ExchangeError, headers: Mapping[str, str]) -> web.Response:
    own = error.headers if isinstance(error, WireError) else {}
    body = json.dumps({"code": error.code, "msg": error.message})
    return json_answer(body, error.http_status, {**headers, **own})


def json_answer(text: str, status: int, headers: Mapping[str, str]) -> web.Response:
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)


def html_answer(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(text=_HTML.format(status=status), status=status, content_type="text/html", headers=headers)


def status_answer(fault: Fault) -> web.Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.code is None:
        return html_answer(fault.status, headers)
    body = json.dumps({"code": fault.code, "msg": fault.message or ""})
    return json_answer(body, fault.status, headers)


async def lose(context: ServerContext, request: web.Request, shape: str, text: str) -> web.StreamResponse:
    """Answer in a way that doesn't tell the client what happened."""
    if shape == "cut":
        reset_connection(request)
        return web.Response()
    if shape == "cut_body":
        return await _cut_body(request, text)
    if shape == "hang":
        return await hang(context, request)
    if shape == "504":
        return html_answer(504)
    if shape == "html":
        return html_answer(200)
    if shape == "not_utf8":
        return web.Response(body=b"\xff\xfe" + text.encode(), content_type="application/json")
    bodies = {"truncated": text[: len(text) // 2], "empty": "", "empty_list": "[]", "no_symbol": "{}"}
    return json_answer(bodies[shape], 200, {})


async def _cut_body(request: web.Request, text: str) -> web.StreamResponse:
    body = text.encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body) + 1)})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    reset_connection(request)
    return response


async def hang(context: ServerContext, request: web.Request) -> web.StreamResponse:
    """Say nothing until the client gives up or the server closes."""
    while not context.closing.is_set():
        transport = request.transport
        if transport is None or transport.is_closing():
            break
        await context.sleep(_HANG_POLL_SECONDS)
    reset_connection(request)
    return web.Response()


def reset_connection(request: web.BaseRequest) -> None:
    """End the TCP connection with a reset, as a crashing peer does."""
    transport = request.transport
    if transport is None:
        return
    raw: socket.socket | None = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
