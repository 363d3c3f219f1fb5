"""The service mistreated on loopback: a flood of oversized, malformed and slow requests, thousands of good ones, a kill among them.

python -m tests.benchmarks.serving_faults MODEL FILE [REQUESTS]     a fine-tuned model of one text, and texts for it, one a line
"""

import asyncio
import collections
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import httpx

from albert_core.task_model import TaskModel
from tests.benchmarks.serving import PROGRAM, TOLERANCE, memory

CLIENTS = 16
SLOW = 50  # connections of each slow kind
BAD: dict[str, dict[str, Any]] = {
    "oversized": {"content": b"x" * (2 << 20)},
    "no JSON": {"content": b'{"texts": [', "headers": {"Content-Type": "application/json"}},
    "not UTF-8": {"content": b"\xff\xfe\x00", "headers": {"Content-Type": "application/json"}},
    "too many texts": {"json": {"texts": ["花"] * 1000}},
    "too long": {"json": {"texts": ["花" * 100_000]}},
    "another field": {"json": {"texts": ["花"], "model": "/etc/passwd"}},
}
DRIPS = {  # sent at once, then byte by byte
    "silent": (b"", b""),
    "head byte by byte": (b"POST /v1/predict HTTP/1.1\r\nHost: here\r\n", b"X-Y: z\r\n" * 100),
    "body byte by byte": (b"POST /v1/predict HTTP/1.1\r\nHost: here\r\nContent-Length: 5000\r\n\r\n", b" " * 4000),
}


class Service:
    """A server process at a port of its own."""

    def __init__(self, model: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.model, self.url = model, f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Seconds until it is ready."""
        begun = time.perf_counter()
        command = [*PROGRAM, "serve", "--model", self.model, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    return time.perf_counter() - begun
            time.sleep(0.1)

    def files(self) -> int:
        """Files that it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def state(self) -> str:
        """Memory and files."""
        return f"{memory(self.process.pid):.0f} MB resident, {self.files()} files open"


class Asked:
    """Texts, and what the model itself answers."""

    def __init__(self, model: str, file: str):
        task = TaskModel.load(model)
        self.texts = [line for line in Path(file).read_text(encoding="utf-8").split("\n") if line.strip()][:200]
        records = [task.record_of([text]) for text in self.texts]
        self.expected = [task.describe(record, answer) for record, answer in zip(records, task.answer(records), strict=True)]

    async def ask(self, http: httpx.AsyncClient, url: str, at: int) -> bool:
        """Whether the answer to a text is that of the model."""
        answer = await http.post(f"{url}/v1/predict", json={"texts": [self.texts[at % len(self.texts)]]})
        if answer.status_code != 200:
            return False
        said, wanted = answer.json()["answers"][0], self.expected[at % len(self.texts)]
        return bool(said["label"] == wanted["label"] and abs(said["probability"] - wanted["probability"]) <= TOLERANCE)


async def good(asked: Asked, url: str, requests: int) -> tuple[int, float]:
    """(answers that are wrong or missing, requests a second) of so many requests by CLIENTS clients."""
    wrong, begun = 0, time.perf_counter()

    async def client(number: int, http: httpx.AsyncClient) -> None:
        nonlocal wrong
        for at in range(number, requests, CLIENTS):
            wrong += not await asked.ask(http, url, at)

    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*(client(number, http) for number in range(CLIENTS)))
    return wrong, requests / (time.perf_counter() - begun)


async def flood(asked: Asked, service: Service, requests: int) -> None:
    """Good requests, while others send what cannot be answered, and hold connections."""
    statuses: collections.Counter[str] = collections.Counter()
    done = asyncio.Event()

    async def bad(name: str, request: dict[str, Any], http: httpx.AsyncClient) -> None:
        while not done.is_set():
            try:
                answer = await http.post(f"{service.url}/v1/predict", **request)
                statuses[f"{name} {answer.status_code}"] += 1
            except httpx.TransportError as error:
                statuses[f"{name} {type(error).__name__}"] += 1
            await asyncio.sleep(0.05)

    async def slow(head: bytes, content: bytes) -> float:
        """Seconds until the service closes a connection that sends a byte every half second."""
        begun = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        with contextlib.suppress(ConnectionError):
            writer.write(head)
            for at in range(10**6):
                writer.write(content[at : at + 1])
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    if not await asyncio.wait_for(reader.read(1000), 0.5):
                        break
        writer.close()
        return time.perf_counter() - begun

    async with httpx.AsyncClient(timeout=60) as http:
        bads = [asyncio.create_task(bad(name, request, http)) for name, request in BAD.items()]
        slows = {name: [asyncio.create_task(slow(*sent)) for _ in range(SLOW)] for name, sent in DRIPS.items()}
        wrong, rate = await good(asked, service.url, requests)
        print(f"{requests} good requests in the flood: {wrong} wrong or refused, {rate:.0f} a second")
        done.set()
        await asyncio.gather(*bads)
        for name, tasks in slows.items():
            print(f"  {SLOW} connections, {name}: closed after {max(await asyncio.gather(*tasks)):.0f} s at most")
    for name, count in sorted(statuses.items()):
        print(f"  {name}: {count}")


async def kill(asked: Asked, service: Service) -> None:
    """SIGKILL with requests in flight: how long each client waits for its error."""
    waits: list[float] = []

    async def client(number: int, http: httpx.AsyncClient) -> None:
        with contextlib.suppress(httpx.TransportError):
            while True:
                await asked.ask(http, service.url, number)
        waits.append(time.perf_counter() - killed)

    killed = float("inf")
    async with httpx.AsyncClient(timeout=60) as http:
        clients = [asyncio.create_task(client(number, http)) for number in range(CLIENTS)]
        await asyncio.sleep(2)
        service.process.send_signal(signal.SIGKILL)
        killed = time.perf_counter()
        await asyncio.gather(*clients)
    print(f"killed with {CLIENTS} requests in flight: all had an error after {max(waits):.2f} s; status {service.process.wait()}")


def main(model: str, file: str, requests: int = 5000) -> None:
    """Prints what came out."""
    asked, service = Asked(model, file), Service(model)
    try:
        print(f"ready after {service.start():.0f} s: {service.state()}")
        asyncio.run(flood(asked, service, requests // 5))
        time.sleep(1)
        print(f"after the flood: {service.state()}")
        for part in (1, 1, 2):  # 1, 2 and 4 times as many in all
            wrong, rate = asyncio.run(good(asked, service.url, part * requests))
            time.sleep(6)  # until connections that were kept alive are closed
            print(f"{part * requests} requests more: {wrong} wrong, {rate:.0f} a second; {service.state()}")
        asyncio.run(kill(asked, service))
        print(f"started again at the same port: ready after {service.start():.0f} s")
        wrong, _ = asyncio.run(good(asked, service.url, 200))
        print(f"200 requests: {wrong} wrong")
    finally:
        service.process.kill()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
