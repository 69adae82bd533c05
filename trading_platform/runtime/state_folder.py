"""The state folder: everything that survives a restart, and where each part lies."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_platform.domain.errors import FixSettings


@dataclass(frozen=True)
class StateFolder:
    """Paths inside the state folder; ``root`` is absolute.

    Parameters
    ----------
    root
        The folder that ``state_dir`` or ``--state-dir`` names.
    """

    root: Path

    @classmethod
    def at(cls, path: Path) -> StateFolder:
        """The state folder at ``path``, which may be relative and need not exist yet."""
        return cls(path.expanduser().resolve())

    @property
    def postgres_data(self) -> Path:
        """Data of the embedded PostgreSQL."""
        return self.root / "postgres"

    @property
    def dagster_home(self) -> Path:
        """DAGSTER_HOME: ``dagster.yaml`` and compute logs."""
        return self.root / "dagster"

    @property
    def broker(self) -> Path:
        """The embedded broker's messages and results."""
        return self.root / "broker"

    @property
    def simulator(self) -> Path:
        """The simulated exchange's books."""
        return self.root / "simulator"

    @property
    def logs(self) -> Path:
        """One rotated log per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What only the running instance needs: supervisor's files, start counters."""
        return self.root / "run"

    @property
    def endpoints_file(self) -> Path:
        """Ports and passwords chosen at the first start (readable by the owner only)."""
        return self.root / "endpoints.json"

    @property
    def market_file(self) -> Path:
        """The market that this folder's ledger belongs to."""
        return self.root / "market.json"

    @property
    def flags_file(self) -> Path:
        """Flags that the running instance was started with, for the commands that look at it."""
        return self.run / "flags.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one `up` that this folder may have."""
        return self.run / "up.lock"

    def prepare(self) -> None:
        """Make the folders.

        Raises
        ------
        FixSettings
            The folder can't be made or written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for folder in (self.dagster_home, self.broker, self.simulator, self.logs, self.run):
                folder.mkdir(exist_ok=True)
            # run/ and logs/ name ports and show payloads: nobody else's business on a shared computer
            self.run.chmod(0o700)
            self.logs.chmod(0o700)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise FixSettings(
                f"state folder {self.root} can't be written ({error.strerror}); "
                "mend its permissions or choose another with --state-dir"
            ) from None


def write_private_json(path: Path, value: Any) -> None:
    """Write a file that only its owner can read; readers see the old or the new content, never a part."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        raise
