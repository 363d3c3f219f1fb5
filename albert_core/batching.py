"""Requests that come one by one, answered together: a model works on thirty-two texts in little more time than on one.

request ─┐
request ─┼─ queue, bounded ─ a batch: up to MAX items, or what came within the wait ─ one call in a thread ─ answers, each to its own
request ─┘
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


class QueueFullError(Exception):
    """More waits than the queue may hold: the caller should come again later."""


@dataclass
class _Waiting:
    items: Sequence[Any]
    answers: "asyncio.Future[list[Any]]"
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """Gathers items of many requests into calls of `answer`. One event loop, one call at a time."""

    def __init__(self, answer: Callable[[list[Any]], list[Any]], *, max_batch: int, max_wait: float, max_queue: int):
        """A batcher that has not begun: `run` it.

        Args:
          answer: items in, as many answers out; runs in a thread.
          max_batch: items of a call; a larger request is a call of its own.
          max_wait: seconds that the first item of a call waits for others.
          max_queue: items that may wait; more are refused.
        """
        self._answer, self._max_batch, self._max_wait, self._max_queue = answer, max_batch, max_wait, max_queue
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self.num_waiting = 0
        self.observe: Callable[[int, float], None] = lambda items, seconds: None

    async def submit(self, items: Sequence[Any]) -> list[Any]:
        """The answers to `items`. A caller that is cancelled frees its place; nothing is computed for it if its turn has not come.

        Raises:
          QueueFullError: at once, when there is no room.
        """
        if self.num_waiting + len(items) > self._max_queue:
            raise QueueFullError
        self.num_waiting += len(items)
        waiting = _Waiting(items, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        try:
            return await waiting.answers
        finally:
            self.num_waiting -= len(items)

    async def run(self) -> None:
        """Answer until cancelled."""
        left: _Waiting | None = None
        while True:
            batch = [left or await self._queue.get()]
            left = await self._gather(batch)
            wanted = [waiting for waiting in batch if not waiting.answers.done()]  # the others have gone away
            if wanted:
                await self._call(wanted)

    async def _gather(self, batch: list[_Waiting]) -> _Waiting | None:
        """Fill `batch` from the queue; one that does not fit any more is returned."""
        count, until = len(batch[0].items), batch[0].since + self._max_wait
        while count < self._max_batch:
            try:
                waiting = (
                    await asyncio.wait_for(self._queue.get(), until - time.monotonic()) if self._queue.empty() else self._queue.get_nowait()
                )
            except TimeoutError:
                break
            if count + len(waiting.items) > self._max_batch:
                return waiting
            batch.append(waiting)
            count += len(waiting.items)
        return None

    async def _call(self, batch: list[_Waiting]) -> None:
        items = [item for waiting in batch for item in waiting.items]
        begun = time.monotonic()
        try:
            answers = await asyncio.to_thread(self._answer, items)
        except Exception as error:
            for waiting in batch:
                if not waiting.answers.done():
                    waiting.answers.set_exception(error)
            return
        self.observe(len(items), time.monotonic() - begun)
        at = 0
        for waiting in batch:
            if not waiting.answers.done():
                waiting.answers.set_result(answers[at : at + len(waiting.items)])
            at += len(waiting.items)
