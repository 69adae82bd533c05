"""The broker in a folder: nothing lost, nothing doubled, nothing half read."""

from __future__ import annotations

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

from trading_platform.runtime import folder_queue

WORKERS, MESSAGES = 3, 300


@pytest.fixture
def url(tmp_path: Path) -> str:
    folder_queue.register()
    # kombu remembers bindings for the whole process, whichever folder they were made in
    folder_queue.Transport.global_state.clear()
    return f"folder://{tmp_path}/a folder"


def test_messages_come_back_once_and_in_order(url: str) -> None:
    with Connection(url) as connection:
        queue = connection.SimpleQueue("market")
        for number in range(20):
            queue.put({"number": number})

        assert _drain(queue) == [{"number": number} for number in range(20)]


def test_queues_are_apart(url: str) -> None:
    with Connection(url) as connection:
        connection.SimpleQueue("trading").put("sell")
        connection.SimpleQueue("market").put("look")

    for name, expected in (("trading", ["sell"]), ("market", ["look"])):
        with Connection(url) as connection:
            assert _drain(connection.SimpleQueue(name)) == expected


def test_a_message_being_written_is_not_seen(url: str, tmp_path: Path) -> None:
    with Connection(url) as connection:
        queue = connection.SimpleQueue("market")
        queue.put("whole")
        messages = tmp_path / "a folder" / "messages"
        [name] = os.listdir(messages)
        (messages / f".0{name}").write_text("{half")

        assert _drain(queue) == ["whole"]


def test_what_many_readers_take_is_what_was_sent(url: str) -> None:
    all_sent = threading.Event()

    def read() -> list[int]:
        with Connection(url) as connection:
            queue = connection.SimpleQueue("market", no_ack=True)
            taken: list[int] = []
            while not all_sent.is_set():
                taken += _drain(queue)
            return taken + _drain(queue)

    with ThreadPoolExecutor(WORKERS) as pool, Connection(url) as connection:
        queue = connection.SimpleQueue("market")  # bound before the others: kombu shares who is bound among threads
        readers = [pool.submit(read) for _ in range(WORKERS)]
        try:
            for number in range(MESSAGES):
                queue.put(number)
        finally:
            all_sent.set()
        received = Counter(number for reader in readers for number in reader.result())

    assert received == Counter(range(MESSAGES))


def test_many_that_bind_at_once_are_all_bound(url: str) -> None:
    names = [f"queue{number}" for number in range(12)]
    together = threading.Barrier(len(names))

    def bind(name: str) -> None:
        with Connection(url) as connection:
            queue = Queue(name, Exchange("runs"), routing_key="run")
            together.wait()
            queue(connection.channel()).declare()

    for _ in range(5):
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(bind, names))

    with Connection(url) as connection:
        connection.Producer(exchange=Exchange("runs"), routing_key="run").publish("look")
        assert [_drain(connection.SimpleQueue(name)) for name in names] == [["look"]] * len(names)


def _drain(queue: Any) -> list[Any]:
    taken: list[Any] = []
    while True:
        try:
            message = queue.get(block=False)
        except queue.Empty:
            return taken
        message.ack()
        taken.append(message.payload)
