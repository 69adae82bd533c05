"""What must be on the server before the first point: made where it is missing, told in one line where it can't be."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from influxdb_client import (
    Bucket,
    BucketRetentionRules,
    HealthService,
    Point,
    ReadyService,
    SetupService,
    TaskCreateRequest,
    TaskUpdateRequest,
    WritePrecision,
)
from influxdb_client.rest import ApiException

from trading_platform.adapters.influxdb import flux
from trading_platform.adapters.influxdb.connection import InfluxConnection, Parameters
from trading_platform.adapters.influxdb.refusals import BucketOrOrgMissing, server_message
from trading_platform.domain.errors import FixSettings, RetryLater

_DAY = 86_400
_PROBE = "platform_starts"


@dataclass(frozen=True)
class BucketPlan:
    """A bucket as it should be.

    Parameters
    ----------
    keep_days
        Points older than that are dropped, and refused; 0: none.
    shard_days
        How much the server keeps in one file: the longer, the fewer files a question has to open.
    """

    name: str
    keep_days: int
    shard_days: int

    def retention(self) -> BucketRetentionRules:
        """In the server's words, which takes no file that lasts longer than its points."""
        shard_days = min(self.shard_days, self.keep_days or self.shard_days)
        return BucketRetentionRules("expire", self.keep_days * _DAY, shard_days * _DAY)


@dataclass(frozen=True)
class TaskPlan:
    """A query that the server runs again and again."""

    name: str
    flux: str


def ticks_per_minute(ticks: str, candles: str) -> TaskPlan:
    """The last price of every minute of `ticks`, kept as long as `candles`: some 60 times fewer points."""
    name = f"{ticks} per minute"
    source, target = json.dumps(ticks), json.dumps(candles)
    query = (
        f"option task = {{name: {json.dumps(name)}, every: 1m, offset: 10s}}\n\n"
        f"from(bucket: {source}) |> range(start: -3m)"
        ' |> filter(fn: (r) => r._measurement == "tickers" and'
        ' (r._field == "bid" or r._field == "ask" or r._field == "last"))'
        ' |> aggregateWindow(every: 1m, fn: last, createEmpty: false, timeSrc: "_start")'
        f' |> set(key: "_measurement", value: "tickers_1m") |> to(bucket: {target})\n'
    )
    return TaskPlan(name, query)


class Provision:
    """Brings a server to what the platform needs; doing it again changes nothing."""

    def __init__(self, connection: InfluxConnection, buckets: Sequence[BucketPlan], tasks: Sequence[TaskPlan]) -> None:
        self._connection = connection
        self._buckets = buckets
        self._tasks = tasks

    def check_and_make(self) -> None:
        """Everything, as at a start.

        Raises
        ------
        FixSettings
            The server isn't set up, or the token can't do what is needed.
        RetryLater
            The server can't be reached, or isn't ready yet.
        """
        self._require_ready()
        self.make()
        self._probe()

    def make(self) -> None:
        """Organisation, buckets and tasks."""
        org_id = self._org_id()
        for plan in self._buckets:
            self._make_bucket(plan, org_id)
        for task in self._tasks:
            self._make_task(task, org_id)

    def _require_ready(self) -> None:
        api, place = self._connection.client.api_client, self._connection.place
        health = self._asked_of_itself("asking for its health", HealthService(api).get_health)
        if health.status != "pass":
            raise RetryLater(f"{place} is unwell: {health.message}")
        ready = self._asked_of_itself("asking whether it is ready", ReadyService(api).get_ready)
        if ready.status != "ready":
            raise RetryLater(f"{place} isn't ready: {ready.status}")
        if self._asked_of_itself("asking whether it is set up", SetupService(api).get_setup).allowed:
            raise FixSettings(
                f"{place} isn't set up yet: run 'influx setup', or open it in a browser, and put the token "
                "it gives you into influxdb.token"
            )

    def _org_id(self) -> str:
        org, api = self._connection.access.org, self._connection.client.organizations_api()
        found = self._asked("looking for the organisation", lambda: _none_if_missing(api.find_organizations, org=org))
        if found is None:
            found = [self._asked("making the organisation", lambda: api.create_organization(name=org))]
        return str(found[0].id) if found else self._org_id_of_buckets()

    def _org_id_of_buckets(self) -> str:
        """A token that is made for buckets may not see the organisation that they are in: they tell its id."""
        org, find = self._connection.access.org, self._connection.client.buckets_api().find_buckets
        for plan in self._buckets:
            look = partial(_none_if_missing, find, name=plan.name, org=org)
            answer = self._asked("looking for a bucket", look)
            for bucket in answer.buckets if answer else []:
                return str(bucket.org_id)
        raise FixSettings(
            f"{self._connection.place}: influxdb.token may see neither the organisation {org!r} nor a bucket "
            f"{self._buckets[0].name!r} in it; let it read the organisation, or make the buckets and let it read them"
        )

    def _make_bucket(self, plan: BucketPlan, org_id: str) -> None:
        api = self._connection.client.buckets_api()
        find = api.find_buckets
        answer = self._asked("looking for a bucket", lambda: _none_if_missing(find, name=plan.name, org_id=org_id))
        found = answer.buckets if answer else []
        if not found:
            made = Bucket(name=plan.name, org_id=org_id, retention_rules=[plan.retention()])
            self._asked("making a bucket", lambda: _unless_there(lambda: api.create_bucket(bucket=made)))
            return
        bucket = found[0]
        kept = bucket.retention_rules[0].every_seconds if bucket.retention_rules else 0
        wanted = plan.keep_days * _DAY
        # only ever longer: what a shorter one drops is gone, and a slip in the settings must not do that
        if kept and (wanted == 0 or wanted > kept):
            bucket.retention_rules = [plan.retention()]
            self._asked("changing a bucket's retention", lambda: api.update_bucket(bucket=bucket))

    def _make_task(self, plan: TaskPlan, org_id: str) -> None:
        api = self._connection.client.tasks_api()
        found = self._asked("looking for tasks", lambda: api.find_tasks(name=plan.name, org_id=org_id))
        if not found:
            wanted = TaskCreateRequest(org_id=org_id, status="active", flux=plan.flux)
            self._asked("making a task", lambda: api.create_task(task_create_request=wanted))
        elif found[0].flux.strip() != plan.flux.strip():
            changed = TaskUpdateRequest(flux=plan.flux)
            self._asked("changing a task", lambda: api.update_task_request(found[0].id, changed))

    def _probe(self) -> None:
        """Write and read a point in each bucket: permissions show at the start, not at the first trade."""
        now = int(time.time() * 1000)
        line = Point(_PROBE).field("ok", True).time(now, WritePrecision.MS).to_line_protocol()
        for plan in self._buckets:
            self._connection.write(plan.name, [line])
            parameters: Parameters = {"bucket": plan.name, "begin": flux.moment(now), "end": flux.moment(now + 1)}
            if not self._shows(plan.name, parameters):
                raise RetryLater(f"{self._connection.place} doesn't show the point it confirmed in bucket {plan.name}")

    def _shows(self, bucket: str, parameters: Parameters) -> bool:
        try:
            return bool(self._connection.query(flux.newest_of_all(_PROBE, "ok"), parameters))
        except BucketOrOrgMissing:  # what a token may not read isn't there for it
            raise FixSettings(
                f"{self._connection.place}: influxdb.token may write bucket {bucket!r}, not read it"
            ) from None

    def _asked_of_itself(self, deed: str, request: Callable[[], Any]) -> Any:
        try:
            return self._asked(deed, request)
        except (ValueError, TypeError):  # the client's way of saying that the answer isn't of that kind
            raise FixSettings(
                f"{self._connection.place} answers {deed} unlike an InfluxDB 2: another server listens there, or an "
                "older version; check influxdb.url"
            ) from None

    def _asked(self, deed: str, request: Callable[[], Any]) -> Any:
        return self._connection.asked(deed, request, heals=False)


def _none_if_missing(find: Callable[..., Any], **named: str) -> Any:
    """None for what isn't there; an empty list is what isn't there, or what the token may not see."""
    try:
        return find(**named)
    except ApiException as refusal:
        if refusal.status == 404:
            return None
        raise


def _unless_there(create: Callable[[], object]) -> None:
    """Another process may have made it since we looked."""
    try:
        create()
    except ApiException as refusal:
        if refusal.status != 422 or "already exists" not in server_message(refusal):
            raise
