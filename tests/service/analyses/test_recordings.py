"""Recordings that several analyses may need, however what adds and what removes them interleaves."""

import asyncio
import os
import threading
from pathlib import Path

import pytest
from sqlalchemy import event

from service.analyses.audio_files import AudioFiles
from service.analyses.recordings import Recordings
from service.analyses.rows import Analysis, AudioFile
from service.analyses.states import ErasureReason, Status, Step
from service.analyses.store import Outcome, Store
from tests.service.analyses.conftest import LEASE_MS
from tests.service.analyses.kit import CALL, WORDLESS, create, recording, rows

pytestmark = pytest.mark.anyio

DIGEST = recording().digest
DONE = Outcome(Step.done, None, result="{}", changes={"status": Status.completed})


class Held(AudioFiles):
    """Stops in the middle of what it is told to stop in, until it is let go on."""

    def __init__(self, url: Path) -> None:
        super().__init__(url)
        self.stop_in = ""
        self.stopped = threading.Event()
        self.go_on = threading.Event()
        self.was_put = threading.Event()

    def put(self, digest, file) -> None:
        self._hold("before put")
        super().put(digest, file)
        self.was_put.set()
        self._hold("after put")

    def delete(self, digest) -> None:
        self._hold("before delete")
        super().delete(digest)
        self._hold("after delete")

    def _hold(self, place: str) -> None:
        if place == self.stop_in:
            self.stop_in = ""
            self.stopped.set()
            assert self.go_on.wait(30)


class Broken(AudioFiles):
    def delete(self, digest) -> None:
        raise OSError("the disk is on fire")


@pytest.fixture
def files(tmp_path):
    return Held(tmp_path / "audio")


def age(files, path: Path, hours: float) -> None:
    """Let a recording have been put that long before the beginning of the test's time."""
    at = 1_769_846_400 - 3600 * hours
    os.utime(next(path.rglob(DIGEST)), (at, at))


async def test_one_recording_is_kept_once_and_until_the_last_analysis_has_ended(store, files):
    first, second = await create(store, **WORDLESS), await create(store, **WORDLESS)
    assert first.audio == second.audio == DIGEST
    assert len(await rows(store.database, AudioFile)) == 1
    await store.erase(first.id, ErasureReason.request)
    assert files.exists(DIGEST)
    row = await store.take(second.id)
    await store.settle(row, DONE, keep=False)
    assert not files.exists(DIGEST)
    assert await rows(store.database, AudioFile) == []
    assert (await store.get(second.id)).audio is None


async def test_the_same_recording_may_come_again_after_it_was_removed(store, files):
    await store.erase((await create(store)).id, ErasureReason.request)
    again = await create(store)
    with files.open(again.audio) as file:
        assert file.read() == CALL


@pytest.mark.parametrize("place", ["before delete", "after delete"])
async def test_what_comes_while_it_is_removed_is_there_afterwards(store, files, place):
    first = await create(store)
    files.stop_in = place
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.erase(first.id, ErasureReason.request))
        await asyncio.to_thread(files.stopped.wait, 30)
        files.was_put.clear()
        coming = tasks.create_task(create(store))
        await asyncio.to_thread(files.was_put.wait, 30)  # and now it waits for the one that removes
        files.go_on.set()
    assert (await store.get(coming.result().id)).audio == DIGEST
    assert files.exists(DIGEST)


@pytest.mark.parametrize("place", ["before put", "after put"])
async def test_what_is_removed_while_it_comes_is_there_afterwards(store, files, place):
    first = await create(store)
    files.stop_in = place
    async with asyncio.TaskGroup() as tasks:
        coming = tasks.create_task(create(store))  # stops before it holds the recording
        await asyncio.to_thread(files.stopped.wait, 30)
        await store.erase(first.id, ErasureReason.request)
        assert not files.exists(DIGEST)
        files.go_on.set()
    assert (await store.get(coming.result().id)).audio == DIGEST
    assert files.exists(DIGEST)


async def test_many_come_and_go_at_once_and_no_file_is_lost(store, files):
    async def come_and_go(stay: bool) -> None:
        row = await create(store)
        if not stay:
            await store.erase(row.id, ErasureReason.request)

    await asyncio.gather(*(come_and_go(stay=number == 7) for number in range(20)))
    assert len(await rows(store.database, Analysis)) == 1
    assert files.exists(DIGEST)


async def test_while_the_end_is_not_stored_the_recording_is_there(store, files):
    """The file goes after the commit, for a transaction that fails does not bring it back."""
    row = await create(store, **WORDLESS)
    taken = await store.take(row.id)

    def fails(_: object) -> None:
        raise ConnectionError("the database has gone")

    engine = store.database.engine.sync_engine
    event.listen(engine, "commit", fails)
    with pytest.raises(ConnectionError):
        await store.settle(taken, DONE, keep=False)
    event.remove(engine, "commit", fails)
    assert files.exists(DIGEST)
    await store.settle(taken, DONE, keep=False)
    assert not files.exists(DIGEST)


async def test_a_file_that_cannot_be_removed_stops_nobody_and_is_removed_later(
    database, ambient, clock, tmp_path, caplog
):
    broken = Store(database, Recordings(Broken(tmp_path / "audio")), ambient, LEASE_MS)
    row = await create(broken, **WORDLESS)
    await broken.settle(await broken.take(row.id), DONE, keep=False)
    assert (await broken.get(row.id)).status is Status.completed
    assert "not removed yet: the disk is on fire" in caplog.text
    clock.ms += 2
    files = AudioFiles(tmp_path / "audio")
    await Recordings(files).remove_orphans(database, clock(), older_than=clock() - 1)
    assert not files.exists(DIGEST)
    assert await rows(database, AudioFile) == []


async def test_a_file_that_no_analysis_came_to_need_is_removed_after_a_while(store, files, clock, tmp_path):
    files.put(DIGEST, recording().file)
    recordings, hour = store.recordings, 3_600_000
    age(files, tmp_path, hours=0.5)
    await recordings.remove_orphans(store.database, clock(), older_than=clock() - hour)
    assert files.exists(DIGEST)
    age(files, tmp_path, hours=2)
    await recordings.remove_orphans(store.database, clock(), older_than=clock() - hour)
    assert not files.exists(DIGEST)
    assert await rows(store.database, AudioFile) == []


async def test_an_old_file_that_is_needed_is_no_orphan(store, files, clock, tmp_path):
    await create(store)
    age(files, tmp_path, hours=100)
    await store.recordings.remove_orphans(store.database, clock(), older_than=clock())
    assert files.exists(DIGEST)


async def test_what_comes_while_orphans_are_removed_is_there_afterwards(store, files, clock, tmp_path):
    files.put(DIGEST, recording().file)
    age(files, tmp_path, hours=2)
    files.stop_in = "after delete"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(store.recordings.remove_orphans(store.database, clock(), older_than=clock()))
        await asyncio.to_thread(files.stopped.wait, 30)
        files.was_put.clear()
        coming = tasks.create_task(create(store))
        await asyncio.to_thread(files.was_put.wait, 30)
        files.go_on.set()
    assert (await store.get(coming.result().id)).audio == DIGEST
    assert files.exists(DIGEST)
