"""The stand-in over HTTP: chunked answers, compression, and connections that break when told to."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from trading_platform_tests.support.influx.access import Grants
from trading_platform_tests.support.influx.api import InfluxApi, Reply, Request
from trading_platform_tests.support.influx.faults import Fault, Faults
from trading_platform_tests.support.influx.refusal import Refusal

ORG = "trading"
TOKEN = "an-operators-token"
_CHUNK = 16_384


@dataclass
class InfluxServer:
    """A running stand-in."""

    url: str
    api: InfluxApi
    faults: Faults = field(default_factory=Faults)
    received: list[Request] = field(default_factory=list)
    org: str = ORG
    token: str = TOKEN

    def requests(self, path: str) -> list[Request]:
        """Those that came for it."""
        return [request for request in self.received if request.path == path]


@contextmanager
def running_influx() -> Iterator[InfluxServer]:
    """Serve on an ephemeral port of loopback; set up, with one organisation and an operator's token."""
    api = InfluxApi(tokens={TOKEN: Grants()})
    api.storage.orgs[ORG] = api.storage.new_id()
    running = InfluxServer("", api)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"running": running}))
    running.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="influx-stand-in")
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment per answer
    running: InfluxServer

    def log_message(self, *_: Any) -> None:
        """Silent."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, url.path, dict(parse_qsl(url.query)), dict(self.headers), body)
        self.running.received.append(request)
        fault = self.running.faults.next_for(url.path)
        if fault and fault.hold:
            fault.hold.wait(30)
        try:
            if fault and fault.status:
                raise Refusal(fault.status, fault.code, fault.message, fault.headers)
            foreign = Reply(200, fault.body) if fault and fault.body else None
            reply, headers = foreign or self.running.api.answer(request, fault), {}
        except Refusal as no:
            reply, headers = Reply(no.status, {"code": no.code, "message": no.message}), no.headers
        self._send(reply, headers, fault)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _send(self, reply: Reply, headers: dict[str, str], fault: Fault | None) -> None:
        if fault and fault.lose_answer:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(reply.status)
        self.send_header("X-Influxdb-Version", "v2.8.0")
        for name, value in headers.items():
            self.send_header(name, value)
        if reply.status == 204:
            self.end_headers()
            return
        text = reply.content if isinstance(reply.content, str) else json.dumps(reply.content)
        self.send_header("Content-Type", reply.content_type)
        if reply.content_type.startswith("text/csv"):
            self._send_chunks(text.encode(), fault)
            return
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _send_chunks(self, payload: bytes, fault: Fault | None) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            payload = gzip.compress(payload, 1)
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        cut = fault.cut_after_bytes if fault else None
        whole = payload if cut is None else payload[:cut]
        for start in range(0, len(whole), _CHUNK):
            part = whole[start : start + _CHUNK]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if cut is None:
            self.wfile.write(b"0\r\n\r\n")
            return
        self.wfile.flush()
        self.close_connection = True
