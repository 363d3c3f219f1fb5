"""Connections that cannot be held for nothing: uvicorn's HTTP protocol with a deadline for a request's head and for reading an answer.

a connection, or the next request on it ── head_timeout ─→ its head is there, else closed
an answer that fills the socket's buffers ── write_timeout ─→ read, else aborted
more connections than limit_concurrency: closed at once
"""

import asyncio
import resource
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from albert_core.errors import AlbertError

HEAD_TIMEOUT = 10.0  # seconds
WRITE_TIMEOUT = 30.0
FILES = 128  # that the process has open beside its connections


class BoundedProtocol(H11Protocol):
    """One connection. uvicorn has a timeout between requests, none for the first, nor for one whose head comes byte by byte."""

    head_timeout, write_timeout = HEAD_TIMEOUT, WRITE_TIMEOUT

    def __init__(self, *args: Any, **options: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*args, **options)
        self._head_deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there: it has so long to say what it wants."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
        else:
            self._head_deadline = self.loop.call_later(self.head_timeout, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes came. The deadline is over with the head, and begins again with the first byte of another."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._head_deadline is None and not self.transport.is_closing():
            self._head_deadline = self.loop.call_later(self.head_timeout, self.transport.abort)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read most of it."""
        super().resume_writing()
        self._forget_write()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over: no timer stays."""
        self._forget_head()
        super().connection_lost(exc)
        self._forget_write()

    def _forget_head(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _forget_write(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None


def check_address(host: str, port: int) -> None:
    """Refuse an address that is taken or none of this machine's, before a model is loaded for it.

    Raises:
      AlbertError: the system's reason is named.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror or error).split(" (")[0]
        raise AlbertError(f"{host}:{port} cannot be listened at: {reason}\ngive another --port, 0 for a free one, or --host") from error


def run_server(app: Any, *, host: str, port: int, max_connections: int, seconds_to_finish: int) -> None:
    """Serve `app` until SIGTERM or SIGINT, then answer what has been taken."""
    wanted, (soft, hard) = max_connections + FILES, resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:  # 1,024 is common; each connection is a file
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    uvicorn.run(
        app, host=host, port=port, http=BoundedProtocol, ws="none", log_level="info", access_log=False, server_header=False,
        limit_concurrency=max_connections, timeout_graceful_shutdown=seconds_to_finish,
    )  # fmt: skip
