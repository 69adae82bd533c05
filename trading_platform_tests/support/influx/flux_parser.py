"""The part of Flux that the adapter writes: pipelines of calls with named arguments, and predicates over a row."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trading_platform_tests.support.influx.refusal import invalid

_TOKEN = re.compile(
    r"\s+|(?P<string>\"(?:[^\"\\]|\\.)*\")|(?P<duration>\d+(?:ms|us|ns|mo|[smhdwy]))|(?P<number>\d+)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign>\|>|=>|==|!=|<=|>=|[<>(){}\[\],:.=+-])"
)


@dataclass(frozen=True)
class Literal:
    """A constant of the text."""

    value: object


@dataclass(frozen=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True)
class Member:
    """``r.column``."""

    column: str


@dataclass(frozen=True)
class Duration:
    """``1d``."""

    text: str


@dataclass(frozen=True)
class Comparison:
    """``left sign right``."""

    sign: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Junction:
    """``and``, ``or``."""

    word: str
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Array:
    """``[…]``."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Function:
    """``(r) => …``."""

    body: Expression


Expression = Literal | Name | Member | Duration | Comparison | Junction | Array | Function


@dataclass(frozen=True)
class Call:
    """``name(argument: …)``."""

    name: str
    arguments: dict[str, Expression]


def parse(text: str) -> list[list[Call]]:
    """The pipelines of a query, each a list of calls.

    Raises
    ------
    Refusal
        400, as for a query that doesn't compile.
    """
    reader = _Reader(_tokens(text))
    pipelines = []
    while not reader.is_done():
        pipeline = [reader.call()]
        while reader.take("|>"):
            pipeline.append(reader.call())
        pipelines.append(pipeline)
    return pipelines


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if not found:
            raise invalid(f"compilation failed: error at {place}: invalid statement: {text[place : place + 20]}")
        if found.lastgroup:
            tokens.append((found.lastgroup, found[0]))
        place = found.end()
    return tokens


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0

    def is_done(self) -> bool:
        return self._place >= len(self._tokens)

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else ("end", "")

    def take(self, text: str) -> bool:
        if self._peek()[1] != text:
            return False
        self._place += 1
        return True

    def _need(self, text: str) -> None:
        if not self.take(text):
            raise invalid(f"compilation failed: expected {text}, got {self._peek()[1] or 'EOF'}")

    def _next(self, kind: str) -> str:
        found, text = self._peek()
        if found != kind:
            raise invalid(f"compilation failed: expected {kind}, got {text or 'EOF'}")
        self._place += 1
        return text

    def call(self) -> Call:
        name = self._next("name")
        self._need("(")
        arguments: dict[str, Expression] = {}
        while not self.take(")"):
            argument = self._next("name")
            self._need(":")
            arguments[argument] = self._any()
            self.take(",")
        return Call(name, arguments)

    def _any(self) -> Expression:
        if [self._peek(ahead)[1] for ahead in range(4)] == ["(", "r", ")", "=>"]:
            self._place += 4
            return Function(self._or())
        return self._or()

    def _or(self) -> Expression:
        return self._junction("or", self._and)

    def _and(self) -> Expression:
        return self._junction("and", self._comparison)

    def _junction(self, word: str, part: object) -> Expression:
        assert callable(part)
        parts: list[Expression] = [part()]
        while self.take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _comparison(self) -> Expression:
        left = self._single()
        if self._peek()[1] in ("==", "!=", "<", ">", "<=", ">="):
            sign = self._next("sign")
            return Comparison(sign, left, self._single())
        return left

    def _single(self) -> Expression:
        kind, text = self._peek()
        if self.take("("):
            inner = self._or()
            self._need(")")
            return inner
        if self.take("["):
            items = []
            while not self.take("]"):
                items.append(self._or())
                self.take(",")
            return Array(tuple(items))
        self._place += 1
        if kind == "string":
            return Literal(text[1:-1].replace('\\"', '"'))
        if kind == "number":
            return Literal(int(text))
        if kind == "duration":
            return Duration(text)
        if kind != "name":
            raise invalid(f"compilation failed: unexpected {text or 'EOF'}")
        if text in ("true", "false"):
            return Literal(text == "true")
        if text == "r" and self.take("."):
            return Member(self._next("name"))
        return Name(text)
