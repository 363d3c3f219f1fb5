"""SIGTERM and SIGINT as a wish to stop, which a run grants after the step that it is in."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class StopRequest:
    """While entered, SIGTERM (a preemption) and SIGINT ask for a clean stop after the running step. A second one acts as always."""

    def __init__(self) -> None:
        self.requested = False
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._handlers[number] = signal.signal(number, self._handle)
            except ValueError:  # only the main thread may: elsewhere a signal is somebody else's business
                break
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(number, self._handlers[number])
