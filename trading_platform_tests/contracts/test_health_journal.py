"""What every health journal does."""

from __future__ import annotations

from trading_platform.domain.check import CheckName, CheckResult, FailingCheck, Severity
from trading_platform.ports.health_journal import HealthJournal
from trading_platform_tests.support.examples import SYMBOL, minutes


def check(
    passed: bool,
    minute: int = 0,
    name: CheckName = CheckName.FRESH,
    interval: str = "1m",
    severity: Severity = Severity.ERROR,
) -> CheckResult:
    reason = "fine" if passed else "late"
    return CheckResult(name, SYMBOL, interval, passed, reason, minutes(minute - 1), minutes(minute), severity)


def test_the_newest_result_per_check_is_kept(journal: HealthJournal) -> None:
    journal.record_checks([check(True), check(True, name=CheckName.NO_GAPS), check(False, interval="5m")])
    journal.record_checks([check(False, 1)])
    assert journal.latest_checks(SYMBOL, "1m") == {
        CheckName.FRESH: check(False, 1),
        CheckName.NO_GAPS: check(True, name=CheckName.NO_GAPS),
    }
    assert journal.latest_checks(SYMBOL, "5m") == {CheckName.FRESH: check(False, interval="5m")}
    assert journal.latest_checks("NO/ONE", "1m") == {}


def test_an_older_result_never_replaces_a_newer_one(journal: HealthJournal) -> None:
    journal.record_checks([check(False, 3), check(True, 2)])
    journal.record_checks([check(True, 1)])
    assert journal.latest_checks(SYMBOL, "1m") == {CheckName.FRESH: check(False, 3)}


def test_a_result_without_data_has_no_data_time(journal: HealthJournal) -> None:
    nothing = CheckResult(CheckName.FRESH, SYMBOL, "1m", False, "no candle stored yet", None, minutes(0))
    journal.record_checks([nothing])
    journal.record_checks([])
    assert journal.latest_checks(SYMBOL, "1m") == {CheckName.FRESH: nothing}


def test_a_failing_check_knows_since_when(journal: HealthJournal) -> None:
    assert journal.failing_checks() == []
    journal.record_checks([check(True, 0), check(False, 0, interval="5m")])
    journal.record_checks([check(False, 1)])
    journal.record_checks([check(False, 2), check(False, 3, interval="5m")])
    assert journal.failing_checks() == [
        FailingCheck(check(False, 3, interval="5m"), minutes(0)),
        FailingCheck(check(False, 2), minutes(1)),
    ]
    journal.record_checks([check(True, 4)])
    journal.record_checks([check(False, 5)])
    assert journal.failing_checks()[-1] == FailingCheck(check(False, 5), minutes(5))


def test_another_severity_is_another_verdict_but_only_of_a_failure(journal: HealthJournal) -> None:
    journal.record_checks([check(False, 0, severity=Severity.WARNING)])
    journal.record_checks([check(False, 1, severity=Severity.ERROR)])
    journal.record_checks([check(False, 2, severity=Severity.ERROR)])
    assert journal.failing_checks() == [FailingCheck(check(False, 2), minutes(1))]
    assert journal.latest_checks(SYMBOL, "1m")[CheckName.FRESH].keeps_entries_back
    journal.record_checks([check(True, 3, severity=Severity.WARNING)])
    journal.record_checks([check(True, 4, severity=Severity.ERROR)])
    # the changes: a warning, an error, and once that it passes; the history counts them by being pruned
    assert journal.prune(minutes(10)) == 3


def test_an_open_incident_is_opened_and_told_once_and_shows_its_newest_reason(journal: HealthJournal) -> None:
    assert journal.open_incident("stale:a", "a is stale", "no candle", minutes(0))
    assert not journal.open_incident("stale:a", "a is stale", "still none", minutes(1))
    assert journal.open_incident("stale:b", "b is stale", "no candle", minutes(2))
    assert [(i.key, i.summary, i.opened_at, i.closed_at) for i in journal.open_incidents()] == [
        ("stale:a", "still none", minutes(0), None),
        ("stale:b", "no candle", minutes(2), None),
    ]
    assert [(n.title, n.body, n.created_at) for n in journal.undelivered(10)] == [
        ("a is stale", "no candle", minutes(0)),
        ("b is stale", "no candle", minutes(2)),
    ]


def test_an_incident_is_closed_once_and_may_open_again(journal: HealthJournal) -> None:
    assert not journal.close_incident("stale:a", "a is fresh", "a candle", minutes(0))
    journal.open_incident("stale:a", "a is stale", "no candle", minutes(1))
    assert journal.close_incident("stale:a", "a is fresh", "a candle", minutes(2))
    assert not journal.close_incident("stale:a", "a is fresh", "a candle", minutes(3))
    assert journal.open_incidents() == []
    assert journal.open_incident("stale:a", "a is stale", "again", minutes(4))
    assert [n.title for n in journal.undelivered(10)] == ["a is stale", "a is fresh", "a is stale"]


def test_delivered_notifications_leave_the_outbox(journal: HealthJournal) -> None:
    for number in range(3):
        journal.open_incident(f"key {number}", f"title {number}", "", minutes(number))
    first, second = journal.undelivered(2)
    journal.mark_delivered(first.notification_id, minutes(5))
    journal.mark_delivered(first.notification_id, minutes(6))
    assert [n.title for n in journal.undelivered(10)] == [second.title, "title 2"]


def test_pruning_keeps_what_is_open_waiting_or_young(journal: HealthJournal) -> None:
    journal.open_incident("open", "stays", "", minutes(0))
    journal.open_incident("closed", "was wrong", "", minutes(0))
    journal.close_incident("closed", "is right", "", minutes(1))
    delivered, *_ = journal.undelivered(1)
    journal.mark_delivered(delivered.notification_id, minutes(1))
    journal.record_checks([check(True, 0)])
    journal.record_checks([check(False, 1)])
    journal.record_checks([check(False, 2)])
    journal.record_checks([check(True, 20)])
    # a closed incident, a delivered notification, and two changes of the check (the repeated result is none)
    assert journal.prune(minutes(10)) == 4
    assert journal.prune(minutes(10)) == 0
    assert [incident.key for incident in journal.open_incidents()] == ["open"]
    assert [n.title for n in journal.undelivered(10)] == ["was wrong", "is right"]
    assert journal.latest_checks(SYMBOL, "1m")[CheckName.FRESH] == check(True, 20)
