import hashlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from service.analyses.audio_files import AudioFiles, digest
from service.settings import SettingsError

CALL = b"RIFF" + bytes(range(256)) * 40
DIGEST = hashlib.sha256(CALL).hexdigest()
LARGE = bytes(20_000_000)  # more than one part of an upload
LARGE_DIGEST = hashlib.sha256(LARGE).hexdigest()
NEVER = "0" * 64
HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Interrupted(io.BytesIO):
    """A file that can be read up to ``limit`` bytes; then what reads it dies."""

    def __init__(self, content: bytes, limit: int) -> None:
        super().__init__(content)
        self.limit = limit

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self.limit:
            raise KeyboardInterrupt
        return super().read(size)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 that everything in this process can see."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@pytest.fixture
def bucket(s3: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, to be found through the environment alone."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"calls-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    fsspec.filesystem("s3", endpoint_url=s3).mkdir(name)
    return f"s3://{name}"


@pytest.fixture(params=["folder", "bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "audio")
    return f"{request.getfixturevalue('bucket')}/calls/2026"


@pytest.fixture
def files(url: str) -> AudioFiles:
    return AudioFiles(url)


class Outside:
    """Somebody else who looks at the same place."""

    def __init__(self, url: str, s3: str) -> None:
        options = {"endpoint_url": s3, "use_listings_cache": False} if url.startswith("s3://") else {"auto_mkdir": True}
        self._filesystem, self._path = fsspec.url_to_fs(url, **options)

    def names(self) -> list[str]:
        return sorted(name.removeprefix(f"{self._path}/") for name in self._filesystem.find(self._path))

    def write(self, name: str, content: bytes) -> None:
        self._filesystem.pipe_file(f"{self._path}/{name}", content)


@pytest.fixture
def outside(url: str, s3: str) -> Outside:
    return Outside(url, s3)


class TestDigest:
    def test_it_is_the_sha256_of_the_whole_file(self):
        file = io.BytesIO(CALL)
        file.seek(100)
        assert digest(file) == DIGEST

    def test_the_file_can_be_read_afterwards(self):
        file = io.BytesIO(CALL)
        digest(file)
        assert file.read() == CALL


class TestEveryPlace:
    def test_what_was_put_can_be_opened(self, files):
        files.put(DIGEST, io.BytesIO(CALL))
        with files.open(DIGEST) as file:
            assert file.read() == CALL
            file.seek(4)
            assert file.read(4) == CALL[4:8]
            assert file.tell() == 8

    def test_it_is_named_by_its_digest(self, files, outside):
        files.put(DIGEST, io.BytesIO(CALL))
        assert outside.names() == [f"{DIGEST[:2]}/{DIGEST}"]

    def test_a_large_one_comes_back_whole(self, files):
        files.put(LARGE_DIGEST, io.BytesIO(LARGE))
        with files.open(LARGE_DIGEST) as file:
            assert digest(file) == LARGE_DIGEST

    def test_the_whole_file_is_put_wherever_it_was_read_to(self, files):
        with tempfile.SpooledTemporaryFile(max_size=1_000) as upload:
            upload.write(CALL)
            files.put(DIGEST, upload)
        with files.open(DIGEST) as file:
            assert file.read() == CALL

    def test_what_is_absent_cannot_be_opened(self, files):
        assert not files.exists(NEVER)
        with pytest.raises(FileNotFoundError):
            files.open(NEVER)

    def test_another_process_sees_it_at_once(self, files, url):
        other = AudioFiles(url)
        assert not other.exists(DIGEST)
        assert list(other.older_than(now_ms() + HOUR_MS)) == []
        files.put(DIGEST, io.BytesIO(CALL))
        assert other.exists(DIGEST)
        assert list(other.older_than(now_ms() + HOUR_MS)) == [DIGEST]
        files.delete(DIGEST)
        assert not other.exists(DIGEST)
        assert list(other.older_than(now_ms() + HOUR_MS)) == []

    def test_deleting_what_is_absent_is_no_error(self, files):
        files.put(DIGEST, io.BytesIO(CALL))
        files.delete(DIGEST)
        files.delete(DIGEST)
        files.delete(NEVER)
        assert not files.exists(DIGEST)

    def test_one_that_is_read_can_be_put_and_deleted(self, files):
        files.put(LARGE_DIGEST, io.BytesIO(LARGE))
        with files.open(LARGE_DIGEST) as file:
            files.put(LARGE_DIGEST, io.BytesIO(LARGE))
            files.delete(LARGE_DIGEST)
            assert digest(file) == LARGE_DIGEST

    def test_one_of_another_size_is_replaced(self, files, outside):
        outside.write(f"{DIGEST[:2]}/{DIGEST}", CALL[:100])
        files.put(DIGEST, io.BytesIO(CALL))
        with files.open(DIGEST) as file:
            assert file.read() == CALL

    def test_a_put_that_was_interrupted_leaves_nothing(self, files, outside):
        with pytest.raises(KeyboardInterrupt):
            files.put(LARGE_DIGEST, Interrupted(LARGE, 15_000_000))
        assert not files.exists(LARGE_DIGEST)
        assert outside.names() == []
        files.put(LARGE_DIGEST, io.BytesIO(LARGE))
        assert files.exists(LARGE_DIGEST)

    def test_many_can_put_the_same(self, files, outside):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: files.put(DIGEST, io.BytesIO(CALL)), range(24)))
        assert outside.names() == [f"{DIGEST[:2]}/{DIGEST}"]
        with files.open(DIGEST) as file:
            assert file.read() == CALL

    def test_many_can_work_on_different_ones(self, files, outside):
        def life(number: int) -> bool:
            content = CALL + bytes([number])
            name = hashlib.sha256(content).hexdigest()
            files.put(name, io.BytesIO(content))
            with files.open(name) as file:
                same = file.read() == content
            files.delete(name)
            return same and not files.exists(name)

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(life, range(24)))
        assert outside.names() == []

    def test_only_those_before_the_time_are_old(self, files):
        files.put(DIGEST, io.BytesIO(CALL))
        files.put(NEVER, io.BytesIO(b""))
        assert list(files.older_than(now_ms() - HOUR_MS)) == []
        assert sorted(files.older_than(now_ms() + HOUR_MS)) == sorted([DIGEST, NEVER])

    def test_old_ones_can_be_deleted_as_they_come(self, files, outside):
        contents = [CALL + bytes([number]) for number in range(10)]
        for content in contents:
            files.put(hashlib.sha256(content).hexdigest(), io.BytesIO(content))
        for name in files.older_than(now_ms() + HOUR_MS):
            files.delete(name)
        assert outside.names() == []

    def test_files_of_others_are_left_alone(self, files, outside):
        strangers = ["note.txt", "ab/note.txt", f"abc/{NEVER}", f"other/ab/{NEVER}"]
        for name in strangers:
            outside.write(name, b"not ours")
        assert list(files.older_than(now_ms() + HOUR_MS)) == []
        assert outside.names() == sorted(strangers)

    @pytest.mark.parametrize(
        "name", ["", "ab", "../" + DIGEST[:61], DIGEST.upper(), DIGEST + "\n", DIGEST + "0", "ab/" + DIGEST[3:]]
    )
    def test_only_a_digest_names_a_recording(self, files, name):
        for use in (files.open, files.exists, files.delete, lambda it: files.put(it, io.BytesIO(CALL))):
            with pytest.raises(ValueError, match="64 hexadecimal digits"):
                use(name)


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path):
        return tmp_path / "audio"

    @pytest.fixture
    def files(self, folder):
        return AudioFiles(folder)

    def test_one_that_is_here_is_left_but_made_new(self, files, folder):
        files.put(DIGEST, io.BytesIO(CALL))
        path = folder / DIGEST[:2] / DIGEST
        before = path.stat()
        os.utime(path, (1_000, 1_000))
        assert list(files.older_than(1_000_001)) == [DIGEST]
        files.put(DIGEST, io.BytesIO(CALL))
        assert path.stat().st_ino == before.st_ino
        assert path.stat().st_mtime >= before.st_mtime
        assert list(files.older_than(1_000_001)) == []

    def test_the_time_itself_is_not_before_it(self, files, folder):
        files.put(DIGEST, io.BytesIO(CALL))
        os.utime(folder / DIGEST[:2] / DIGEST, (1_000, 1_000))
        assert list(files.older_than(1_000_000)) == []

    def test_one_that_is_deleted_meanwhile_is_written_again(self, files, monkeypatch):
        files.put(DIGEST, io.BytesIO(CALL))

        def gone(path: str) -> None:
            files.delete(DIGEST)
            raise FileNotFoundError(path)

        monkeypatch.setattr(os, "utime", gone)
        files.put(DIGEST, io.BytesIO(CALL))
        assert files.exists(DIGEST)

    def test_a_crash_before_the_file_has_its_name_leaves_what_is_removed_in_time(self, files, folder, monkeypatch):
        with monkeypatch.context() as crash, suppress(KeyboardInterrupt):
            crash.setattr(Path, "replace", Interrupted(b"", 0).read)
            crash.setattr(Path, "unlink", lambda path, **_: None)
            files.put(DIGEST, io.BytesIO(CALL))
        (part,) = (folder / DIGEST[:2]).iterdir()
        assert not files.exists(DIGEST)
        assert list(files.older_than(now_ms() - HOUR_MS)) == []
        assert part.exists()
        os.utime(part, (1_000, 1_000))
        assert list(files.older_than(1_000_001)) == []
        assert not part.exists()
        files.put(DIGEST, io.BytesIO(CALL))
        assert files.exists(DIGEST)

    def test_it_counts_only_once_it_is_on_the_disk(self, files, folder, monkeypatch):
        events = []
        fsync, replace = os.fsync, Path.replace

        def synced(descriptor: int) -> None:
            events.append(("sync", Path(f"/proc/self/fd/{descriptor}").resolve().name.rpartition(".")[2]))
            fsync(descriptor)

        def replaced(path: Path, target: Path) -> Path:
            events.append(("name", target.name))
            return replace(path, target)

        if not Path("/proc/self/fd").exists():
            pytest.skip("needs /proc to see which file a descriptor is")
        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", replaced)
        files.put(DIGEST, io.BytesIO(CALL))
        assert events == [("sync", "part"), ("name", DIGEST), ("sync", DIGEST[:2]), ("sync", "audio")]

    def test_a_full_disk_is_an_error_that_leaves_nothing(self, files, folder, monkeypatch):
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as disk:
            disk.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space left"):
                files.put(DIGEST, io.BytesIO(CALL))
        assert list((folder / DIGEST[:2]).iterdir()) == []

    def test_a_folder_that_cannot_be_made_stops_the_start(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(SettingsError, match=r"V2V_AUDIO_STORE=.*file/audio: Not a directory; give a folder"):
            AudioFiles(tmp_path / "file" / "audio")

    def test_a_relative_folder_stays_where_it_was(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        files = AudioFiles("audio")
        files.put(DIGEST, io.BytesIO(CALL))
        monkeypatch.chdir("/")
        assert files.exists(DIGEST)

    @pytest.mark.parametrize("url", ["", "gs://bucket", "file:///tmp/audio", "https://user:hidden@host/"])
    def test_another_kind_of_place_stops_the_start(self, url):
        with pytest.raises(SettingsError, match="give a folder, or s3://bucket/prefix") as error:
            AudioFiles(url)
        assert "hidden" not in str(error.value)


class TestBucket:
    def test_one_that_is_here_is_made_new_without_an_upload(self, bucket):
        files = AudioFiles(bucket)  # without a prefix
        files.put(DIGEST, io.BytesIO(CALL))
        files.put(DIGEST, Interrupted(CALL, 0))
        with files.open(DIGEST) as file:
            assert file.read() == CALL
        assert list(files.older_than(now_ms() + HOUR_MS)) == [DIGEST]

    def test_uploads_that_a_crash_left_are_removed(self, bucket, s3):
        files = AudioFiles(f"{bucket}/calls")
        strangers = ["calls/note.txt", f"calls-of-others/ab/{NEVER}"]
        ours = f"calls/{DIGEST[:2]}/{DIGEST}"
        client = fsspec.filesystem("s3", endpoint_url=s3)
        name = bucket.removeprefix("s3://")
        for key in (ours, *strangers):
            client.call_s3("create_multipart_upload", Bucket=name, Key=key)
        assert list(files.older_than(now_ms())) == []
        assert sorted(upload["Key"] for upload in client.list_multipart_uploads(name)) == sorted(strangers)

    def test_a_store_that_cannot_be_reached_is_an_os_error(self, bucket, monkeypatch):
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # discard, where nobody listens
        files = AudioFiles(bucket)
        for use in (files.exists, files.open, lambda it: files.put(it, io.BytesIO(CALL))):
            with pytest.raises(OSError, match="Could not connect"):
                use(DIGEST)
        with pytest.raises(OSError, match="Could not connect"):
            list(files.older_than(0))

    def test_a_bucket_that_does_not_exist_is_an_os_error(self, bucket):
        with pytest.raises(OSError, match="bucket does not exist"):
            AudioFiles(f"{bucket}-of-nobody").put(DIGEST, io.BytesIO(CALL))

    @pytest.mark.parametrize("url", ["s3://", "s3:///prefix"])
    def test_a_missing_bucket_stops_the_start(self, url):
        with pytest.raises(SettingsError, match="the bucket is missing"):
            AudioFiles(url)

    def test_a_missing_package_stops_the_start(self, monkeypatch):
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
        monkeypatch.setitem(sys.modules, "s3fs", None)
        with pytest.raises(SettingsError, match=r"pip install 'voice-to-value\[s3\]'"):
            AudioFiles("s3://bucket")
