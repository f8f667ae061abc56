"""One invocation of a function as a thread that stops before each call that others could notice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

_LOCAL = threading.local()


class KilledError(BaseException):
    """The process is gone: not an Exception, so that nothing catches it."""


class Attempt:
    """Runs `body` up to its next stop each time that it is stepped. `live`: its machine still listens to it."""

    def __init__(self, execution: int, task: str, skew: float, body: Callable[[], Any]) -> None:
        self.execution, self.task, self.skew, self.live = execution, task, skew, True
        self.at, self.done, self.eager = "begins", False, 1.0
        self.result: Any = None
        self.error: Exception | None = None
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self._thread = threading.Thread(target=self._run, args=(body,), daemon=True)
        self._thread.start()

    def step(self) -> None:
        self._go.release()
        self._back.acquire()

    def kill(self) -> None:
        if not self.done:
            self._killed = True
            self.step()
            self._thread.join()

    def stop_at(self, what: str) -> None:
        self.at = what
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise KilledError

    def _run(self, body: Callable[[], Any]) -> None:
        _LOCAL.attempt = self
        self._go.acquire()
        try:
            if not self._killed:
                self.result = body()
        except KilledError:
            pass
        except Exception as error:  # noqa: BLE001 - what a function raises is what its machine gets
            self.error = error
        self.done = True
        self._back.release()


def stop_at(what: str) -> None:
    """Called by a port: whoever calls it may sleep here for as long as it likes."""
    current = getattr(_LOCAL, "attempt", None)
    if current is not None:
        current.stop_at(what)


def skew() -> float:
    """Seconds by which the clock of whoever calls is ahead."""
    current = getattr(_LOCAL, "attempt", None)
    return 0.0 if current is None else current.skew
