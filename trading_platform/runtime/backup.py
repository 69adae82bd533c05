"""Backups of the trading database by the wheel's own pg_dump; docs/operations.md says how to restore one."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trading_platform.domain.errors import FixSettings, RetryLater
from trading_platform.runtime import postgres
from trading_platform.runtime.attach import attach
from trading_platform.runtime.state_folder import StateFolder
from trading_platform.settings import Settings


def write_backup(settings: Settings, file: Path | None) -> Path:
    """Dump the trading database (ledger, checks, market data) while it is in use, as of one moment.

    Parameters
    ----------
    file
        Where to; None = a dated file in the state folder's ``backups/``. It appears whole or not at all.

    Raises
    ------
    FixSettings
        The platform doesn't run, or the file can't be written there.
    RetryLater
        The database doesn't answer.
    """
    _, state, addresses = attach(settings)
    target = file.expanduser().resolve() if file else _dated(state)
    draft = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.touch(mode=0o600)
    except OSError as error:
        raise FixSettings(f"backup can't be written to {target} ({error.strerror}); name another file") from None
    try:
        _dump(addresses.database, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _dated(state: StateFolder) -> Path:
    return state.root / "backups" / f"trading-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"


def _dump(url: str, file: Path) -> None:
    parts = urlsplit(url)
    # the password goes by environment: a command line is everybody's to read
    without_password = parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()
    dumped = subprocess.run(
        [
            *(str(postgres.binary("pg_dump")), "--format=custom", f"--file={file}"),
            *("--no-owner", "--no-privileges", "--lock-wait-timeout=10s", f"--dbname={without_password}"),
        ],
        env=os.environ | {"PGPASSWORD": unquote(parts.password or ""), "PGCONNECT_TIMEOUT": "5"},
        capture_output=True,
        text=True,
        check=False,
    )
    if dumped.returncode != 0:
        raise RetryLater(f"the database can't be dumped: {dumped.stderr.strip()}")
