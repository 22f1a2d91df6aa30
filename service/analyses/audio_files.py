"""Recordings at rest: each is kept once, under the SHA-256 of its bytes, in a folder or in an S3 bucket.

ab/abcdef…   the recording whose digest is abcdef…
ab/.….part   in a folder, a recording that is being written
"""

import hashlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import fsspec

from service.settings import SettingsError

_DIGEST: Final = re.compile("[0-9a-f]{64}")
_FOLDER: Final = re.compile("[0-9a-f]{2}")
_S3: Final = "s3://"
_BLOCK_BYTES: Final = 8 * 1024 * 1024
_Info = dict[str, Any]


def digest(file: BinaryIO) -> str:
    """The SHA-256 of the whole of ``file`` in hexadecimal; the file is left at its beginning."""
    file.seek(0)
    sha256 = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        sha256.update(block)
    file.seek(0)
    return sha256.hexdigest()


class AudioFiles:
    """The recordings at one place. Every method blocks, and may be called from any thread.

    Each raises ValueError where it is given what is no digest, and OSError where the place cannot be used.
    """

    def __init__(self, url: str | Path) -> None:
        """Keep recordings in a folder, which is made where it is absent, or under ``s3://bucket/prefix``.

        A bucket is not asked before it is used. Its credentials, region and endpoint are found as every AWS tool
        finds them.

        Raises:
            SettingsError: that is no such place, the folder cannot be written to, or s3fs is not installed.
        """
        place = str(url)
        if place.startswith(_S3):
            self._place: _Folder | _Bucket = _Bucket(place.removeprefix(_S3).rstrip("/"))
        elif "://" in place or not place:
            raise SettingsError("V2V_AUDIO_STORE: give a folder, or s3://bucket/prefix")
        else:
            self._place = _Folder(Path(url))

    def put(self, digest: str, file: BinaryIO) -> None:
        """Keep the whole of ``file``, which has this digest.

        The recording is whole or absent at any time, and once this returns it outlives a crash. Its modification time
        is then new, also where it was here before.
        """
        path = self._path(digest)
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        with self._errors():
            if self._size(path) != size or not self._place.renew(path):
                self._place.write(path, file)

    def open(self, digest: str) -> BinaryIO:
        """The recording, seekable.

        Raises:
            FileNotFoundError: it is not here.
        """
        path = self._path(digest)
        with self._errors():
            return self._place.read(path)

    def exists(self, digest: str) -> bool:
        path = self._path(digest)
        with self._errors():
            return self._size(path) is not None

    def delete(self, digest: str) -> None:
        """Delete the recording if it is here."""
        path = self._path(digest)
        with self._errors(), suppress(FileNotFoundError):
            self._place.files.rm_file(path)

    def older_than(self, ms: int) -> Iterator[str]:
        """The digests that were last put before ``ms``, in milliseconds of Unix time by the clock of the place.

        Each folder is listed when the iteration comes to it. In the end what puts before ``ms`` left unfinished is
        removed.
        """
        with self._errors():
            for folder in self._list(self._place.root):
                if not _FOLDER.fullmatch(_name(folder["name"])):
                    continue
                for info in self._list(folder["name"]):
                    name = _name(info["name"])
                    if _DIGEST.fullmatch(name) and self._place.modified_ms(info) < ms:
                        yield name
            self._place.remove_unfinished(ms)

    def _path(self, digest: str) -> str:
        if not _DIGEST.fullmatch(digest):
            raise ValueError("a recording is named by the 64 hexadecimal digits of its SHA-256")
        return f"{self._place.root}/{digest[:2]}/{digest}"

    def _size(self, path: str) -> int | None:
        with suppress(FileNotFoundError):
            return int(self._place.files.info(path)["size"])
        return None

    def _list(self, path: str) -> list[_Info]:
        with suppress(FileNotFoundError, NotADirectoryError):
            infos: list[_Info] = self._place.files.ls(path, detail=True)
            return infos
        return []

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._place.faults as error:
            raise OSError(str(error)) from error


def _name(path: str) -> str:
    return path.rpartition("/")[2]


class _Folder:
    """What is particular to a folder of this machine."""

    faults: tuple[type[Exception], ...] = ()

    def __init__(self, folder: Path) -> None:
        self.files = fsspec.filesystem("file")
        self._folder = folder.absolute()
        self.root = str(self._folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise SettingsError(
                f"V2V_AUDIO_STORE={folder}: {os.strerror(error.errno or 0)}; give a folder that this user may write to"
            ) from error

    def write(self, path: str, file: BinaryIO) -> None:
        target = Path(path)
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f".{uuid4().hex}.part")
        try:
            with part.open("xb") as copy:
                shutil.copyfileobj(file, copy)
                copy.flush()
                os.fsync(copy.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        self._make_names_durable(target)

    def renew(self, path: str) -> bool:
        """Set the modification time to now; False where the file has gone meanwhile."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        # Another process may have put it a moment ago.
        self._make_names_durable(Path(path))
        return True

    def read(self, path: str) -> BinaryIO:
        file: BinaryIO = self.files.open(path, "rb")
        return file

    def modified_ms(self, info: _Info) -> float:
        return float(info["mtime"] * 1000)

    def remove_unfinished(self, ms: int) -> None:
        for part in self._folder.glob("??/.*.part"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime * 1000 < ms:
                    part.unlink()

    def _make_names_durable(self, path: Path) -> None:
        for folder in (path.parent, self._folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


class _Bucket:
    """What is particular to S3, where a write is atomic and durable as it is."""

    def __init__(self, path: str) -> None:
        self._bucket, _, prefix = path.partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        if not self._bucket:
            raise SettingsError("V2V_AUDIO_STORE: the bucket is missing; give s3://bucket or s3://bucket/prefix")
        try:
            # No cached listings and no shared instance: other processes write too, and the environment may change.
            self.files = fsspec.filesystem(
                "s3", use_listings_cache=False, skip_instance_cache=True, default_block_size=_BLOCK_BYTES
            )
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise SettingsError("V2V_AUDIO_STORE: S3 needs s3fs; pip install 'voice-to-value[s3]'") from error
        self.root = path
        self.faults: tuple[type[Exception], ...] = (BotoCoreError,)

    def write(self, path: str, file: BinaryIO) -> None:
        upload = self.files.open(path, "wb")
        try:
            shutil.copyfileobj(file, upload)
            upload.close()
        except BaseException:
            # Closing it as a file, which leaving a with statement does, would keep what there is of it.
            upload.discard()
            upload.closed = True
            raise

    def renew(self, path: str) -> bool:
        """Set the modification time to now; False where the object has gone meanwhile."""
        try:
            # S3 refuses to copy an object onto itself if nothing is said to change.
            self.files.cp_file(path, path, MetadataDirective="REPLACE")
        except FileNotFoundError:
            return False
        return True

    def read(self, path: str) -> BinaryIO:
        # A copy, so that a network that fails does so here and not within a decoder.
        with tempfile.NamedTemporaryFile() as copy:
            self.files.get_file(path, copy.name)
            return Path(copy.name).open("rb")

    def modified_ms(self, info: _Info) -> float:
        return float(info["LastModified"].timestamp() * 1000)

    def remove_unfinished(self, ms: int) -> None:
        listed = self.files.call_s3("list_multipart_uploads", Bucket=self._bucket, Prefix=self._prefix)
        for upload in listed.get("Uploads", ()):
            if _DIGEST.fullmatch(_name(upload["Key"])) and upload["Initiated"].timestamp() * 1000 < ms:
                self.files.abort_mpu(self._bucket, upload["Key"], upload["UploadId"])
