"""A Celery broker in a folder: kombu's filesystem transport, with messages that appear and vanish whole.

kombu writes a message under its final name, so a busy reader can take it half written and lose it. Here a message
(and the table of who is bound to what) is written under a hidden name and renamed; a reader claims a message by
renaming it within the same file system. What a killed reader had claimed isn't delivered again: the run never starts,
times out and its work is requested anew.

URL: ``folder:///absolute/path``.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from functools import cached_property
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import unquote

from kombu import transport
from kombu.transport import filesystem
from kombu.utils.encoding import bytes_to_str, str_to_bytes
from kombu.utils.json import dumps, loads

SCHEME = "folder"


class Channel(filesystem.Channel):  # type: ignore[misc]  # kombu carries no types
    """One process's view of the folder."""

    @cached_property
    def _root(self) -> Path:
        return Path(unquote(self.connection.client.hostname.removeprefix(f"{SCHEME}://")))

    @cached_property
    def data_folder_in(self) -> Path:
        """Messages that wait."""
        return _made(self._root / "messages")

    @cached_property
    def data_folder_out(self) -> Path:
        """The same folder: what is sent is what is received."""
        return self.data_folder_in

    @cached_property
    def processed_folder(self) -> Path:
        """Messages between being claimed and being read."""
        return _made(self._root / "claimed")

    @cached_property
    def control_folder(self) -> Path:
        """Which queues are bound to which exchange."""
        return _made(self._root / "exchanges")

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Add a binding; kombu opens the table before it locks it, so that others read it empty or half written."""
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with (self.control_folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            bound = self.get_table(exchange)
            if binding not in bound:
                table = self._exchange_file(exchange)
                draft = table.with_name(f".{table.name}")
                draft.write_bytes(str_to_bytes(dumps([binding, *bound])))
                draft.rename(table)

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}.{queue}.msg"
        draft = self.data_folder_out / f".{name}"
        draft.write_bytes(str_to_bytes(dumps(payload)))
        draft.rename(self.data_folder_out / name)

    def _get(self, queue: str) -> Any:
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            claimed = self.processed_folder / name
            try:
                (self.data_folder_in / name).rename(claimed)
            except FileNotFoundError:
                continue  # another worker was faster
            payload = claimed.read_bytes()
            claimed.unlink()
            return loads(bytes_to_str(payload))
        raise Empty


class Transport(filesystem.Transport):  # type: ignore[misc]  # kombu carries no types
    """kombu's transport class for ``folder://`` URLs."""

    Channel = Channel
    can_parse_url = True
    driver_type = SCHEME
    driver_name = SCHEME


def register() -> None:
    """Make kombu know ``folder://`` in this process."""
    transport.TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
