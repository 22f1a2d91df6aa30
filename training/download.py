"""Fetch a corpus from its official home, check it and lay it out as its reader expects.

    python -m training download ravdess
    python -m training download emogator --to DIR

A transfer that was cut is taken up where it ended, where the server can do that. What arrived is compared with what was
published before anything of it is unpacked, and the corpus stands in its folder only once it is complete. An archive
that was fetched elsewhere and put beside that folder is used as it is, for machines without a network.
"""

import argparse
import hashlib
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
from tqdm import tqdm

from training.datasets import Corpus, read_emogator, read_ravdess

_TIMEOUT: Final = httpx2.Timeout(60, connect=20)
_ATTEMPTS: Final = 5
_CHUNK: Final = 1 << 20
# RuntimeError: a member is encrypted, or packed in a way that zipfile does not know.
_DAMAGE: Final = (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError)


class DownloadError(Exception):
    """The corpus is not here. The message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Where a corpus comes from, and how to tell that it is the published one.

    Attributes:
        archive: the name of the zip file that ``url`` gives.
        most_bytes: what the archive may have at most, and what it may unpack to.
        root: the folder in the archive that holds the corpus; "" for all of it.
        check: what is wrong with the archive, "" for nothing.
        published: the figures that ``check`` compares with, in words.
        example: a file of the corpus as it lies in its folder.
        read: the reader that has to accept what was unpacked.
    """

    name: str
    url: str
    archive: str
    most_bytes: tuple[int, int]
    root: str
    check: Callable[[Path], str]
    published: str
    example: str
    read: Callable[[Path], Corpus]


def md5(expected: str) -> Callable[[Path], str]:
    """A check of the archive's own bytes."""

    def check(archive: Path) -> str:
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return "" if found == expected else f"its MD5 is {found}, where {expected} is published"

    return check


def git_tree(root: str, expected: str) -> Callable[[Path], str]:
    """A check of the files of one folder, all of mode 644, against the name that Git gives the folder."""

    def check(archive: Path) -> str:
        entries = []
        with zipfile.ZipFile(archive) as zipped:
            for member in _files(zipped, root):
                content = zipped.read(member)
                blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()
                entries.append((member.filename.removeprefix(root).encode(), blob))
        tree = b"".join(b"100644 " + name + b"\0" + blob for name, blob in sorted(entries))
        found = hashlib.sha1(b"tree %d\0" % len(tree) + tree, usedforsecurity=False).hexdigest()
        return "" if found == expected else f"the tree of {root} is {found}, where the commit has {expected}"

    return check


_EMOGATOR_COMMIT: Final = "51eeca515a95f168ab73391cd9e7c975ab964429"
_EMOGATOR_TREE: Final = "257bfe9ab0ceaa56667792922badd980f148370c"
_EMOGATOR_ROOT: Final = f"EmoGator-{_EMOGATOR_COMMIT}/data/mp3/"

SOURCES: Final = {
    "ravdess": Source(
        name="ravdess",
        url="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
        archive="Audio_Speech_Actors_01-24.zip",
        most_bytes=(208_468_073, 1 << 30),
        root="",
        check=md5("bc696df654c87fed845eb13823edef8a"),
        published="208,468,073 bytes, MD5 bc696df654c87fed845eb13823edef8a",
        example="Actor_01/03-01-01-01-01-01-01.wav",
        read=read_ravdess,
    ),
    # GitHub makes its archives anew and promises nothing about their bytes; the commit settles those of every file.
    "emogator": Source(
        name="emogator",
        url=f"https://github.com/fredbuhl/EmoGator/archive/{_EMOGATOR_COMMIT}.zip",
        archive=f"EmoGator-{_EMOGATOR_COMMIT}.zip",
        most_bytes=(1 << 30, 1 << 30),
        root=_EMOGATOR_ROOT,
        check=git_tree(_EMOGATOR_ROOT, _EMOGATOR_TREE),
        published=f"about 500 MB, Git tree {_EMOGATOR_TREE} in data/mp3",
        example="000001-05-1.mp3",
        read=read_emogator,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("corpus", choices=tuple(SOURCES), help="which one")
    parser.add_argument(
        "--to", type=Path, default=Path("data"), help="the folder in which the corpus gets its own (%(default)s)"
    )


def run(options: argparse.Namespace) -> None:
    try:
        folder = download(SOURCES[options.corpus], options.to)
    except DownloadError as error:
        raise SystemExit(str(error)) from error
    print(f"{options.corpus} is complete: --data {folder}")


def download(source: Source, into: Path) -> Path:
    """The folder of the corpus in ``into``, fetched where it is not there yet.

    Raises:
        DownloadError: it cannot be fetched, or what was fetched is not what was published.
        CorpusError: the folder is there already, but its reader refuses it.
    """
    folder = into / source.name
    if folder.exists():
        source.read(folder)
        return folder
    into.mkdir(parents=True, exist_ok=True)
    archive = into / source.archive
    was_brought = archive.exists()
    if not was_brought:
        _fetch(source, archive)
    elif wrong := _wrong(source, archive):
        raise DownloadError(f"{archive} is not what was published: {wrong}. Remove it, then run the command again.")
    unpacking = into / f".{source.name}.unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    _unpack(source, archive, unpacking)
    source.read(unpacking)
    unpacking.rename(folder)
    if not was_brought:
        archive.unlink()
    return folder


def _fetch(source: Source, archive: Path) -> None:
    part = archive.with_name(f"{archive.name}.part")
    for attempt in range(1, _ATTEMPTS + 1):
        had = _size(part)
        try:
            _transfer(source, part)
            break
        except httpx2.HTTPStatusError as error:
            answer = f"{error.request.url.host} answers {error.response.status_code}"
            raise DownloadError(f"{answer}. {_by_hand(source, archive)}") from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            reason = f"{error.request.url.host} cannot be reached from here ({error})"
            raise DownloadError(f"{reason}. {_by_hand(source, archive)}") from error
        except httpx2.RequestError as error:
            if attempt == _ATTEMPTS or _size(part) == had:
                raise DownloadError(
                    f"The connection broke after {_size(part):,} bytes ({error}). Run the command again: what has "
                    f"arrived is kept in {part}."
                ) from error
    if wrong := _wrong(source, part):
        part.unlink()
        raise DownloadError(
            f"What {source.url} gave is not what was published: {wrong}. Nothing of it is kept; run the command again."
        )
    part.rename(archive)


def _transfer(source: Source, part: Path) -> None:
    """Bring ``part`` to its end, from where it is if the server can, or else from the beginning."""
    had = _size(part)
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={had}-"} if had else {})}
    with httpx2.stream("GET", source.url, headers=headers, follow_redirects=True, timeout=_TIMEOUT) as response:
        if response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
            # All of it is here, or more than all; the check tells.
            return
        response.raise_for_status()
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {had}-")
        start = had if resumed else 0
        length = response.headers.get("Content-Length")
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=source.name,
                initial=start,
                total=start + int(length) if length else None,
                unit="B",
                unit_scale=True,
                unit_divisor=1024,
            ) as progress,
        ):
            # As they come: what is gathered into larger chunks is lost when the connection breaks.
            for chunk in response.iter_bytes():
                if start + len(chunk) > source.most_bytes[0]:
                    file.close()
                    part.unlink()
                    raise DownloadError(
                        f"{source.url} gives more than the {source.most_bytes[0]:,} bytes that it has at most; "
                        "nothing of it is kept."
                    )
                start += file.write(chunk)
                progress.update(len(chunk))


def _wrong(source: Source, archive: Path) -> str:
    """What is wrong with ``archive``, "" for nothing. Nothing is unpacked to find out."""
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = _files(zipped, source.root)
            unpacked = sum(member.file_size for member in members)
            strays = [member.filename for member in members if not _stays_inside(member, source.root)]
        if unpacked > source.most_bytes[1]:
            return f"it would unpack to {unpacked:,} bytes"
        if strays:
            return f"its entry {strays[0]!r} leads out of the folder"
        return source.check(archive)
    except _DAMAGE as error:
        return f"it is no zip file, or a damaged one ({error})"


def _unpack(source: Source, archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        for member in tqdm(_files(zipped, source.root), desc=f"{source.name}: unpacking", unit="file"):
            target = folder / member.filename.removeprefix(source.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            # No more comes out than the size that the archive's directory gives, which is what was added up.
            with zipped.open(member) as packed, target.open("xb") as file:
                shutil.copyfileobj(packed, file, _CHUNK)


def _files(zipped: zipfile.ZipFile, root: str) -> list[zipfile.ZipInfo]:
    return [member for member in zipped.infolist() if member.filename.startswith(root) and not member.is_dir()]


def _stays_inside(member: zipfile.ZipInfo, root: str) -> bool:
    """Whether ``member`` is a plain file that goes below the folder that it is unpacked to."""
    name = member.filename.removeprefix(root)
    kind = stat.S_IFMT(member.external_attr >> 16)
    parts = name.split("/")
    return kind in (0, stat.S_IFREG) and "\\" not in name and not {"", ".", ".."} & set(parts)


def _by_hand(source: Source, archive: Path) -> str:
    return (
        f"On a machine that can, fetch {source.url} ({source.published}), put it at {archive} and run the command "
        f"again; or put the corpus itself into {archive.parent / source.name}, as {source.example} and so on."
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
