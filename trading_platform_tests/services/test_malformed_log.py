"""A flood of messages that can't be read: told at once, then counted."""

from __future__ import annotations

from structlog.testing import capture_logs

from trading_platform.services.malformed_log import INTERVAL_SECONDS, MalformedLog


def test_a_flood_is_one_line_and_then_one_per_interval() -> None:
    malformed = MalformedLog()
    with capture_logs() as lines:
        for number in range(58):
            malformed.add(["BTC/USDT"], f"no number: {number}", number / 100)
        assert [line["why"] for line in lines] == ["no number: 0"]
        malformed.look(INTERVAL_SECONDS)
        malformed.look(INTERVAL_SECONDS + 1)

    assert [line.get("summary") for line in lines[1:]] == ["57 more malformed messages from BTC/USDT in 60 s"]
    assert lines[1]["newest"] == "no number: 57"


def test_after_a_quiet_interval_the_next_one_is_told_at_once() -> None:
    malformed = MalformedLog()
    with capture_logs() as lines:
        malformed.add(["BTC/USDT"], "first", 0)
        malformed.add(["BTC/USDT"], "second flood", INTERVAL_SECONDS)
        malformed.add(["ETH/USDT"], "another symbol", INTERVAL_SECONDS)

    assert [line["why"] for line in lines] == ["first", "second flood", "another symbol"]


def test_what_was_counted_is_told_at_the_end() -> None:
    malformed = MalformedLog()
    with capture_logs() as lines:
        for _ in range(3):
            malformed.add(["BTC/USDT"], "no number", 10)
        malformed.look(12, is_end=True)

    assert lines[-1]["summary"] == "2 more malformed messages from BTC/USDT in 2 s"
