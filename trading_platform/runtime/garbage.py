"""Freeing what only the garbage collector can free, before it adds up: for processes that run for weeks.

A closed WebSocket is a cycle of some thirty objects, two of which are the zlib contexts of its compression: 0.4 MB.
Python counts objects, not bytes. What has lived through its frequent collections waits for a full one, and that comes
when a quarter as many objects have grown old as were there already: 300 000 after start-up. So hundreds of connections
wait, and the heap they leave full of holes isn't given back.
"""

from __future__ import annotations

import asyncio
import gc

COLLECT_SECONDS = 60.0


async def collect_garbage(every_seconds: float = COLLECT_SECONDS) -> None:
    """Collect now and then, until cancelled; begin it once per process.

    What is alive at the first time, modules above all, is set aside and never looked through again: a collection
    takes 1 ms instead of 0.2 s, in which nothing would be heard. Should one of those objects end in a cycle later,
    such as the first connection, it is kept: once, not once per connection.
    """
    await asyncio.sleep(every_seconds)
    gc.collect()
    gc.freeze()
    while True:
        await asyncio.sleep(every_seconds)
        gc.collect()
