"""A call that goes on beside what its caller does meanwhile."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class UnderWay(Generic[T]):
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._outcome: Callable[[], T] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            result = self._call()
        except BaseException as error:
            failure = error

            def fail() -> T:
                raise failure

            self._outcome = fail
        else:
            self._outcome = lambda: result

    def result(self) -> T:
        """Wait for the call; its result, or what it raised."""
        self.drop()
        assert self._outcome is not None
        return self._outcome()

    def drop(self) -> None:
        """Wait for the call, whatever comes of it."""
        self._thread.join()


class Deferred(Generic[T]):
    """The same without a thread: the call is made when its result is wanted, or never."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call

    def result(self) -> T:
        """Make the call."""
        return self._call()

    def drop(self) -> None:
        """Nothing is under way."""
