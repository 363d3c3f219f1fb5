"""What every request goes through before the service sees it: its body is no larger and no slower than the limits."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import JSONResponse

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class TooLargeError(Exception):
    """A body has more bytes than the limit."""


class Bounded:
    """ASGI middleware: a body of at most `max_bytes`, which is there within `timeout` seconds; each request is counted."""

    def __init__(self, app: Any, max_bytes: int, timeout: float, observe: Callable[[str, int, float], None]):
        """`observe(path, status, seconds)`; the path is "other" where there is none of that name, so that nobody can make new ones."""
        self.app, self.max_bytes, self.timeout, self.observe = app, max_bytes, timeout, observe

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = [500]

        async def counted(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        begun = asyncio.get_running_loop().time()
        try:
            body = await self._read(receive)
            await self.app(scope, _replay(body, receive), counted)
        except TooLargeError:
            await _refuse(scope, receive, counted, 413, f"a body has at most {self.max_bytes:,} bytes: send fewer texts at a time")
        except TimeoutError:
            await _refuse(scope, receive, counted, 408, f"the body was not there within {self.timeout:g} s")
        finally:
            path = scope["path"] if scope.get("route") is not None else "other"
            self.observe(path, status[0], asyncio.get_running_loop().time() - begun)

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        async with asyncio.timeout(self.timeout):  # of all of it: a byte every now and then would hold a connection for days
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return bytes(body)
                body += message.get("body", b"")
                if len(body) > self.max_bytes:
                    raise TooLargeError
                if not message.get("more_body"):
                    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """What gives the body that was read, then whatever comes after it."""
    given = False

    async def replay() -> dict[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refuse(scope: dict[str, Any], receive: Any, send: Any, status: int, detail: str) -> None:
    await JSONResponse({"detail": detail}, status, {"Connection": "close"})(scope, receive, send)
