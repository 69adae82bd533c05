"""Who sent a request, and whether it's genuine and fresh: API key, HMAC signature, recvWindow."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from decimal import Decimal

from trading_platform.simulator.wire_errors import WireError

DEFAULT_RECV_WINDOW_MS = Decimal(5000)
MAX_RECV_WINDOW_MS = Decimal(60000)
MAX_AHEAD_MS = 1000

_KEY_FORMAT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SIGNATURE_PAIR = re.compile(r"(^|&)signature=[^&]*")


def signed_payload(query: str, body: str) -> str:
    """What the client signed: the query string followed by the body, both as sent, without the signature."""
    return _without_signature(query) + _without_signature(body)


def hmac_sha256(secret: str, payload: str) -> str:
    """Hexadecimal HMAC-SHA256 of ``payload``."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Authenticator:
    """Checks API keys and signatures against the accounts' keys.

    Parameters
    ----------
    secrets
        API key -> secret.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)

    def check_key(self, api_key: str | None) -> str:
        """The key, if it's known; raises -2014 (malformed) or -2015 (unknown)."""
        if api_key is None or not _KEY_FORMAT.fullmatch(api_key):
            raise WireError(-2014, "API-key format invalid.", status=401)
        if api_key not in self._secrets:
            raise WireError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        return api_key

    def check_signature(self, api_key: str, payload: str, signature: str) -> None:
        """Raise -1022 unless ``signature`` signs exactly ``payload``."""
        expected = hmac_sha256(self._secrets[api_key], payload)
        if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
            raise WireError(-1022, "Signature for this request is not valid.")


def check_timing(timestamp_ms: int, recv_window_ms: Decimal, server_time_ms: int) -> None:
    """Raise -1021 for a request from outside its window, and -1131 for a window that's too wide."""
    if not 0 <= recv_window_ms <= MAX_RECV_WINDOW_MS:
        raise WireError(-1131, "recvWindow must be less than 60000")
    if timestamp_ms >= server_time_ms + MAX_AHEAD_MS:
        raise WireError(-1021, f"Timestamp for this request was {MAX_AHEAD_MS}ms ahead of the server's time.")
    if server_time_ms - timestamp_ms > recv_window_ms:
        raise WireError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _without_signature(pairs: str) -> str:
    return _SIGNATURE_PAIR.sub("", pairs).removeprefix("&")
