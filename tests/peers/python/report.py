"""One line a check, and an exit code that tells whether all of them held."""

import traceback
from collections.abc import Awaitable, Callable

import anyio

PATIENCE = 20
"""Longest time one check may take, in seconds."""


class Report:
    """Counts checks; `finish` gives the exit code."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    async def check(self, name: str, body: Callable[[], Awaitable[None]]) -> bool:
        """Runs `body`; it passes when `body` returns and fails when it raises or outlasts `PATIENCE`."""
        try:
            with anyio.fail_after(PATIENCE):
                await body()
        except Exception:
            self.fail(name)
            return False
        self.passed += 1
        print(f"ok    {name}", flush=True)
        return True

    def fail(self, name: str) -> None:
        """Counts the exception that is being handled as the failure of `name`."""
        self.failed += 1
        print(f"FAIL  {name}", flush=True)
        print(traceback.format_exc().replace("\n", "\n      "), flush=True)

    def finish(self) -> int:
        """Prints the sum; no check at all is a failure too."""
        print(f"{self.passed} checks passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def equal(actual: object, expected: object) -> None:
    """Like `assert ==`, but says both sides, and holds under `python -O`."""
    if actual != expected:
        raise AssertionError(f"got {actual!r}, expected {expected!r}")


def holds(condition: object, message: str) -> None:
    """Like `assert`, but holds under `python -O`."""
    if not condition:
        raise AssertionError(message)
