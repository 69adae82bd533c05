"""Refusals in the server's own form: a status, and a body of code and message."""

from __future__ import annotations


class Refusal(Exception):
    """An answer that says no.

    Parameters
    ----------
    code
        As documented: invalid, unauthorized, forbidden, not found, conflict, unprocessable entity, …
    """

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def not_found(message: str) -> Refusal:
    """There is no such thing."""
    return Refusal(404, "not found", message)


def invalid(message: str) -> Refusal:
    """The request can't be understood."""
    return Refusal(400, "invalid", message)
