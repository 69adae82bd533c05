"""In-memory fillings of the ports, held to the same contracts as the real adapters."""

from trading_platform_tests.fakes.broker import FakeBroker
from trading_platform_tests.fakes.circuit_journal import FakeCircuitJournal
from trading_platform_tests.fakes.clock import FakeClock
from trading_platform_tests.fakes.health_journal import FakeHealthJournal
from trading_platform_tests.fakes.ledger import FakeLedger
from trading_platform_tests.fakes.market_feed import FakeMarketFeed
from trading_platform_tests.fakes.market_stream import FakeMarketStream
from trading_platform_tests.fakes.notifier import FakeNotifier
from trading_platform_tests.fakes.order_news import FakeOrderNews
from trading_platform_tests.fakes.request_budget import FakeRequestBudget
from trading_platform_tests.fakes.series_store import FakeSeriesStore
from trading_platform_tests.fakes.store_spool import FakeStoreSpool
from trading_platform_tests.fakes.stream_journal import FakeStreamJournal

__all__ = [
    "FakeBroker",
    "FakeCircuitJournal",
    "FakeClock",
    "FakeHealthJournal",
    "FakeLedger",
    "FakeMarketFeed",
    "FakeMarketStream",
    "FakeNotifier",
    "FakeOrderNews",
    "FakeRequestBudget",
    "FakeSeriesStore",
    "FakeStoreSpool",
    "FakeStreamJournal",
]
