"""A loopback server that answers as it is told: for answers that no exchange, simulated or not, should give."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """One HTTP answer.

    Parameters
    ----------
    announced_bytes
        Content-Length to state; more than there is means a connection that breaks inside the body.
    ending
        ``close`` as usual, ``cut`` after the first chunk of a chunked answer, ``reset`` or ``finish`` the connection
        without any answer, or ``hang`` until the server stops.
    """

    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    announced_bytes: int | None = None
    ending: str = "close"


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """An answer of JSON; header names with underscores for dashes."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(json.dumps(value), status, {"Content-Type": "application/json", **named})


def refusal(code: int, message: str, status: int = 400, **headers: str) -> Answer:
    """An error in Binance's form."""
    return json_answer({"code": code, "msg": message}, status, **headers)


@dataclass(frozen=True)
class Received:
    """A request as it arrived; parameters of query and body together."""

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: str


class InTurn:
    """One answer after the other, the last one again and again."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)

    def __call__(self, _: Received) -> object:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class ScriptedServer:
    """Answers by method and path; what isn't scripted is 404.

    What is planned is an `Answer`, a value to send as JSON, `InTurn`, or a function of the request that returns one.
    """

    def __init__(self) -> None:
        self.script: dict[tuple[str, str], Any] = {}
        self.received: list[Received] = []
        self.stopping = threading.Event()
        self.base_url = ""

    def requests(self, method: str, path: str) -> list[Received]:
        """Those that came for this."""
        return [request for request in self.received if (request.method, request.path) == (method, path)]

    def answer(self, request: Received) -> Answer:
        """What the script says."""
        planned = self.script.get((request.method, request.path), Answer("<html>not here</html>", 404))
        if callable(planned):
            planned = planned(request)
        return planned if isinstance(planned, Answer) else json_answer(planned)


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """Serve on an ephemeral port."""
    script = ScriptedServer()
    server = _Server(("127.0.0.1", 0), _handler_of(script))
    script.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="scripted-server")
    thread.start()
    try:
        yield script
    finally:
        script.stopping.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


def _handler_of(script: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"script": script})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: ScriptedServer

    def log_message(self, *_: Any) -> None:
        """Silent."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        pairs = dict(parse_qsl(url.query) + parse_qsl(body))
        request = Received(self.command, url.path, pairs, dict(self.headers), body)
        self.script.received.append(request)
        self._send(self.script.answer(request))

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _send(self, answer: Answer) -> None:
        payload = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
        if answer.ending == "cut":
            self._send_one_chunk(answer.status, payload)
        if answer.ending != "close":
            self._end(answer.ending)
            return
        if "Date" in answer.headers:
            self.send_response_only(answer.status)
        else:
            self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(answer.announced_bytes or len(payload)))
        self.end_headers()
        self.wfile.write(payload)
        if answer.announced_bytes:
            self.wfile.flush()
            self.close_connection = True

    def _send_one_chunk(self, status: int, payload: bytes) -> None:
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(payload):x}\r\n".encode() + payload + b"\r\n")
        self.wfile.flush()

    def _end(self, ending: str) -> None:
        if ending == "hang":
            self.script.stopping.wait(30)
        if ending == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
