"""The documented endpoints, without HTTP: a request comes in, text or JSON goes out, refusals are raised."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trading_platform_tests.support.influx.access import Grants, grants_of
from trading_platform_tests.support.influx.csv_answer import encode
from trading_platform_tests.support.influx.faults import Fault
from trading_platform_tests.support.influx.flux_engine import Time, run
from trading_platform_tests.support.influx.line_protocol import parse_lines
from trading_platform_tests.support.influx.refusal import Refusal, invalid, not_found
from trading_platform_tests.support.influx.storage import Bucket, Storage


@dataclass
class Request:
    """As it arrived, its body still compressed."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        try:
            value = json.loads(self.body)
        except ValueError:
            raise invalid("failed to decode request body") from None
        assert isinstance(value, dict)
        return value


@dataclass
class Reply:
    """Status, and what to send."""

    status: int
    content: Any = None
    content_type: str = "application/json; charset=utf-8"


@dataclass
class InfluxApi:
    """A server's state and what it answers."""

    storage: Storage = field(default_factory=Storage)
    tokens: dict[str, Grants] = field(default_factory=dict)
    is_set_up: bool = True
    health: str = "pass"
    readiness: str = "ready"
    largest_body: int = 50_000_000
    now: Callable[[], int] = time.time_ns

    def answer(self, request: Request, fault: Fault | None) -> Reply:
        """Serve a request."""
        open_to_all = self._open_to_all(request)
        if open_to_all is not None:
            return open_to_all
        grants = grants_of(request.headers.get("Authorization"), self.tokens)
        kind = re.match(r"/api/v2/(\w+)", request.path)
        serve = getattr(self, f"_{request.method.lower()}_{kind[1]}", None) if kind else None
        if serve is None:
            raise not_found("path not found")
        if request.path == "/api/v2/query":
            return self._post_query(request, grants, fault)
        with self.storage.lock:
            reply: Reply = serve(request, grants)
            return reply

    def _open_to_all(self, request: Request) -> Reply | None:
        if request.path == "/health":
            passes = self.health == "pass"
            message = "ready for queries and writes" if passes else "told to be unwell"
            said = {"name": "influxdb", "message": message, "status": self.health, "checks": [], "version": "v2.8.0"}
            return Reply(200 if passes else 503, said)
        if request.path == "/ready":
            return Reply(200, {"status": self.readiness, "started": "2025-01-01T00:00:00Z", "up": "1h0m0s"})
        if request.path == "/api/v2/setup" and request.method == "GET":
            return Reply(200, {"allowed": not self.is_set_up})
        return None

    def _bucket(self, request: Request) -> Bucket:
        org_id = self.storage.org_id(request.parameters.get("org", ""))
        bucket = self.storage.bucket(org_id, request.parameters.get("bucket", ""))
        if bucket is None:
            raise not_found(f'bucket "{request.parameters.get("bucket")}" not found')
        return bucket

    def _post_write(self, request: Request, grants: Grants) -> Reply:
        bucket = self._bucket(request)
        grants.require("write")
        body = request.body
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if len(body) > self.largest_body:
            raise Refusal(413, "request too large", "unable to read data: points batch is too large")
        bucket.write(parse_lines(body.decode(), request.parameters.get("precision", "ns")), self.now())
        return Reply(204)

    def _post_query(self, request: Request, grants: Grants, fault: Fault | None) -> Reply:
        asked = request.json()
        with self.storage.lock:
            try:
                org_id = self.storage.org_id(request.parameters.get("org", ""))
            except Refusal as missing:  # of all endpoints this one alone calls it a bad request
                raise invalid(f"failed to decode request body: {missing.message}") from None
            storage = self.storage if grants.read else Storage()
            results = run(asked["query"], _variables(asked.get("extern") or {}), storage, org_id)
        return Reply(200, encode(results, fault.error_table if fault else ""), "text/csv; charset=utf-8")

    def _post_delete(self, request: Request, grants: Grants) -> Reply:
        bucket = self._bucket(request)
        grants.require("write")
        asked = request.json()
        bucket.delete(_time(asked["start"]), _time(asked["stop"]), asked.get("predicate", ""))
        return Reply(204)

    def _get_orgs(self, request: Request, grants: Grants) -> Reply:
        name = request.parameters.get("org", "")
        found = {"id": self.storage.org_id(name), "name": name}
        return Reply(200, {"orgs": [found] if grants.sees_org else []})

    def _post_orgs(self, request: Request, grants: Grants) -> Reply:
        grants.require("orgs")
        name = request.json()["name"]
        self.storage.orgs[name] = self.storage.new_id()
        return Reply(201, {"id": self.storage.orgs[name], "name": name})

    def _get_buckets(self, request: Request, grants: Grants) -> Reply:
        org_id, name = request.parameters.get("orgID"), request.parameters.get("name")
        if "org" in request.parameters:
            org_id = self.storage.org_id(request.parameters["org"])
        if org_id and name and self.storage.bucket(org_id, name) is None:
            raise not_found(f'bucket "{name}" not found')
        found = self.storage.buckets_of(org_id, name) if grants.read else []
        return Reply(200, {"buckets": [bucket.as_json() for bucket in found]})

    def _post_buckets(self, request: Request, grants: Grants) -> Reply:
        grants.require("buckets")
        asked = request.json()
        if self.storage.bucket(asked["orgID"], asked["name"]):
            raise Refusal(422, "conflict", f"bucket with name {asked['name']} already exists")
        rules = asked.get("retentionRules") or []
        for rule in rules:
            keep, shard = rule["everySeconds"], rule.get("shardGroupDurationSeconds", 0)
            if 0 < keep < 3600:
                raise Refusal(500, "internal error", "retention policy duration must be at least 1h0m0s")
            if keep and shard > keep:
                why = "retention policy duration must be greater than the shard duration"
                raise Refusal(500, "internal error", why)
        made = Bucket(self.storage.new_id(), asked["name"], asked["orgID"], rules)
        self.storage.buckets[made.id] = made
        return Reply(201, made.as_json())

    def _patch_buckets(self, request: Request, grants: Grants) -> Reply:
        grants.require("buckets")
        bucket = self.storage.buckets[request.path.rsplit("/", 1)[1]]
        bucket.rules = request.json().get("retentionRules", bucket.rules)
        return Reply(200, bucket.as_json())

    def _delete_buckets(self, request: Request, grants: Grants) -> Reply:
        grants.require("buckets")
        del self.storage.buckets[request.path.rsplit("/", 1)[1]]
        return Reply(204)

    def _post_authorizations(self, request: Request, grants: Grants) -> Reply:
        del grants
        permissions = request.json()["permissions"]
        allowed = {(each["action"], each["resource"]["type"]) for each in permissions}
        of_all = {each["resource"]["type"] for each in permissions if "id" not in each["resource"]}
        made = Grants(
            read=("read", "buckets") in allowed,
            sees_org=("read", "orgs") in allowed,
            write=("write", "buckets") in allowed,
            **{kind: ("write", kind) in allowed and kind in of_all for kind in ("buckets", "orgs", "tasks")},
        )
        token = f"token-{self.storage.new_id()}"
        self.tokens[token] = made
        return Reply(201, {"id": token, "token": token, "permissions": [], "status": "active"})

    def _delete_authorizations(self, request: Request, grants: Grants) -> Reply:
        del grants
        del self.tokens[request.path.rsplit("/", 1)[1]]
        return Reply(204)

    def _get_tasks(self, request: Request, grants: Grants) -> Reply:
        del grants
        name = request.parameters.get("name")
        return Reply(200, {"tasks": [task for task in self.storage.tasks.values() if name in (None, task["name"])]})

    def _post_tasks(self, request: Request, grants: Grants) -> Reply:
        grants.require("tasks")
        asked = request.json()
        named = re.search(r'option task = \{name: "([^"]+)", every: (\w+)', asked["flux"])
        if not named:
            raise invalid("missing required option: 'task' with name and every")
        task = {"id": self.storage.new_id(), "name": named[1], "every": named[2], "status": "active", **asked}
        self.storage.tasks[task["id"]] = task
        return Reply(201, task)

    def _patch_tasks(self, request: Request, grants: Grants) -> Reply:
        grants.require("tasks")
        task = self.storage.tasks[request.path.rsplit("/", 1)[1]]
        task.update(request.json())
        return Reply(200, task)

    def _delete_tasks(self, request: Request, grants: Grants) -> Reply:
        grants.require("tasks")
        del self.storage.tasks[request.path.rsplit("/", 1)[1]]
        return Reply(204)


def _variables(extern: dict[str, Any]) -> dict[str, Any]:
    """Values of the declarations that stand beside a query."""
    found = {}
    for statement in extern.get("body") or []:
        assignment = statement["assignment"]
        found[assignment["id"]["name"]] = _literal(assignment["init"])
    return found


def _literal(init: dict[str, Any]) -> Any:
    match init["type"]:
        case "StringLiteral" | "BooleanLiteral":
            return init["value"]
        case "IntegerLiteral":
            return int(init["value"])
        case "FloatLiteral":
            return float(init["value"])
        case "DateTimeLiteral":
            return Time(_time(init["value"]))
    raise invalid(f"failed to decode request body: unexpected {init['type']}")


def _time(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time."""
    moment = datetime.fromisoformat(text)
    fraction = re.search(r"\.(\d+)", text)
    nanoseconds = int(fraction[1].ljust(9, "0")[:9]) if fraction else 0
    return int(moment.replace(microsecond=0).timestamp()) * 10**9 + nanoseconds
