"""Batches over all requests: what came while the workers were busy is read together.

A batch takes a piece of each request in turn, so that a request of hundreds of texts does not hold up one of a single
text. What waits is bounded; a request that finds no room is refused and told when to come again. None takes more than
half of the room, whatever its size: it leaves the rest to others, who do not wait for its end.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from service.problems import Busy

R = TypeVar("R")

# Larger batches are not faster by the piece, and whoever comes next waits longer.
_MOST_PIECES: Final = 16
_MOST_WORK: Final = 2_000

# A worker's rate, as long as nothing was measured, and how much of what was measured is kept from batch to batch.
_RATE: Final = 30_000
_MEMORY: Final = 0.95

_LONGEST_WAIT: Final = 60


def work(piece: str) -> int:
    """The work that a piece makes, measured in characters: reading any takes as long as 16 more of them."""
    return len(piece) + 16


@dataclass(eq=False)
class _Request(Generic[R]):
    """Pieces and where their results go; how much work waits, how many were taken, what was found by position."""

    pieces: Sequence[str]
    done: asyncio.Future[list[R]]
    waiting: int = 0
    taken: int = 0
    found: dict[int, R] = field(default_factory=dict)


class _Item(NamedTuple, Generic[R]):
    request: _Request[R]
    position: int

    @property
    def piece(self) -> str:
        return self.request.pieces[self.position]


class Batching(Generic[R]):
    """Reads pieces of text for all requests of a process.

    Attributes:
        waiting: how much waits, as :func:`work` measures it.
    """

    def __init__(
        self,
        read: Callable[[Sequence[str]], Sequence[R]],
        limiter: CapacityLimiter,
        *,
        room: int,
        clock: Callable[[], float],
    ) -> None:
        """
        Args:
            read: makes a result of each piece, in a worker thread; so many run at once as ``limiter`` has places.
            limiter: bounds the CPU work of the process.
            room: how much may wait, as :func:`work` measures it.
            clock: seconds, whose differences count.
        """
        self._read = read
        self._limiter = limiter
        self._room = room
        self._share = math.ceil(room / 2)
        self._held = 0  # of the room
        self._clock = clock
        self._workers = self._free = int(limiter.total_tokens)
        self._threads = CapacityLimiter(self._workers)
        self._requests: deque[_Request[R]] = deque()  # those with pieces that wait
        self.waiting = 0
        self._awake = asyncio.Event()  # something waits, or all is over
        self._over = False
        self._measured = float(_RATE)
        self._seconds = 1.0

    def submit(self, pieces: Sequence[str]) -> asyncio.Future[list[R]]:
        """The results of ``pieces``, of which there is one at least; cancel it to give up those that still wait.

        Raises:
            Busy: there is no room.
        """
        wanted = sum(map(work, pieces))
        self._require(wanted)
        request = _Request(pieces, asyncio.get_running_loop().create_future())
        self._requests.append(request)
        self._count(request, wanted)
        self._awake.set()
        request.done.add_done_callback(lambda _: self._forget(request))
        return request.done

    @contextmanager
    def place(self, characters: int) -> Iterator[None]:
        """Room for so many until they are cut into pieces, which waits for a worker, too, and submitted.

        Raises:
            Busy: there is none.
        """
        self._require(characters)
        held = min(characters, self._share)
        self._held += held
        try:
            yield
        finally:
            self._held -= held

    def _require(self, wanted: int) -> None:
        if self._held + min(wanted, self._share) > self._room:
            raise Busy("More texts are waiting than can be read soon; send this again later.", self._retry_after())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Within it pieces are read. What waits at the end is read before the end."""
        workers = [asyncio.create_task(self._serve()) for _ in range(self._workers)]
        try:
            yield
        finally:
            self._over = True
            self._awake.set()
            await asyncio.gather(*workers)

    async def _serve(self) -> None:
        while self._requests or not self._over:
            await self._awake.wait()
            if self._requests:
                await self._read_batch()

    async def _read_batch(self) -> None:
        began = self._clock()
        async with self._limiter:
            if not (batch := self._take()):
                return  # another worker was faster
            self._free -= 1
            results = await anyio.to_thread.run_sync(self._results, batch, limiter=self._threads)
            self._free += 1
        self._measure(batch, self._clock() - began)
        for item, result in results:
            self._deliver(item, result)

    def _take(self) -> list[_Item[R]]:
        """A batch of what waits, a piece of each request in turn; no more than the share of one of the free workers."""
        most = min(_MOST_WORK, math.ceil(self.waiting / self._free))
        batch: list[_Item[R]] = []
        while self._requests and len(batch) < _MOST_PIECES:
            request = self._requests[0]
            item = _Item(request, request.taken)
            most -= work(item.piece)
            if batch and most < 0:
                break
            batch.append(item)
            self._count(request, -work(item.piece))
            request.taken += 1
            self._requests.popleft()
            if request.taken < len(request.pieces):
                self._requests.append(request)
        self._rest()
        return batch

    def _forget(self, request: _Request[R]) -> None:
        """What waits of a request that has ended, because one of its pieces could not be read or nobody wants it."""
        if request.taken < len(request.pieces):
            self._requests.remove(request)
            self._count(request, -request.waiting)
            request.taken = len(request.pieces)
            self._rest()

    def _count(self, request: _Request[R], change: int) -> None:
        """So much more, or less, of ``request`` waits."""
        self._held -= min(request.waiting, self._share)
        request.waiting += change
        self.waiting += change
        self._held += min(request.waiting, self._share)

    def _rest(self) -> None:
        if not self._requests and not self._over:
            self._awake.clear()

    def _results(self, batch: Sequence[_Item[R]]) -> list[tuple[_Item[R], R | Exception]]:
        """The result of each item. An error is that of the one request in whose pieces it comes up."""
        try:
            return list(zip(batch, self._read([item.piece for item in batch]), strict=True))
        except Exception as error:
            apart: dict[_Request[R], list[_Item[R]]] = {}
            for item in batch:
                apart.setdefault(item.request, []).append(item)
            if len(apart) == 1:
                return [(item, error) for item in batch]
        return [result for part in apart.values() for result in self._results(part)]

    def _deliver(self, item: _Item[R], result: R | Exception) -> None:
        request = item.request
        if request.done.done():
            return
        if isinstance(result, Exception):
            request.done.set_exception(result)
            return
        request.found[item.position] = result
        if len(request.found) == len(request.pieces):
            request.done.set_result([request.found[position] for position in range(len(request.pieces))])

    def _measure(self, batch: Sequence[_Item[R]], seconds: float) -> None:
        self._measured = _MEMORY * self._measured + sum(work(item.piece) for item in batch)
        self._seconds = _MEMORY * self._seconds + max(seconds, 0)

    def _retry_after(self) -> int:
        """Seconds until what waits will have been read."""
        waiting = max(self.waiting, self._held)
        seconds = waiting * self._seconds / (self._measured * self._workers)
        return max(1, min(math.ceil(seconds), _LONGEST_WAIT))
