import asyncio
import threading

import pytest

from albert_core.batching import Batcher, QueueFullError


def run(batcher, work):
    """`work` while the batcher runs."""

    async def both():
        task = asyncio.create_task(batcher.run())
        try:
            return await work
        finally:
            task.cancel()

    return asyncio.run(both())


def test_requests_that_come_together_are_answered_in_one_call_each_its_own():
    calls = []
    batcher = Batcher(lambda items: calls.append(list(items)) or [10 * item for item in items], max_batch=8, max_wait=0.2, max_queue=99)

    async def ask():
        return await asyncio.gather(batcher.submit([1, 2]), batcher.submit([3]), batcher.submit([4, 5, 6, 7]), batcher.submit([8, 9]))

    assert run(batcher, ask()) == [[10, 20], [30], [40, 50, 60, 70], [80, 90]]
    assert calls == [[1, 2, 3, 4, 5, 6, 7], [8, 9]]  # the last would have made nine
    assert batcher.num_waiting == 0


def test_a_request_larger_than_a_batch_is_a_call_of_its_own():
    calls = []
    batcher = Batcher(lambda items: calls.append(len(items)) or items, max_batch=2, max_wait=0.01, max_queue=99)
    assert run(batcher, batcher.submit(range(5))) == [0, 1, 2, 3, 4]
    assert calls == [5]


def test_a_full_queue_refuses_at_once_and_a_caller_that_leaves_makes_room():
    go = threading.Event()
    calls = []

    def answer(items):
        calls.append(list(items))
        go.wait(10)
        return items

    batcher = Batcher(answer, max_batch=1, max_wait=0.0, max_queue=3)

    async def work():
        first, second, third = (asyncio.create_task(batcher.submit([number])) for number in (1, 2, 3))
        await asyncio.sleep(0.1)
        with pytest.raises(QueueFullError):
            await batcher.submit([4])
        second.cancel()
        await asyncio.sleep(0)
        last = asyncio.create_task(batcher.submit([5]))
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(first, third, last)

    assert run(batcher, work()) == [[1], [3], [5]]
    assert calls == [[1], [3], [5]]  # nothing was computed for the one that left


def test_an_error_reaches_those_of_its_call_and_the_next_call_works():
    def answer(items):
        if 0 in items:
            raise ValueError("zero")
        return items

    batcher = Batcher(answer, max_batch=2, max_wait=0.05, max_queue=9)

    async def work():
        results = await asyncio.gather(batcher.submit([0]), batcher.submit([1]), return_exceptions=True)
        return results, await batcher.submit([2])

    failed, after = run(batcher, work())
    assert [str(error) for error in failed] == ["zero", "zero"]
    assert after == [2]
