"""The command line: `trading-platform --help`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import structlog
import typer

from trading_platform.domain.errors import PlatformError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turns exchange data into risk-checked orders; every setting is described in settings.toml.",
)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date: write 2025-03-01, or 2025-03-01T14:30 with a time") from None


_MOMENT = "2025-03-01[T14:30]"

StateDir = Annotated[Path | None, typer.Option("--state-dir", help="Where everything that survives a restart is kept.")]


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 2, never a traceback."""
    log_apart()
    try:
        app()
    except PlatformError as error:
        print(f"trading-platform: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def log_apart() -> None:
    """What an outage is logged with must not stand in a command's answer, which programs read."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def _warn(words: str) -> None:
    typer.echo(f"trading-platform: {words}", err=True)


@contextmanager
def _carried_on_later() -> Iterator[None]:
    """Ctrl-C is a way to end these commands: one line says that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        _warn("interrupted; the same command carries on from what is stored by now")
        raise typer.Exit(130) from None


@app.command()
def up(
    venue: Annotated[str | None, typer.Option(help="'simulated', or the id of any ccxt exchange (paper).")] = None,
    replay: Annotated[Path | None, typer.Option(help="Folder of recorded candles to trade on.")] = None,
    speed: Annotated[float | None, typer.Option(help="Replay this many times faster than life.")] = None,
    step: Annotated[bool | None, typer.Option("--step", help="Replay one closed candle per completed cycle.")] = None,
    market_data: Annotated[str | None, typer.Option(help="'auto', or 'rest' to do without streams.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the Dagster UI.")] = None,
    state_dir: StateDir = None,
    detach: Annotated[bool, typer.Option("--detach", help="Start, then leave it running.")] = False,
) -> None:
    """Start the platform and watch it; Ctrl-C stops everything."""
    from trading_platform.runtime.up import run_up

    flags = {
        "STATE_DIR": state_dir and state_dir.expanduser().resolve(),
        "VENUE__NAME": venue,
        "VENUE__MARKET_DATA": market_data,
        "REPLAY__FOLDER": replay and replay.expanduser().resolve(),
        "REPLAY__SPEED": speed,
        "REPLAY__STEP": step,
        "ORCHESTRATION__UI_PORT": port,
    }
    raise typer.Exit(run_up(flags, detach=detach))


@app.command()
def down(state_dir: StateDir = None) -> None:
    """Stop the platform, whoever started it."""
    from trading_platform.runtime.flags import settings_to_act_on
    from trading_platform.runtime.instance import stop_running
    from trading_platform.runtime.state_folder import StateFolder

    state = StateFolder.at(settings_to_act_on(state_dir, _warn).state_dir)
    stopped = stop_running(state, typer.echo)
    typer.echo("Stopped" if stopped else f"Nothing runs on {state.root} (--state-dir names another)")


@app.command()
def status(
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; includes the database's URL.")] = False,
) -> None:
    """Show what runs, how old the data is, and the account."""
    from trading_platform.runtime.flags import settings_to_act_on
    from trading_platform.runtime.status import platform_status
    from trading_platform.runtime.view import as_text, to_json

    seen = platform_status(settings_to_act_on(state_dir, _warn))
    typer.echo(to_json(seen) if as_json else as_text(seen))
    raise typer.Exit(0 if seen.running else 1)


@app.command()
def halt(
    flatten: Annotated[bool, typer.Option("--flatten", help="Also sell every position at the market.")] = False,
    reason: Annotated[str, typer.Option(help="Kept with the halt.")] = "the owner said so",
    state_dir: StateDir = None,
) -> None:
    """Stop buying, at once and until `resume`; exits go on."""
    from trading_platform.runtime import account_commands
    from trading_platform.runtime.flags import settings_to_act_on

    typer.echo(account_commands.halt(settings_to_act_on(state_dir, _warn), reason, flatten=flatten))


@app.command()
def resume(
    reason: Annotated[str, typer.Option(help="Kept with the halt.")] = "the owner said so", state_dir: StateDir = None
) -> None:
    """Buy again after a halt; the drawdown is measured from here on."""
    from trading_platform.runtime import account_commands
    from trading_platform.runtime.flags import settings_to_act_on

    typer.echo(account_commands.resume(settings_to_act_on(state_dir, _warn), reason))


@app.command()
def reconcile(
    adopt: Annotated[bool, typer.Option("--adopt", help="Make the venue's balances the ledger's.")] = False,
    reason: Annotated[str, typer.Option(help="Why they differ; kept with what is adopted.")] = "the owner said so",
    as_result: Annotated[
        bool, typer.Option("--as-result", help="It is a profit or loss, not money that you brought or took.")
    ] = False,
    state_dir: StateDir = None,
) -> None:
    """Compare the ledger's balances with the venue's, and say what differs and why."""
    from trading_platform.runtime import account_commands
    from trading_platform.runtime.flags import settings_of_instance, settings_to_act_on

    if as_result and not adopt:
        raise typer.BadParameter("--as-result says how --adopt books it: give both")
    settings = settings_of_instance(state_dir) if adopt else settings_to_act_on(state_dir, _warn)
    for line in account_commands.reconcile(settings, adopt=adopt, reason=reason, as_result=as_result):
        typer.echo(line)


@app.command()
def arm(
    account: Annotated[str, typer.Option(help="Name of the account; one that has traded on paper can't.")],
    venue: Annotated[str, typer.Option(help="For example binance.")],
    state_dir: StateDir = None,
) -> None:
    """Permit an account to trade real money, after a typed confirmation."""
    from trading_platform.runtime import account_commands
    from trading_platform.runtime.flags import settings_of_instance

    typer.echo(account_commands.arm(settings_of_instance(state_dir), account, venue, typer.prompt))


@app.command()
def disarm(
    account: Annotated[str, typer.Option(help="Name of the account.")],
    state_dir: StateDir = None,
) -> None:
    """Withdraw the permission to trade real money, at once; exits go on."""
    from trading_platform.runtime import account_commands
    from trading_platform.runtime.flags import settings_of_instance

    typer.echo(account_commands.disarm(settings_of_instance(state_dir), account))


@app.command()
def backup(
    file: Annotated[Path | None, typer.Argument(help="Where to write it; a dated file by default.")] = None,
    state_dir: StateDir = None,
) -> None:
    """Write the ledger and the market data into a file that pg_restore reads."""
    from trading_platform.runtime.backup import write_backup
    from trading_platform.runtime.flags import settings_to_act_on

    typer.echo(write_backup(settings_to_act_on(state_dir, _warn), file))


@app.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Kline archives, or folders of them.")],
    symbol: Annotated[str | None, typer.Option(help="BASE/QUOTE, when the files' names don't say it.")] = None,
    interval: Annotated[str | None, typer.Option(help="For example 1m, when the files' names don't say it.")] = None,
    state_dir: StateDir = None,
) -> None:
    """Bring recorded candles (.csv, .csv.gz, .zip) into the store; interrupted, it carries on the next time."""
    from trading_platform.runtime.flags import settings_of_instance
    from trading_platform.runtime.history_files import import_files

    with _carried_on_later():
        raise typer.Exit(import_files(settings_of_instance(state_dir), paths, symbol, interval))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="FILE.parquet, FILE.csv or FILE.csv.gz.")],
    symbol: Annotated[str, typer.Option(help="For example BTC/USDT.")],
    interval: Annotated[str, typer.Option(help="For example 1m.")] = "1m",
    start: Annotated[
        datetime | None, typer.Option("--from", parser=_moment, metavar=_MOMENT, help="First open time (UTC).")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", parser=_moment, metavar=_MOMENT, help="Up to, not including (UTC).")
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Write stored candles into a file, exact to the last digit."""
    from trading_platform.runtime.flags import settings_of_instance
    from trading_platform.runtime.history_files import export_file

    export_file(settings_of_instance(state_dir), file, symbol, interval, start, end)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="ORDER|SIGNAL", help="Its id, or the beginning of it.")],
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell why an order was sent or a signal refused, and what came of it: candles, checks, size, answers, result."""
    from trading_platform.runtime.explain_view import explanation
    from trading_platform.runtime.flags import settings_to_act_on

    typer.echo(explanation(settings_to_act_on(state_dir, _warn), name, as_json=as_json))


@app.command()
def sizing(
    balance: Annotated[
        list[str] | None, typer.Option(help="Size of the account in its quote; may be given several times.")
    ] = None,
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show what accounts of several sizes would buy of each symbol now, and why."""
    from trading_platform.runtime.flags import settings_of_instance
    from trading_platform.runtime.size_view import show_sizes

    show_sizes(settings_of_instance(state_dir), balance or (), as_json=as_json)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A process of the table in runtime/processes.py.")],
    state_dir: StateDir = None,
) -> None:
    """Become one process of the platform, in the foreground (what the supervisor and docker/ call)."""
    from trading_platform.runtime.execute import become
    from trading_platform.runtime.flags import settings_of_instance

    become(name, settings_of_instance(state_dir))


@app.command()
def migrate(state_dir: StateDir = None) -> None:
    """Bring the ledger's database to the newest schema, and InfluxDB, if it is used, to the buckets it needs."""
    from trading_platform.adapters.postgres.migrate import upgrade
    from trading_platform.runtime.addresses import resolve_addresses
    from trading_platform.runtime.flags import settings_of_instance
    from trading_platform.runtime.preflight import check_store
    from trading_platform.runtime.state_folder import StateFolder

    settings = settings_of_instance(state_dir)
    upgrade(resolve_addresses(settings, StateFolder.at(settings.state_dir)).database)
    check_store(settings, typer.echo)


store_commands = typer.Typer(no_args_is_help=True, help="Where market data is kept, and moving it.")
app.add_typer(store_commands, name="store")


@store_commands.command("status")
def store_status(
    symbols: Annotated[
        list[str] | None, typer.Option("--symbol", help="BASE/QUOTE; those of the settings by default.")
    ] = None,
    state_dir: StateDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show where market data is kept, what is there, and what waits to get there; counting may take a while."""
    from trading_platform.runtime.flags import settings_of_instance
    from trading_platform.runtime.store_status import show_store_status

    raise typer.Exit(show_store_status(settings_of_instance(state_dir), as_json=as_json, symbols=symbols or []))


@store_commands.command("migrate")
def store_migrate(
    source: Annotated[str, typer.Option("--from", help="postgres or influxdb.")],
    target: Annotated[str, typer.Option("--to", help="influxdb or postgres.")],
    symbols: Annotated[
        list[str] | None, typer.Option("--symbol", help="BASE/QUOTE; those of the settings by default.")
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Copy market data from one store to the other, each candle verified; interrupted, it carries on the next time."""
    from trading_platform.runtime.flags import settings_of_instance
    from trading_platform.runtime.store_migration import migrate_store

    with _carried_on_later():
        raise typer.Exit(migrate_store(settings_of_instance(state_dir), source, target, symbols or []))


if __name__ == "__main__":
    main()
