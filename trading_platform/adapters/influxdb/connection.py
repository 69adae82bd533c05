"""The one client of this process, and how patiently it asks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from threading import Lock
from typing import TypeVar

from influxdb_client import InfluxDBClient, WritePrecision
from influxdb_client.client.delete_api import DeleteApi
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from trading_platform.adapters.influxdb.annotated_csv import QueryFailed, Table, read_tables
from trading_platform.adapters.influxdb.refusals import BatchTooLarge, BucketOrOrgMissing, meaning_of
from trading_platform.domain.errors import FixSettings, PlatformError, RetryLater, WaitUntilAllowed

_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 2.0
_CONNECTIONS = 8
_MOST_BATCH_BYTES = 8_000_000  # of line protocol before it is compressed; some servers take no larger body

T = TypeVar("T")
Parameters = dict[str, str | int | datetime]


@dataclass(frozen=True)
class Access:
    """Where the server is, and how it is asked.

    Parameters
    ----------
    token
        Or what reads it: at the first request, and again when the server refuses the one it had.
    timeout_seconds
        For one answer.
    retry_seconds
        The longest that one request goes on being tried again; what has no effect twice is tried.
    batch_points
        In one write request.
    """

    url: str
    token: str | Callable[[], str] = field(repr=False)
    org: str
    timeout_seconds: float = 4.0
    retry_seconds: float = 6.0
    batch_points: int = 5000


class InfluxConnection:
    """Writes that are confirmed before they return, and queries with parameters.

    The library's own batching writer answers before the server has, and drops what still fails after its retries. So
    batches are made here and written one after the other, each confirmed by 204 (the server's log is on disk then).
    What was written of several batches stays when a later one fails: the same points may be written again.
    """

    def __init__(
        self,
        access: Access,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self.access = access
        self.heal: Callable[[], None] | None = None
        self._client: InfluxDBClient | None = None
        self._token = ""
        self._lock = Lock()
        self._sleep = sleep
        self._now = monotonic_seconds

    @property
    def client(self) -> InfluxDBClient:
        """Made when it is first needed: whoever holds the store for what needs none of it isn't kept from that.

        Raises
        ------
        FixSettings
            The token can't be read.
        """
        with self._lock:
            if self._client is None:
                self._token = self._read_token()
                self._client = InfluxDBClient(
                    self.access.url,
                    self._token,
                    org=self.access.org,
                    timeout=int(self.access.timeout_seconds * 1000),
                    enable_gzip=True,
                    connection_pool_maxsize=_CONNECTIONS,
                )
            return self._client

    def _read_token(self) -> str:
        token = self.access.token
        return token if isinstance(token, str) else token()

    def _has_another_token(self) -> bool:
        """Whether the owner has put another one in the place of the one that was refused; it is used from now on."""
        with self._lock:
            if self._read_token() == self._token:
                return False
            self._client = None
            return True

    @property
    def place(self) -> str:
        """The server's name in messages."""
        return f"InfluxDB ({self.access.url})"

    def write(self, bucket: str, lines: Sequence[str]) -> None:
        """Write line protocol with times in milliseconds.

        Raises
        ------
        RetryLater
            Some of it may be written; the same call may be repeated.
        FixSettings
            The server refuses it for good: token, permission, bucket, retention, a field of another type.
        """
        for batch in _batches(lines, self.access.batch_points):
            self._write_batch(bucket, batch)

    def _write_batch(self, bucket: str, lines: Sequence[str]) -> None:
        body = "\n".join(lines).encode()
        try:
            self.asked("writing", lambda: self._post(bucket, body))
        except BatchTooLarge:
            if len(lines) == 1:
                raise
            middle = len(lines) // 2
            self._write_batch(bucket, lines[:middle])
            self._write_batch(bucket, lines[middle:])

    def _post(self, bucket: str, body: bytes) -> None:
        _, status, _ = WriteService(self.client.api_client).post_write_with_http_info(
            self.access.org,
            bucket,
            body,
            precision=WritePrecision.MS,
            content_type="text/plain; charset=utf-8",
        )
        if status != 204:
            raise FixSettings(f"{self.place} answers a write by HTTP {status} instead of 204: is it an InfluxDB 2?")

    def query(self, flux: str, parameters: Parameters) -> list[Table]:
        """Ask in Flux; `parameters` reach it as values, never as text of the query.

        Raises
        ------
        RetryLater
            If no whole answer came.
        """
        return self.asked("reading", lambda: self._query(flux, parameters))

    def _query(self, flux: str, parameters: Parameters) -> list[Table]:
        response = self.client.query_api().query_raw(flux, params=parameters)
        try:
            return read_tables(response.data.decode())  # urllib3 raises if the answer is cut short
        except QueryFailed as gave_up:
            raise RetryLater(f"{self.place} has broken off an answer: {gave_up}") from None

    def delete(self, bucket: str, start: datetime, stop: datetime, predicate: str) -> None:
        """Delete points; `predicate` is a constant of this adapter."""
        self.asked("deleting", lambda: DeleteApi(self.client).delete(start, stop, predicate, bucket, self.access.org))

    def asked(self, deed: str, request: Callable[[], T], *, heals: bool = True) -> T:
        """The request's answer, tried again while the server can't serve and patience lasts.

        Every request that goes through here may be made twice. A missing bucket is made once and then tried again, and
        so is a token that was replaced taken once.
        """
        is_renewed = False
        give_up_at = self._now() + self.access.retry_seconds
        for attempt in count():
            try:
                return request()
            except (ApiException, HTTPError) as trouble:
                if getattr(trouble, "status", None) == 401 and not is_renewed and self._has_another_token():
                    is_renewed = True
                    continue
                meaning = meaning_of(trouble, self.place, deed)
            except RetryLater as broken_off:
                meaning = broken_off
            if isinstance(meaning, BucketOrOrgMissing) and heals and self.heal is not None:
                self.heal()
                heals = False
                continue
            wait = _wait_seconds(meaning, attempt)
            if wait is None or self._now() + wait >= give_up_at:
                raise meaning from None
            self._sleep(wait)
        raise AssertionError("the loop ends by an answer or an error")

    def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            self._client.close()


def _wait_seconds(meaning: PlatformError, attempt: int) -> float | None:
    """How long to wait before the next try; None for what another try can't mend."""
    if isinstance(meaning, WaitUntilAllowed):
        return meaning.retry_after_seconds * random.uniform(1.0, 1.1)
    if isinstance(meaning, RetryLater):
        return min(_FIRST_WAIT_SECONDS * 2.0**attempt, _LONGEST_WAIT_SECONDS) * random.uniform(0.5, 1.5)
    return None


def _batches(lines: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """Consecutive parts of at most so many lines, and of a bounded size."""
    start = size = 0
    for place, line in enumerate(lines):
        if place - start == most or (place > start and size + len(line) > _MOST_BATCH_BYTES):
            yield lines[start:place]
            start, size = place, 0
        size += len(line) + 1
    if start < len(lines):
        yield lines[start:]
