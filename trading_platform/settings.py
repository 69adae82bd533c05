"""Every setting of the platform, with its unit, default and bounds; the only reader of the environment.

Values are taken, the first that has one wins, from: keyword overrides (command line flags), the environment
(``TRADING_PLATFORM_<SECTION>__<NAME>``), the settings file (``settings.toml``, or the file that
``TRADING_PLATFORM_SETTINGS_FILE`` names), and the defaults written here.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from trading_platform.domain.aggregation import aggregates_from
from trading_platform.domain.candle import Interval
from trading_platform.domain.errors import FixSettings
from trading_platform.domain.protection import ProtectionRules
from trading_platform.domain.risk import PositionShareTier
from trading_platform.domain.sizing import SizingRules

ENVIRONMENT_PREFIX = "TRADING_PLATFORM_"
_WEB_ADDRESS = r"^https?://"
COMMAND = "trading-platform"
DEFAULT_SETTINGS_FILE = Path("settings.toml")
LIVE_VENUES = ("binance",)
"""Where the broker can send real orders: it speaks their own protocol."""


def _known_interval(text: str) -> str:
    return Interval.parse(text).name


def _unified_symbol(text: str) -> str:
    base, slash, quote = text.upper().partition("/")
    if not (slash and base.isalnum() and quote.isalnum()):
        raise ValueError(f"{text!r} is not a symbol; write BASE/QUOTE, for example BTC/USDT")
    return f"{base}/{quote}"


IntervalName = Annotated[str, AfterValidator(_known_interval)]
Symbol = Annotated[str, AfterValidator(_unified_symbol)]
Share = Annotated[Decimal, Field(gt=0, le=1)]
Percent = Annotated[Decimal, Field(gt=0, le=50)]
LONGEST_SECONDS = 100 * 366 * 86_400
"""No setting lasts longer: what is endless can't be reckoned with, and would end a run in the middle."""

Seconds = Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]
PositiveSeconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS)]
Hours = Annotated[float, Field(gt=0, le=LONGEST_SECONDS / 3600)]


class Section(BaseModel):
    """A table of the settings file: unknown names are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountSettings(Section):
    """The account that trades."""

    name: str = Field("main", pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    quote: str = Field("USDT", pattern=r"^[A-Z0-9]{2,10}$")
    starting_balance_quote: Decimal = Field(Decimal("84.54"), gt=0, description="paper money at the first start")
    mode: Literal["paper", "live"] = Field("paper", description="live: real money; buys nothing until it is armed")


class VenueSettings(Section):
    """Where market data comes from and where orders go."""

    name: str = Field("simulated", description="'simulated', or the id of any ccxt exchange (paper)")
    market_data: Literal["auto", "rest"] = Field(
        "auto", description="auto: streams, with REST where they are silent; rest: no streams"
    )
    base_url: str | None = Field(None, description="replaces every host of the ccxt exchange (testnet, proxy)")
    timeout_seconds: PositiveSeconds = Field(12.0, description="for orders: beyond the venue's own limit of 10 s")
    market_data_timeout_seconds: PositiveSeconds = 4.0
    recv_window_ms: int = Field(5000, ge=100, le=60000)
    api_key: SecretStr | None = Field(None, description="of the account that trades live; better in the environment")
    api_secret: SecretStr | None = None


class RequestSettings(Section):
    """How the venue is asked, all processes together."""

    at_once: int = Field(4, ge=1, le=16, description="requests for market data under way at the same time, per process")
    market_data_share: Share = Field(
        Decimal("0.8"), description="of the venue's limits; the rest is kept for account and orders"
    )
    failures_to_pause: int = Field(
        5, ge=1, le=100, description="times in a row that the venue doesn't answer before it is left alone"
    )
    longest_pause_seconds: PositiveSeconds = Field(
        10.0, description="before it is tried again, once; at the next refresh in any case"
    )
    incident_after_seconds: PositiveSeconds = Field(60.0, description="left alone for so long opens an incident")


class CacheSettings(Section):
    """What a process keeps in memory."""

    price_seconds: float = Field(5.0, ge=0, le=60, description="age beyond which a price isn't served from memory")
    candles: int = Field(150_000, ge=0, description="candles in memory per process, some 0.6 KB each; 0: none")
    candle_check_seconds: float = Field(
        1.0, ge=0, le=10, description="how long other processes' candles may go unnoticed"
    )


class StoreSettings(Section):
    """Where market data is kept. Money is kept in PostgreSQL in either case."""

    kind: Literal["postgres", "influxdb"] = Field("postgres", description="influxdb: an InfluxDB 2 server, see below")
    spool_points: int = Field(
        2_000_000, ge=100_000, description="may wait in PostgreSQL for InfluxDB, some 0.1 KB each; prices 80 % of it"
    )
    spool_alert_share: Share = Field(Decimal("0.1"), description="of it, waiting, is told to the owner")
    outage_incident_seconds: PositiveSeconds = Field(30.0, description="points that wait so long are told to the owner")


class InfluxSettings(Section):
    """The InfluxDB 2 server (store.kind = "influxdb"); what it lacks of buckets and tasks is made at start."""

    url: str | None = Field(None, pattern=_WEB_ADDRESS, description="http://… ; unset: INFLUXDB_V2_URL")
    token: SecretStr | None = Field(None, description="may read and write its buckets; unset: INFLUXDB_V2_TOKEN")
    token_file: Path | None = Field(None, description="a file that holds nothing but the token")
    org: str | None = Field(None, min_length=1, description="organisation; unset: INFLUXDB_V2_ORG")
    bucket: str = Field(
        "trading_platform",
        pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,47}$",
        description="of candles; raw ticks are in BUCKET_ticks, a replay has buckets of its own (BUCKET_replay…)",
    )
    candle_days: int = Field(3650, ge=0, description="candles, indicators and ticks per minute are kept; 0: for ever")
    tick_days: int = Field(7, ge=1, le=365, description="raw ticks are kept; their minutes stay as long as candles")
    timeout_seconds: PositiveSeconds = Field(5.0, le=60, description="for one answer")
    retry_seconds: float = Field(6.0, ge=0, le=60, description="the longest that one request is tried again")
    batch_points: int = Field(
        5000, ge=1, le=50_000, description="in one write request, which is confirmed before the next"
    )

    def secret_token(self) -> str | None:
        """The token, of the setting or else of the file.

        Raises
        ------
        FixSettings
            If the file can't be read or is empty.
        """
        if self.token is not None:
            return self.token.get_secret_value()
        if self.token_file is None:
            return None
        try:
            held = self.token_file.expanduser().read_text().strip()
        except OSError as trouble:
            raise FixSettings(f"influxdb.token_file: {self.token_file} can't be read: {trouble.strerror}") from None
        if not held:
            raise FixSettings(f"influxdb.token_file: {self.token_file} is empty; write the token into it")
        return held


class MarketSettings(Section):
    """What is traded and observed."""

    symbols: tuple[Symbol, ...] = Field(("BTC/USDT", "ETH/USDT", "SOL/USDT"), min_length=1)
    intervals: tuple[IntervalName, ...] = Field(("1m",), min_length=1)
    higher_intervals: Literal["exchange", "local"] = Field(
        "exchange", description="local: longer candles are made here out of the shortest, equal to the last digit"
    )
    history_candles: int = Field(1000, ge=500, le=100_000, description="candles fetched at the first start")
    window_candles: int = Field(500, ge=50, le=5000, description="closed candles a strategy sees")

    @model_validator(mode="after")
    def _longer_intervals_can_be_made(self) -> MarketSettings:
        base, *higher = sorted(Interval.parse(name) for name in set(self.intervals))
        odd = [longer.name for longer in higher if not aggregates_from(base, longer)]
        if self.higher_intervals == "local" and odd:
            raise ValueError(f"intervals: {', '.join(odd)} can't be made locally out of {base} candles")
        return self


class HistorySettings(Section):
    """How far the candles' history reaches, and how far back holes are repaired."""

    start: date = Field(date(2024, 1, 1), description="first day (UTC) that can be backfilled from the UI")
    repair_days: int = Field(3, ge=1, le=60, description="holes inside the newest so many days are asked for again")


class ReplaySettings(Section):
    """Recorded candles instead of a live market (venue 'simulated' only)."""

    folder: Path | None = None
    speed: float = Field(1.0, ge=1, le=100_000, description="times faster than life")
    step: bool = Field(False, description="one closed candle per completed cycle")
    step_batch_seconds: PositiveSeconds = Field(20.0, description="the longest one step run goes on")


class SimulatorSettings(Section):
    """The simulated exchange."""

    seed: int = Field(11347, ge=0, description="seed of the synthetic market")
    maker_fee_bps: Decimal = Field(Decimal(10), ge=0, le=1000)
    taker_fee_bps: Decimal = Field(Decimal(10), ge=0, le=1000)
    spread_bps: Decimal = Field(Decimal(2), ge=0, le=1000)
    warmup_candles: int = Field(500, ge=0, le=100_000, description="candles of the past at the first start")


class CadenceSettings(Section):
    """How often things happen, in seconds of the wall clock."""

    refresh_seconds: PositiveSeconds = 15.0
    trade_poll_seconds: PositiveSeconds = 1.0
    reconcile_seconds: PositiveSeconds = Field(60.0, description="the longest without comparing balances")
    watchdog_seconds: PositiveSeconds = 20.0
    watcher_seconds: PositiveSeconds = 5.0


class FreshnessSettings(Section):
    """When data counts as stale, in seconds of the wall clock."""

    max_candle_lateness_seconds: PositiveSeconds = Field(
        45.0, description="since the moment the next candle's close was due"
    )
    max_price_age_seconds: PositiveSeconds = Field(45.0, description="age of a ticker that may size an order")
    max_sensor_tick_age_seconds: PositiveSeconds = Field(120.0, description="silence of a sensor that is switched on")
    max_trading_silence_seconds: PositiveSeconds = Field(
        180.0, description="without a trade run that reconciled; at least twice cadence.reconcile_seconds"
    )


class QualitySettings(Section):
    """When market data counts as doubtful: errors keep entries back, warnings are recorded, exits always pass."""

    max_zero_volume_candles: int = Field(
        5, ge=1, description="error: more at the window's end, unless the symbol is that thin"
    )
    jump_band_deviations: float = Field(
        20.0, gt=0, le=1e6, description="warning: robust standard deviations of the window's log returns"
    )
    min_jump_bps: float = Field(100.0, ge=0, le=1e6, description="no smaller move is a jump, however quiet the window")
    jump_candles: int = Field(5, ge=1, le=500, description="the newest candles are judged for jumps")
    stream_window_seconds: PositiveSeconds = Field(300.0, description="the three limits below count within it")
    max_stream_duplicates: int = Field(20, ge=0, description="warning: events sent twice")
    max_stream_out_of_order: int = Field(5, ge=0, description="warning: events older than one before")
    max_stream_malformed: int = Field(0, ge=0, description="warning: events that can't be read")
    compare_seconds: PositiveSeconds = Field(300.0, description="between two comparisons of a series, stream with REST")
    compare_candles: int = Field(10, ge=1, le=500, description="the newest candles are compared")
    clock_drift_warning_seconds: PositiveSeconds = Field(1.0, description="warning: venue's clock against ours")
    max_clock_drift_seconds: PositiveSeconds = Field(
        2.5, description="error; half of venue.recv_window_ms where that is less"
    )
    incident_after_seconds: Seconds = Field(60.0, description="an error that lasts so long is told to the owner")


class StreamSettings(Section):
    """Streams of the venue (venue.market_data = "auto"), in seconds of the wall clock."""

    silence_seconds: PositiveSeconds = Field(
        10.0, le=15, description="without a price, until a symbol's stream is stale"
    )
    candle_grace_seconds: PositiveSeconds = Field(10.0, le=15, description="without the candle that was due to close")
    flush_seconds: PositiveSeconds = Field(1.0, le=5, description="between writes of the newest prices")
    heartbeat_seconds: PositiveSeconds = Field(2.0, le=5, description="between notes of the streams' states")
    max_heartbeat_age_seconds: PositiveSeconds = Field(10.0, le=15, description="an older note says nothing any more")
    max_ticker_age_seconds: PositiveSeconds = Field(
        5.0, description="older prices are asked for by REST at the next tick"
    )
    first_recovery_wait_seconds: PositiveSeconds = Field(4.0, description="between two steps of recovery, then doubled")
    longest_recovery_wait_seconds: PositiveSeconds = 60.0
    restart_after_seconds: PositiveSeconds = Field(
        300.0, description="all silent for so long: the process is restarted"
    )
    buffered_candles: int = Field(10_000, ge=100, le=1_000_000, description="kept while the database is away")
    incident_seconds: PositiveSeconds = Field(60.0, description="all streams not live for so long opens an incident")


class StrategySettings(Section):
    """One strategy on one interval."""

    name: str
    interval: IntervalName = "1m"
    params: dict[str, Any] = Field(default_factory=dict)


class RiskSettings(Section):
    """Limits of what may be risked."""

    fraction_of_equity: Share = Field(Decimal("0.30"), description="of the equity in one entry (fixed_fraction)")
    position_share_tiers: tuple[PositionShareTier, ...] = (
        PositionShareTier(below_equity_quote=Decimal(100), share=Decimal("0.80")),
        PositionShareTier(below_equity_quote=Decimal(1000), share=Decimal("0.30")),
        PositionShareTier(below_equity_quote=None, share=Decimal("0.10")),
    )
    max_open_positions: int = Field(3, ge=1, le=100)
    notional_floor_quote: Decimal = Field(Decimal(10), ge=0, description="above the exchange's own minimum")
    slippage_bps: Decimal = Field(Decimal(50), ge=0, le=1000, description="reserved above the ask for a market buy")
    signal_valid_for_seconds: PositiveSeconds = Field(90.0, description="on the venue's clock")
    reaction_allowance_seconds: PositiveSeconds = Field(
        45.0, description="the platform's own latency, wall clock; a replay at speed N multiplies it by N"
    )
    cooldown_seconds: Seconds = Field(300.0, description="per symbol after an exit, on the venue's clock")

    @model_validator(mode="after")
    def _every_size_has_its_tier(self) -> RiskSettings:
        bounds = [tier.below_equity_quote for tier in self.position_share_tiers]
        bounded = [bound for bound in bounds if bound is not None]
        if not bounds or bounds[-1] is not None or len(bounded) != len(bounds) - 1:
            raise ValueError("position_share_tiers: the last tier, and no other, must have no below_equity_quote")
        if bounded != sorted(set(bounded)):
            raise ValueError("position_share_tiers: below_equity_quote must rise from tier to tier")
        return self


class ProtectionSettings(Section):
    """Stop and target of every position; they rest at the venue."""

    enabled: bool = True
    stop: Literal["atr", "percent"] = Field("atr", description="percent also where there is no average true range yet")
    stop_atr_multiple: Decimal = Field(Decimal(3), gt=0, le=50, description="average true ranges below the entry")
    stop_percent: Percent = Field(Decimal(2), description="below the entry")
    min_stop_percent: Percent = Field(Decimal(1), description="bounds of the stop by average true ranges")
    max_stop_percent: Percent = Field(Decimal(8))
    target: Literal["reward", "percent", "none"] = "reward"
    target_reward_multiple: Decimal = Field(Decimal(2), gt=0, le=100, description="times the stop's distance")
    target_percent: Decimal = Field(Decimal(4), gt=0, le=1000, description="above the entry")
    trailing: bool = Field(True, description="the stop follows the price up, never down")
    trailing_activation_percent: Decimal = Field(Decimal("1.5"), ge=0, le=1000, description="gain from which on")
    trailing_distance_percent: Percent = Field(Decimal("1.2"), description="below the price")
    trailing_step_percent: Percent = Field(Decimal("0.25"), description="smaller raises aren't made")
    stop_limit_offset_percent: Decimal = Field(
        Decimal(0), ge=0, le=50, description="how far below its stop price it still sells; 0: at any price"
    )
    max_holding_seconds: Seconds = Field(172_800.0, description="on the venue's clock; 0: for ever")
    look_seconds: PositiveSeconds = Field(
        20.0, le=300, description="wall clock, between two looks at stops whose price isn't near"
    )

    @model_validator(mode="after")
    def _bounds_in_order(self) -> ProtectionSettings:
        if self.min_stop_percent > self.max_stop_percent:
            raise ValueError("min_stop_percent must not be above max_stop_percent")
        return self

    @property
    def rules(self) -> ProtectionRules:
        """The same for the rules of the domain: what is switched off is None."""
        return ProtectionRules(
            stop_atr_multiple=self.stop_atr_multiple if self.stop == "atr" else None,
            stop_percent=self.stop_percent,
            min_stop_percent=self.min_stop_percent,
            max_stop_percent=self.max_stop_percent,
            target_reward_multiple=self.target_reward_multiple if self.target == "reward" else None,
            target_percent=self.target_percent if self.target == "percent" else None,
            trailing_activation_percent=self.trailing_activation_percent if self.trailing else None,
            trailing_distance_percent=self.trailing_distance_percent,
            trailing_step_percent=self.trailing_step_percent,
            stop_limit_offset_percent=self.stop_limit_offset_percent,
            max_holding=timedelta(seconds=self.max_holding_seconds) if self.max_holding_seconds else None,
        )


class AccountRuleSettings(Section):
    """When an account stops buying; exits always pass. Durations run on the venue's clock unless told otherwise."""

    max_drawdown: Share = Field(
        Decimal("0.20"), description="of the equity's peak; the account is then halted until it is resumed"
    )
    drawdown_flattens: bool = Field(False, description="a halt for drawdown also sells every position")
    max_daily_loss: Share = Field(Decimal("0.05"), description="of the equity at the UTC day's begin; until midnight")
    losses_to_pause: int = Field(4, ge=1, le=100, description="losing trades in a row, over all symbols")
    losing_pause_seconds: Seconds = Field(3600.0, description="after the newest of them")
    max_correlation: float = Field(0.95, ge=-1, le=1, description="of returns with a symbol that is held; 1: no limit")
    correlation_candles: int = Field(120, ge=20, le=5000, description="the newest candles are compared")
    max_orders_per_minute: int = Field(20, ge=1, le=1000, description="entries, repriced ones included")
    max_ask_from_last_bps: Decimal = Field(Decimal(100), gt=0, le=10_000, description="either way")
    max_ask_from_median_bps: Decimal = Field(Decimal(500), gt=0, le=10_000, description="of the newest closes")
    median_candles: int = Field(5, ge=1, le=500, description="that the median is taken of")
    max_balance_age_seconds: PositiveSeconds = Field(
        120.0, description="wall clock, since balances agreed with the venue"
    )


class LimitsSettings(Section):
    """How much may stand at risk at once."""

    max_symbol_exposure: Share = Field(Decimal("0.80"), description="of the equity in one symbol")
    max_total_exposure: Share = Field(Decimal("0.95"), description="of the equity in all positions")
    dust_quote: Decimal = Field(
        Decimal("0.05"), ge=0, description="a smaller difference with the venue's balances is adopted and not told"
    )
    live_max_exposure_quote: Decimal = Field(Decimal(50), gt=0, description="real money in all positions")
    live_max_order_quote: Decimal = Field(Decimal(20), gt=0, description="real money in one entry")


class ExecutionSettings(Section):
    """How orders are placed and followed."""

    entry: Literal["market", "limit"] = Field("market", description='"limit": at the bid, and followed by repricing')
    limit_offset_bps: Decimal = Field(
        Decimal(0), ge=-1000, le=1000, description="of a limit entry, above the bid; negative below it"
    )
    limit_seconds: PositiveSeconds = Field(20.0, description="then a limit entry is cancelled, on the venue's clock")
    most_reprices: int = Field(2, ge=0, le=20, description="of a limit entry, for what it hasn't filled")
    most_reprice_bps: Decimal = Field(Decimal(20), ge=0, le=1000, description="above its first limit price")
    limit_then: Literal["give_up", "market"] = Field("give_up", description="with what the last limit order left")
    resting_poll_seconds: PositiveSeconds = Field(
        30.0, description="between two questions about an order that rests, besides what its stream tells"
    )
    put_off_seconds: float = Field(
        5.0, ge=0, le=60, description="before an entry that was put off, or a sale on a closed market, is judged again"
    )
    follow_seconds: PositiveSeconds = Field(4.0, description="the longest a trade run waits for its orders")
    poll_seconds: PositiveSeconds = Field(0.15, description="between two questions about the same order")
    clock_margin_seconds: PositiveSeconds = Field(5.0, description="added to recv_window before 'not found' is final")


class IndicatorSettings(Section):
    """Indicators computed and stored besides those that the strategies need."""

    extra: tuple[str, ...] = (
        "ema(12)",
        "ema(26)",
        "rsi(14)",
        "macd(12,26,9)",
        "bbands(20,2)",
        "atr(14)",
        "adx(14)",
    )


class ChartSettings(Section):
    """Charts in the Dagster UI."""

    enabled: bool = True
    candles: int = Field(120, ge=20, le=500)
    minimum_interval_seconds: PositiveSeconds = 60.0
    keep: int = Field(200, ge=1, le=10_000, description="chart runs kept in the event log, some 60 KB each")


class AlertSettings(Section):
    """Where the owner is told. Apprise URLs; they carry credentials, so they may stand in the environment instead."""

    urls: tuple[SecretStr, ...] = Field(
        (), description='for example "mailtos://user:password@example.org?to=me@example.org"'
    )


class RetentionSettings(Section):
    """What the daily clean-up keeps."""

    successful_run_hours: Hours = 24.0
    failed_run_hours: Hours = 168.0
    check_result_hours: Hours = 72.0
    stream_change_hours: Hours = 168.0
    indicator_hours: Hours = Field(720.0, description="on the venue's clock; older values can be computed again")
    metric_hours: Hours = Field(168.0, description="the platform's own measurements; InfluxDB: tick_days too")


class OrchestrationSettings(Section):
    """How Dagster runs the jobs, and where its UI listens."""

    ui_port: int = Field(3000, ge=1, le=65535)
    listen_host: str = Field("127.0.0.1", description="only a container, alone in its network, needs another")
    launcher: Literal["celery", "subprocess"] = "celery"
    executor: Literal["in_process", "multiprocess"] = "in_process"


class ServerUrls(Section):
    """Servers outside the embedded profile; unset = embedded."""

    database: SecretStr | None = Field(None, description="postgresql://… of the ledger and the market data")
    dagster_database: SecretStr | None = Field(None, description="postgresql://… of Dagster's own storage")
    broker: SecretStr | None = Field(None, description="amqp://… for Celery")
    simulator: str | None = Field(None, description="http://… of the simulated exchange")
    simulator_api_key: SecretStr | None = Field(None, description="of the account at the simulated exchange")
    simulator_api_secret: SecretStr | None = None
    ui: str | None = Field(None, description="http://… of the Dagster UI")
    code_location: str | None = Field(None, pattern=r"^[^:/]+:\d+$", description="host:port of Dagster's code location")


_left_out: ContextVar[Collection[str] | None] = ContextVar("_left_out", default=frozenset())
"""Sections of the file that don't count; None: the whole file doesn't."""


class _SettingsFile(TomlConfigSettingsSource):
    def __call__(self) -> dict[str, Any]:
        left_out = _left_out.get() or ()
        return {section: value for section, value in super().__call__().items() if section not in left_out}


class Settings(BaseSettings):
    """The validated whole."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state_dir: Path = Path("var")
    account: AccountSettings = AccountSettings()
    venue: VenueSettings = VenueSettings()
    requests: RequestSettings = RequestSettings()
    cache: CacheSettings = CacheSettings()
    store: StoreSettings = StoreSettings()
    influxdb: InfluxSettings = InfluxSettings()
    market: MarketSettings = MarketSettings()
    history: HistorySettings = HistorySettings()
    replay: ReplaySettings = ReplaySettings()
    simulator: SimulatorSettings = SimulatorSettings()
    cadence: CadenceSettings = CadenceSettings()
    freshness: FreshnessSettings = FreshnessSettings()
    quality: QualitySettings = QualitySettings()
    streams: StreamSettings = StreamSettings()
    strategies: tuple[StrategySettings, ...] = (
        StrategySettings(name="trend_following"),
        StrategySettings(name="mean_reversion"),
    )
    indicators: IndicatorSettings = IndicatorSettings()
    risk: RiskSettings = RiskSettings()
    sizing: SizingRules = SizingRules()
    protection: ProtectionSettings = ProtectionSettings()
    account_rules: AccountRuleSettings = AccountRuleSettings()
    limits: LimitsSettings = LimitsSettings()
    execution: ExecutionSettings = ExecutionSettings()
    charts: ChartSettings = ChartSettings()
    alerts: AlertSettings = AlertSettings()
    retention: RetentionSettings = RetentionSettings()
    orchestration: OrchestrationSettings = OrchestrationSettings()
    servers: ServerUrls = ServerUrls()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the instance was started with, flags, environment, file, and what InfluxDB's own client goes by."""
        del dotenv_settings, file_secret_settings
        pinned = InitSettingsSource(settings_cls, _pinned_values())
        variables = InitSettingsSource(settings_cls, _influx_variables())
        if _left_out.get() is None:
            return init_settings, pinned, env_settings, variables
        return init_settings, pinned, env_settings, _SettingsFile(settings_cls, settings_file()), variables

    @model_validator(mode="after")
    def _can_trade_live(self) -> Settings:
        if self.is_live and self.venue.name not in LIVE_VENUES:
            raise ValueError(f"account.mode = 'live' needs venue.name = '{LIVE_VENUES[0]}'; others trade on paper")
        if self.is_live and not (self.venue.api_key and self.venue.api_secret):
            raise ValueError("account.mode = 'live' needs venue.api_key and venue.api_secret")
        return self

    @model_validator(mode="after")
    def _nothing_twice(self) -> Settings:
        for name, values in (
            ("market.symbols", self.market.symbols),
            ("market.intervals", self.market.intervals),
            ("strategies", tuple(strategy.name for strategy in self.strategies)),
        ):
            repeated = next((value for value in values if values.count(value) > 1), None)
            if repeated is not None:
                # a strategy's newest verdict on a symbol governs: on two intervals each would undo the other's
                raise ValueError(f"{name}: {repeated} stands there more than once; keep one of them")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.replay.folder is not None and self.venue.name != "simulated":
            raise ValueError("replay.folder needs venue.name = 'simulated'")
        if self.replay.folder is None and (self.replay.step or self.replay.speed != 1):
            raise ValueError("replay.speed and replay.step need replay.folder (--replay FOLDER)")
        if self.replay.step and self.replay.speed != 1:
            raise ValueError("replay.step and replay.speed exclude each other: stepping goes as fast as it can")
        if self.freshness.max_trading_silence_seconds < 2 * self.cadence.reconcile_seconds:
            raise ValueError("freshness.max_trading_silence_seconds must be at least twice cadence.reconcile_seconds")
        for strategy in self.strategies:
            if strategy.interval not in self.market.intervals:
                raise ValueError(f"strategies: {strategy.name} wants {strategy.interval}; add it to market.intervals")
        foreign = [s for s in self.market.symbols if not s.endswith("/" + self.account.quote)]
        if foreign:
            raise ValueError(f"market.symbols: {', '.join(foreign)} not quoted in account.quote {self.account.quote}")
        if self.market.history_candles < self.market.window_candles:
            raise ValueError("market.history_candles must be at least market.window_candles")
        return self

    @model_validator(mode="after")
    def _reaches_the_store(self) -> Settings:
        influx = self.influxdb
        if self.store.kind != "influxdb":
            return self
        has_token = influx.token is not None or influx.token_file is not None
        lacking = [name for name, has in (("url", influx.url), ("token", has_token), ("org", influx.org)) if not has]
        if lacking:
            variables = ", ".join(f"{ENVIRONMENT_PREFIX}INFLUXDB__{name.upper()}" for name in lacking)
            raise ValueError(
                f"store.kind = 'influxdb' needs influxdb.{', influxdb.'.join(lacking)}: set {variables}, "
                "or name a file in influxdb.token_file"
            )
        return self

    @property
    def is_live(self) -> bool:
        """Whether orders are for real money."""
        return self.account.mode == "live"

    @property
    def simulated(self) -> bool:
        """Whether market data comes from the simulated exchange."""
        return self.venue.name == "simulated"

    @property
    def max_clock_drift_seconds(self) -> float:
        """Beyond this difference of the clocks no entry is sent."""
        return min(self.quality.max_clock_drift_seconds, self.venue.recv_window_ms / 2000)

    @property
    def uses_streams(self) -> bool:
        """Whether the venue's streams are listened to; a market that only moves in steps has nothing to push."""
        return self.venue.market_data == "auto" and not self.replay.step

    def fingerprint(self) -> str:
        """Twelve hex digits that change when any setting does (secrets enter as their mask only)."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


PINNED = ENVIRONMENT_PREFIX + "PINNED"
"""Environment variable: JSON of what an instance's processes keep of the settings that it was started with."""

_COUNT_FROM_THE_NEXT_START = {
    "account": ("name", "quote", "mode"),
    "venue": ("name", "base_url"),
    "replay": ("folder", "speed", "step"),
    "simulator": ("seed",),
    "store": ("kind",),
}
"""Which market, whose money, which store: an edit must not move a platform that runs to another one of them."""

_pins_are_off: ContextVar[bool] = ContextVar("_pins_are_off", default=False)


def pinned(settings: Settings) -> str:
    """The value of `PINNED` for the processes of an instance that these settings start."""
    return json.dumps(_pins_of(settings), default=str)


def _pins_of(settings: Settings) -> dict[str, dict[str, Any]]:
    return {
        section: {name: getattr(getattr(settings, section), name) for name in names}
        for section, names in _COUNT_FROM_THE_NEXT_START.items()
    }


def _pinned_values() -> dict[str, Any]:
    held = os.environ.get(PINNED)
    if not held or _pins_are_off.get():
        return {}
    values: dict[str, Any] = json.loads(held)
    return values


def settings_waiting() -> str:
    """Which settings of the file count from the next start only, for an instance that runs; empty if none differ."""
    return _in_force.waiting


def _waiting(in_force: Settings) -> str:
    if PINNED not in os.environ:
        return ""
    token = _pins_are_off.set(True)
    try:
        asked = _pins_of(load_settings())
    except FixSettings as mistake:
        return f"(a start would refuse them: {mistake})"
    finally:
        _pins_are_off.reset(token)
    held = _pins_of(in_force)
    differing = ((section, name) for section in held for name in held[section])
    return ", ".join(f"{s}.{n}" for s, n in differing if asked[s][n] != held[s][n])


def _influx_variables() -> dict[str, Any]:
    """What `INFLUXDB_V2_URL`, `…_TOKEN` and `…_ORG` say: other tools of the owner's may use the same ones."""
    named = {name: os.environ.get(f"INFLUXDB_V2_{name.upper()}") for name in ("url", "token", "org")}
    given = {name: value for name, value in named.items() if value}
    return {"influxdb": given} if given else {}


def settings_file() -> Path:
    """The settings file in force; it need not exist unless the environment names it."""
    named = os.environ.get(ENVIRONMENT_PREFIX + "SETTINGS_FILE")
    if named and not Path(named).is_file():
        raise FixSettings(f"{ENVIRONMENT_PREFIX}SETTINGS_FILE names {named}, which is not a file")
    return Path(named) if named else DEFAULT_SETTINGS_FILE


def is_resident() -> bool:
    """Whether this process is one of those in the table of processes, or was started by one; a command isn't."""
    return bool(os.environ.get(ENVIRONMENT_PREFIX + "PROCESS"))


def process_name() -> str:
    """Name of this process in the table of processes; where it isn't one of them, its command's and its number."""
    named = os.environ.get(ENVIRONMENT_PREFIX + "PROCESS")
    is_command = Path(sys.argv[0]).name == COMMAND and len(sys.argv) > 1
    return named or f"{f'{COMMAND} {sys.argv[1]}, ' if is_command else ''}process {os.getpid()}"


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read and validate the settings.

    Parameters
    ----------
    overrides
        Nested values that win over environment and file, for instance ``{"replay": {"speed": 60}}``.

    Raises
    ------
    FixSettings
        One line per mistake: which setting, what is wrong with it.
    """
    try:
        return Settings(**dict(overrides or {}))
    except ValidationError as invalid:
        raise FixSettings("; ".join(_one_line(error) for error in _first_of_each(invalid.errors()))) from None
    except SettingsError as unreadable:
        raise FixSettings(f"environment {ENVIRONMENT_PREFIX}*: {unreadable}") from None
    except ValueError as broken:  # tomllib.TOMLDecodeError: not TOML at all
        raise FixSettings(f"{settings_file()}: {broken}") from None


def usable_settings() -> tuple[Settings, str]:
    """The settings without the sections of the file that have a mistake, and what is wrong with them.

    For commands that must work while the owner's file is broken, the kill switch first of all: a slip in one setting
    must not keep anybody from stopping, or seeing, what trades on the settings before it.

    Raises
    ------
    FixSettings
        If the mistake isn't in the file.
    """
    try:
        return load_settings(), ""
    except FixSettings as wrong:
        trouble = str(wrong)
    for left_out in (_sections_with_a_mistake(), None):
        token = _left_out.set(left_out)
        try:
            return load_settings(), trouble
        except FixSettings:
            continue
        finally:
            _left_out.reset(token)
    raise FixSettings(trouble)


def _sections_with_a_mistake() -> Collection[str] | None:
    try:
        Settings()
    except ValidationError as invalid:
        return {str(error["loc"][0]) for error in invalid.errors() if error["loc"]}
    except ValueError:  # it can't be read at all
        return None
    return ()


@dataclass
class _InForce:
    """The settings of this process, the version of the file they were last sought in, and what was wrong with it."""

    settings: Settings | None = None
    version: tuple[Path, int] | None = None
    trouble: str = ""
    waiting: str = ""


_in_force = _InForce()


def current_settings() -> Settings:
    """The settings as they are now: read again when the file has changed, the same object otherwise.

    A file that is broken while the platform runs changes nothing: a slip of the owner's must not keep an exit from
    being sent (I7). `settings_trouble` tells of it.

    Raises
    ------
    FixSettings
        If this process has never read valid ones.
    """
    try:
        version = _settings_version()
    except FixSettings as vanished:
        _in_force.version, _in_force.trouble = None, str(vanished)
    else:
        if version != _in_force.version:
            _read_anew(version)
    if _in_force.settings is None:
        _in_force.version = None  # tried again at the next call
        raise FixSettings(_in_force.trouble)
    return _in_force.settings


def _read_anew(version: tuple[Path, int]) -> None:
    _in_force.version = version
    try:
        _in_force.settings, _in_force.trouble = load_settings(), ""
        _in_force.waiting = _waiting(_in_force.settings)
    except FixSettings as broken:
        _in_force.trouble = str(broken)


def settings_trouble() -> str:
    """Why the file's newest version isn't in force; empty when it is."""
    return _in_force.trouble


def _settings_version() -> tuple[Path, int]:
    """Which file is in force and when it was changed (ns; 0 without a file): equal versions, equal settings."""
    path = settings_file()
    try:
        return path, path.stat().st_mtime_ns
    except FileNotFoundError:
        return path, 0


def _first_of_each(errors: Sequence[Any]) -> list[Any]:
    """Without what only follows: a list that lost its wrong element is then too short for itself."""
    parents = {error["loc"][:-1] for error in errors}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in parents]


def _one_line(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "no such setting; settings.toml lists them all"
    elif error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == _WEB_ADDRESS:
        message = f"{error['input']!r} must begin with http:// or https://"
    return f"{where}: {message}" if where else message
