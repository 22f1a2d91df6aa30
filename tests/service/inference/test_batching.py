"""Batches over all requests, read by doubles; nothing is read before all that is to wait has come."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event

import pytest
from anyio import CapacityLimiter
from hypothesis import given
from hypothesis import strategies as st

from service.inference.batching import Batching, work
from service.problems import Busy

pytestmark = pytest.mark.anyio

ROOM = 1_000
PIECE = work("piece 00")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Reader:
    """Shouts pieces, keeps the batches, and takes ``seconds`` of a clock for each."""

    seconds: float = 0
    now: float = 0
    batches: list[list[str]] = field(default_factory=list)

    def __call__(self, pieces: Sequence[str]) -> list[str]:
        self.batches.append(list(pieces))
        self.now += self.seconds
        if "poison" in pieces:
            raise ValueError("poison")
        return [piece.upper() for piece in pieces]


@dataclass
class Process:
    """Batching whose workers wait until they are let go; before, there is another use for every place."""

    batching: Batching[str]
    limiter: CapacityLimiter
    places: list[object]

    def submit(self, *pieces: str) -> asyncio.Future[list[str]]:
        return self.batching.submit(pieces)

    def go(self) -> None:
        while self.places:
            self.limiter.release_on_behalf_of(self.places.pop())


@asynccontextmanager
async def process(read: Callable[[Sequence[str]], Sequence[str]], *, places: int = 1, room: int = ROOM):
    limiter = CapacityLimiter(places)
    taken = [object() for _ in range(places)]
    for place in taken:
        limiter.acquire_on_behalf_of_nowait(place)
    clock = (lambda: read.now) if isinstance(read, Reader) else (lambda: 0)
    batching = Batching(read, limiter, room=room, clock=clock)
    process = Process(batching, limiter, taken)
    async with batching.running():
        try:
            yield process
        finally:
            process.go()


def pieces(count: int, name: str = "piece") -> list[str]:
    return [f"{name} {number:02}" for number in range(count)]


async def test_a_request_gets_the_results_of_its_pieces_in_their_order():
    async with process(Reader()) as serving:
        one, other = serving.submit(*pieces(40)), serving.submit("other")
        serving.go()
        assert await one == [piece.upper() for piece in pieces(40)]
        assert await other == ["OTHER"]


async def test_what_waits_for_a_worker_is_read_together():
    reader = Reader()
    async with process(reader) as serving:
        waiting = [serving.submit(piece) for piece in pieces(5)]
        serving.go()
        await asyncio.gather(*waiting)
        assert reader.batches == [pieces(5)]


async def test_a_single_text_does_not_wait_for_a_batch_of_hundreds():
    reader = Reader()
    async with process(reader, room=100_000) as serving:
        bulk = [serving.submit(*pieces(90, "one")), serving.submit(*pieces(90, "two"))]
        single = serving.submit("single")
        serving.go()
        await asyncio.gather(single, *bulk)
        first = reader.batches[0]
        assert first[:5] == ["one 00", "two 00", "single", "one 01", "two 01"]
        # Where a batch ends, the next one goes on.
        assert reader.batches[1][0].split()[0] != first[-1].split()[0]


async def test_no_batch_takes_so_much_that_the_next_has_to_wait_long():
    reader = Reader()
    async with process(reader, room=100_000) as serving:
        waiting = [serving.submit(*pieces(100)), serving.submit(*["x" * 1_500] * 3), serving.submit("y" * 9_000)]
        serving.go()
        await asyncio.gather(*waiting)
    assert max(map(len, reader.batches)) == 16
    for batch in reader.batches:
        assert len(batch) == 1 or sum(map(work, batch)) <= 2_000


async def test_workers_that_are_free_share_what_waits():
    started: list[Sequence[str]] = []
    both = Event()

    def read(batch: Sequence[str]) -> Sequence[str]:
        started.append(batch)
        if len(started) == 2:
            both.set()
        assert both.wait(30)
        return batch

    async with process(read, places=2) as serving:
        waiting = [serving.submit(piece) for piece in pieces(8)]
        serving.go()
        await asyncio.gather(*waiting)
    assert sorted(map(len, started)) == [4, 4]


async def test_a_place_is_taken_while_it_is_read_and_given_back():
    borrowed = []

    def read(batch: Sequence[str]) -> Sequence[str]:
        borrowed.append(serving.limiter.borrowed_tokens)
        return batch

    async with process(read) as serving:
        serving.go()
        await serving.submit("piece")
    assert borrowed == [1]
    assert serving.limiter.borrowed_tokens == 0


class TestErrors:
    async def test_one_reaches_the_request_whose_piece_it_is_and_no_other(self):
        reader = Reader()
        async with process(reader) as serving:
            well, ill, fine = serving.submit("well"), serving.submit("fair", "poison"), serving.submit("fine")
            serving.go()
            assert (await well, await fine) == (["WELL"], ["FINE"])
            with pytest.raises(ValueError, match="poison"):
                await ill

    async def test_what_waits_of_that_request_is_not_read(self):
        reader = Reader()
        async with process(reader) as serving:
            ill = serving.submit("poison", *pieces(30))
            serving.go()
            with pytest.raises(ValueError, match="poison"):
                await ill
            assert await serving.submit("next") == ["NEXT"]
        assert reader.batches == [["poison", *pieces(15)], ["next"]]


class TestGivingUp:
    async def test_what_waits_of_a_cancelled_request_is_not_read_and_leaves_room(self):
        reader = Reader()
        async with process(reader, room=4 * PIECE) as serving:
            given_up, kept = serving.submit(*pieces(2)), serving.submit("piece 02")
            with pytest.raises(Busy):
                serving.submit(*pieces(2, "other"))
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            more = serving.submit(*pieces(2, "other"))
            serving.go()
            assert (await kept, await more) == (["PIECE 02"], ["OTHER 00", "OTHER 01"])
        assert reader.batches == [["piece 02", "other 00", "other 01"]]

    async def test_a_request_whose_pieces_are_being_read_harms_nobody(self):
        reading, gone = asyncio.Event(), Event()
        loop = asyncio.get_running_loop()

        def read(batch: Sequence[str]) -> Sequence[str]:
            loop.call_soon_threadsafe(reading.set)
            assert gone.wait(30)
            return batch

        async with process(read) as serving:
            given_up, kept = serving.submit("given up", *pieces(30)), serving.submit("kept")
            serving.go()
            await reading.wait()
            given_up.cancel()
            gone.set()
            assert await kept == ["kept"]
            with pytest.raises(asyncio.CancelledError):
                await given_up


class TestRoom:
    async def test_what_does_not_fit_is_refused_and_what_waits_is_read(self):
        async with process(Reader(), room=4 * PIECE) as serving:
            waiting = [serving.submit(*pieces(2)), serving.submit("piece 03")]
            with pytest.raises(Busy):
                serving.submit(*pieces(2))
            waiting.append(serving.submit("piece 04"))
            with pytest.raises(Busy):
                serving.submit("piece 05")
            serving.go()
            assert [len(await request) for request in waiting] == [2, 1, 1]
            assert len(await serving.submit(*pieces(2))) == 2

    async def test_what_is_still_to_be_cut_into_pieces_has_its_place(self):
        async with process(Reader(), room=4 * PIECE) as serving:
            with serving.batching.place(2 * PIECE):
                waiting = [serving.submit(*pieces(2))]
                with pytest.raises(Busy):
                    serving.submit("piece 03")
                with pytest.raises(Busy), serving.batching.place(1):
                    pass
            waiting.append(serving.submit(*pieces(2)))
            serving.go()
            assert [len(await request) for request in waiting] == [2, 2]

    async def test_a_request_of_any_size_takes_half_of_the_room_at_most(self):
        async with process(Reader(), room=4 * PIECE) as serving:
            large = serving.submit(*pieces(100))
            small = serving.submit("small"), serving.submit("small")
            with pytest.raises(Busy):
                serving.submit(*pieces(100))
            serving.go()
            assert [len(await request) for request in (large, *small)] == [100, 1, 1]
            assert serving.batching.waiting == 0

    async def test_it_makes_room_as_it_comes_to_its_end(self):
        reading, on = asyncio.Event(), Event()
        loop = asyncio.get_running_loop()

        def read(batch: Sequence[str]) -> Sequence[str]:
            loop.call_soon_threadsafe(reading.set)
            assert on.wait(30)
            return batch

        async with process(read, room=4 * PIECE) as serving:
            waiting = [serving.submit(*pieces(17)), serving.submit(*pieces(17))]
            with pytest.raises(Busy):
                serving.submit("piece 00")
            serving.go()
            await reading.wait()  # 16 of 34 are taken, and none of both requests is near its end
            with pytest.raises(Busy):
                serving.submit("piece 00")
            on.set()
            assert [len(await request) for request in waiting] == [17, 17]
            assert len(await serving.submit("piece 00")) == 1

    async def test_the_smallest_room_is_for_one_request(self):
        async with process(Reader(), room=1) as serving:
            waiting = serving.submit(*pieces(3))
            with pytest.raises(Busy):
                serving.submit("small")
            serving.go()
            assert len(await waiting) == 3

    @pytest.mark.parametrize(("places", "seconds", "retry_after"), [(1, 2.0, "12"), (2, 2.0, "6"), (1, 100.0, "60")])
    async def test_the_time_to_come_again_is_what_reading_takes(self, places, seconds, retry_after):
        reader = Reader(seconds)
        async with process(reader, places=places, room=ROOM) as serving:
            serving.go()
            for _ in range(200):  # each takes a worker so long, whatever was thought before
                await serving.submit("x" * 84)
            taken = [object() for _ in range(places)]
            for place in taken:
                serving.limiter.acquire_on_behalf_of_nowait(place)
            waiting = [serving.submit("x" * 84) for _ in range(6)]
            with pytest.raises(Busy) as refusal:
                serving.submit("x" * ROOM)
            assert refusal.value.headers == {"Retry-After": retry_after}
            for place in taken:
                serving.limiter.release_on_behalf_of(place)
            await asyncio.gather(*waiting)

    async def test_before_anything_was_measured_there_is_a_guess(self):
        async with process(Reader(), room=1) as serving:  # 30,000 characters a second
            waiting = serving.submit("x" * 99_984)
            with pytest.raises(Busy) as refusal:
                serving.submit("small")
            assert refusal.value.headers == {"Retry-After": "4"}
            serving.go()
            await waiting


async def test_what_waits_at_the_end_is_read_before_the_end():
    reader = Reader()
    async with process(reader) as serving:
        waiting = [serving.submit(*pieces(20)), serving.submit("last")]
    assert all(request.done() for request in waiting)
    assert waiting[1].result() == ["LAST"]


@given(st.lists(st.lists(st.text(max_size=50) | st.just("poison"), min_size=1, max_size=40), max_size=8))
def test_whatever_comes_together_everybody_gets_their_own(requests):
    async def serve() -> None:
        reader = Reader()
        async with process(reader, places=2, room=1_000_000) as serving:
            waiting = [serving.submit(*request) for request in requests]
            serving.go()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
        for request, answer in zip(requests, answers, strict=True):
            if "poison" in request:
                assert isinstance(answer, ValueError)
            else:
                assert answer == [piece.upper() for piece in request]

    asyncio.run(serve())
