"""Empty the outbox: every message reaches the owner, late rather than never."""

from __future__ import annotations

import structlog

from trading_platform.domain.errors import RetryLater
from trading_platform.ports.clock import Clock
from trading_platform.ports.health_journal import HealthJournal
from trading_platform.ports.notifier import Notifier

BATCH = 20

log = structlog.get_logger()


def deliver_notifications(journal: HealthJournal, notifier: Notifier, clock: Clock) -> int:
    """Send what waits, oldest first; stop at the first that no channel takes, and try again next time.

    A crash between sending and marking sends the message twice: better than not at all.

    Returns
    -------
    int
        How many were delivered.
    """
    delivered = 0
    for notification in journal.undelivered(BATCH):
        try:
            notifier.send(notification.title, notification.body)
        except RetryLater as trouble:
            log.warning("notification_not_delivered", title=notification.title, why=str(trouble))
            break
        journal.mark_delivered(notification.notification_id, clock.wall())
        delivered += 1
    return delivered
