"""A real server on loopback, with deadlines of a fraction of a second and clients that do nothing, or too little."""

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from albert_core.bounded_connections import BoundedProtocol, check_address
from albert_core.errors import AlbertError

MOST = 20  # connections
REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
LARGE = b"x" * (1 << 25)  # more than all buffers of a socket


class Hasty(BoundedProtocol):
    head_timeout, write_timeout = 0.5, 0.5


async def app(scope, receive, send):
    body = LARGE if scope["path"] == "/large" else b"here"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def server():
    config = uvicorn.Config(app, port=0, http=Hasty, ws="none", lifespan="off", log_level="critical", limit_concurrency=MOST)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def answered(client):
    """Whether a request is answered."""
    client.sendall(REQUEST)
    received = b""
    while not received.endswith(b"here") and (block := client.recv(1000)):
        received += block
    return received.startswith(b"HTTP/1.1 200") and received.endswith(b"here")


def seconds_until_closed(client):
    """How long the other side keeps a connection of which nothing comes."""
    begun = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while client.recv(1 << 16):
            pass
    return time.monotonic() - begun


def open_files():
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


def test_who_says_nothing_or_drips_is_let_go_and_leaves_no_file(server):
    before = open_files()
    with contextlib.ExitStack() as stack:
        silent, dripping = (stack.enter_context(connect(server)) for _ in range(2))
        begun = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for byte in REQUEST * 10:
                dripping.sendall(bytes([byte]))
                time.sleep(0.05)
        assert 0.3 < time.monotonic() - begun < 3
        assert seconds_until_closed(silent) < 3
    time.sleep(0.2)
    assert open_files() <= before


def test_a_second_request_that_never_ends_is_let_go(server):
    with connect(server) as client:
        assert answered(client)
        client.sendall(REQUEST[:-2])
        assert 0.3 < seconds_until_closed(client) < 3


def test_a_client_that_asks_and_reads_is_kept(server):
    with connect(server) as client:
        for _ in range(8):  # longer than the deadline in all
            assert answered(client)
            time.sleep(0.1)


def test_who_does_not_read_is_let_go(server):
    with connect(server) as client:
        client.sendall(REQUEST.replace(b"/ ", b"/large "))
        time.sleep(1.5)
        received = 0
        with contextlib.suppress(ConnectionError):
            while block := client.recv(1 << 20):
                received += len(block)
        assert received < len(LARGE)
    with connect(server) as client:
        assert answered(client)


def test_more_connections_than_the_limit_are_closed_at_once(server):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(server)) for _ in range(MOST + 5)]
        assert all(seconds_until_closed(client) < 0.3 for client in clients[MOST:])
    time.sleep(0.2)
    with connect(server) as client:
        assert answered(client)


def test_an_address_that_is_taken_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AlbertError, match=rf"127\.0\.0\.1:{port} cannot be listened at: Address already in use\ngive another --port"):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)
