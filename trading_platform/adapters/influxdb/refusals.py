"""What InfluxDB's troubles mean to the platform."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from trading_platform.domain.errors import FixSettings, PlatformError, RefusedByStore, RetryLater, WaitUntilAllowed

_LONGEST_MESSAGE = 300
# of what it will never do the server says, here and there, that it can't do it now: 500, instead of 4xx
_NO_PERMISSION_500 = "unauthorized"  # a task that the token may not make
_NEVER_500 = ("field type conflict", "retention policy duration")  # two types in one batch; a bucket's rules
# the place is named already
_WHERE = re.compile(r"^\S*Connection\w*\(host=.*?\): (Failed to establish a new connection: )?(\[Errno -?\d+\] )?")
_ORG_MISSING_400 = re.compile(r'organization name ".*" not found')  # a query in it


class BucketOrOrgMissing(FixSettings):
    """404: the organisation or the bucket isn't there (any more)."""


class BatchTooLarge(FixSettings):
    """413: the same points may pass in smaller batches."""


def meaning_of(trouble: ApiException | HTTPError, place: str, deed: str) -> PlatformError:
    """The platform's error for what went wrong.

    Parameters
    ----------
    place
        The server, without credentials, for the owner.
    deed
        What was being done, for instance ``writing``.
    """
    if not isinstance(trouble, ApiException):
        return RetryLater(f"{place} doesn't answer while {deed}: {_first_line(trouble)}")
    said = server_message(trouble)
    if not trouble.status:  # TLS
        return FixSettings(f"{place}: {_first_line_of(str(trouble.reason))}; check influxdb.url")
    if trouble.status in (401, 403) or (trouble.status == 500 and said.endswith(_NO_PERMISSION_500)):
        return FixSettings(
            f"{place} refuses {deed} (HTTP {trouble.status}: {said}): influxdb.token must be valid, and may read and "
            "write the platform's buckets and its tasks in influxdb.org"
        )
    if trouble.status == 404 or (trouble.status == 400 and _ORG_MISSING_400.search(said)):
        return BucketOrOrgMissing(f"{place} lacks what {deed} needs (HTTP {trouble.status}: {said})")
    if trouble.status == 413:
        return BatchTooLarge(f"{place} takes no request that large ({said}); lower influxdb.batch_points")
    is_for_good = trouble.status == 501 or any(words in said for words in _NEVER_500)
    if trouble.status == 429 or (trouble.status >= 500 and not is_for_good):
        wait = retry_after_seconds(trouble.headers or {})
        message = f"{place} can't serve now while {deed} (HTTP {trouble.status}: {said})"
        return RetryLater(message) if wait is None else WaitUntilAllowed(message, wait)
    return RefusedByStore(f"{place} rejects what {deed} sent (HTTP {trouble.status}: {said})")


def server_message(refusal: ApiException) -> str:
    """What the server says in its body (``{"code": …, "message": …}``), on one line."""
    body = refusal.body
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    message = said.get("message") or said.get("error") if isinstance(said, dict) else None
    return _first_line_of(str(message or text or refusal.reason or "no reason given"))


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """How long the server asks to be left alone: seconds, or an HTTP date."""
    stated = headers.get("Retry-After")
    if not stated:
        return None
    try:
        return max(float(stated), 0.0)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(stated)
    except ValueError:
        return None
    return max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0)


def _first_line(error: Exception) -> str:
    return _first_line_of(_WHERE.sub("", str(error)) or type(error).__name__)


def _first_line_of(text: str) -> str:
    return text.strip().partition("\n")[0][:_LONGEST_MESSAGE]
