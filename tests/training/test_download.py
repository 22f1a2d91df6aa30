"""Fetching a corpus: what stands in its folder afterwards, whatever the network and the archive are like."""

import hashlib
import io
import shutil
import subprocess
import threading
import zipfile
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.servers import free_port
from training.datasets import CorpusError, read_emogator
from training.download import SOURCES, DownloadError, Source, add_arguments, download, git_tree, md5, run

ROOT = "EmoGator-main/data/mp3/"
CLIPS = {
    f"000001-{category:02}-{repetition}.mp3": f"sound {category} {repetition}".encode() * 50
    for category in (1, 5, 11, 16, 20, 26)
    for repetition in (1, 2, 3)
}


class Home:
    """A server of one file, which answers as it is told to."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.knows_ranges = True
        self.status = 200
        self.breaks_after: list[int] = []
        """How many bytes each of the next answers gives before the connection breaks."""
        self.asked: list[str | None] = []
        """The Range of every request."""
        home = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                home._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/archive.zip"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.knows_ranges else 0
        if start and start >= len(self.content):
            request.send_error(416)
            return
        body = self.content[start:]
        request.send_response(206 if start else self.status)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.breaks_after.pop(0)] if self.breaks_after else body)


def zipped(files: dict[str, bytes], root: str = ROOT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(root + name, content)
        archive.writestr("EmoGator-main/README.md", "not of the corpus")
    return buffer.getvalue()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Home(zipped(CLIPS))
    yield server
    server.stop()


@pytest.fixture
def source(home: Home) -> Source:
    return source_of(home.content, home.url)


def source_of(content: bytes, url: str) -> Source:
    """The archive ``content`` at ``url``, as if it had been published."""
    return Source(
        name="emogator",
        url=url,
        archive="EmoGator.zip",
        most_bytes=(len(content), 1 << 20),
        root=ROOT,
        check=md5(hashlib.md5(content, usedforsecurity=False).hexdigest()),
        published="its MD5",
        example="000001-05-1.mp3",
        read=read_emogator,
    )


def assert_complete(into: Path) -> None:
    """The corpus, byte for byte, and nothing else."""
    assert [path.name for path in into.iterdir()] == ["emogator"]
    assert {path.name: path.read_bytes() for path in (into / "emogator").iterdir()} == CLIPS


def test_corpus_is_fetched_into_its_folder(home: Home, source: Source, tmp_path: Path) -> None:
    into = tmp_path / "new"
    assert download(source, into) == into / "emogator"
    assert_complete(into)
    assert home.asked == [None]


def test_corpus_that_is_there_is_not_fetched_again(home: Home, source: Source, tmp_path: Path) -> None:
    download(source, tmp_path)
    download(source, tmp_path)
    assert len(home.asked) == 1


def test_corpus_that_is_there_but_incomplete_is_left_alone(home: Home, source: Source, tmp_path: Path) -> None:
    download(source, tmp_path)
    (tmp_path / "emogator/000001-05-1.mp3").unlink()
    with pytest.raises(CorpusError, match="000001-05-1: missing"):
        download(source, tmp_path)


def test_broken_transfer_is_taken_up_where_it_ended(home: Home, source: Source, tmp_path: Path) -> None:
    home.breaks_after = [1000, 500]
    download(source, tmp_path)
    assert_complete(tmp_path)
    assert home.asked == [None, "bytes=1000-", "bytes=1500-"]


def test_next_run_takes_up_what_the_last_one_left(home: Home, source: Source, tmp_path: Path) -> None:
    home.breaks_after = [1000, 0]
    with pytest.raises(DownloadError, match=r"broke after 1,000 bytes .* Run the command again"):
        download(source, tmp_path)
    assert not (tmp_path / "emogator").exists()
    download(source, tmp_path)
    assert_complete(tmp_path)
    assert home.asked[-1] == "bytes=1000-"


def test_transfer_that_never_gets_through_ends(home: Home, source: Source, tmp_path: Path) -> None:
    home.breaks_after = [10] * 20
    with pytest.raises(DownloadError, match="broke after 50 bytes"):
        download(source, tmp_path)


def test_server_without_ranges_starts_over(home: Home, source: Source, tmp_path: Path) -> None:
    home.knows_ranges = False
    home.breaks_after = [1000]
    download(source, tmp_path)
    assert_complete(tmp_path)
    assert home.asked == [None, "bytes=1000-"]


def test_transfer_that_had_only_to_be_checked_is_used(home: Home, source: Source, tmp_path: Path) -> None:
    (tmp_path / "EmoGator.zip.part").write_bytes(home.content)
    download(source, tmp_path)
    assert_complete(tmp_path)


@pytest.mark.parametrize("content", [zipped({**CLIPS, "000001-05-1.mp3": b"another take"}), b"<html>Log in</html>"])
def test_what_was_not_published_is_not_kept(home: Home, source: Source, tmp_path: Path, content: bytes) -> None:
    home.content = content
    with pytest.raises(DownloadError, match="is not what was published"):
        download(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_server_that_gives_too_much_is_cut_off(home: Home, source: Source, tmp_path: Path) -> None:
    home.content += b"more"
    with pytest.raises(DownloadError, match="gives more than the"):
        download(source, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_it_says_what_to_place_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    source = replace(SOURCES["ravdess"], url=f"http://127.0.0.1:{free_port()}/Audio_Speech_Actors_01-24.zip")
    with pytest.raises(DownloadError) as caught:
        download(source, tmp_path)
    said = str(caught.value)
    assert "cannot be reached from here" in said
    assert f"put it at {tmp_path / 'Audio_Speech_Actors_01-24.zip'}" in said
    assert "MD5 bc696df654c87fed845eb13823edef8a" in said
    assert f"{tmp_path / 'ravdess'}, as Actor_01/03-01-01-01-01-01-01.wav" in said


def test_server_that_refuses_is_named_with_its_answer(home: Home, source: Source, tmp_path: Path) -> None:
    home.status = 503
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 answers 503\. On a machine that can, fetch"):
        download(source, tmp_path)


def test_archive_that_was_brought_is_used_and_kept(home: Home, source: Source, tmp_path: Path) -> None:
    (tmp_path / "EmoGator.zip").write_bytes(home.content)
    download(source, tmp_path)
    assert home.asked == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["EmoGator.zip", "emogator"]


def test_archive_that_was_brought_is_checked_and_kept(home: Home, source: Source, tmp_path: Path) -> None:
    (tmp_path / "EmoGator.zip").write_bytes(home.content[:-1] + b"?")
    with pytest.raises(DownloadError, match=r"EmoGator\.zip is not what was published: .*\. Remove it"):
        download(source, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["EmoGator.zip"]


def test_unpacking_that_was_interrupted_is_begun_again(home: Home, source: Source, tmp_path: Path) -> None:
    unpacking = tmp_path / ".emogator.unpacking"
    unpacking.mkdir()
    (unpacking / "000001-05-1.mp3").write_bytes(b"hal")
    download(source, tmp_path)
    assert_complete(tmp_path)


@pytest.mark.parametrize("name", ["../evil.mp3", "a/../../evil.mp3", "/evil.mp3", "a\\..\\evil.mp3", "./evil.mp3"])
def test_no_entry_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    brought(tmp_path, zipped({**CLIPS, name: b"evil"}), f"its entry {ROOT + name!r} leads out of the folder")


def test_no_link_is_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo(f"{ROOT}000001-05-1.mp3")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    brought(tmp_path, buffer.getvalue(), "leads out of the folder")


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    brought(tmp_path, zipped({"000001-05-1.mp3": bytes((1 << 20) + 1)}), "it would unpack to 1,048,577 bytes")


def brought(into: Path, content: bytes, says: str) -> None:
    """An archive with the right checksum and the wrong content leaves nothing behind."""
    (into / "EmoGator.zip").write_bytes(content)
    with pytest.raises(DownloadError) as caught:
        download(source_of(content, "http://127.0.0.1/"), into)
    assert says in str(caught.value)
    assert [path.name for path in into.iterdir()] == ["EmoGator.zip"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Git calls a folder of the clips."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    folder = tmp_path_factory.mktemp("repository")
    for name, content in CLIPS.items():
        (folder / name).write_bytes(content)
    for command in (("init", "--quiet"), ("add", "."), ("write-tree",)):
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout.strip()


def test_git_tree_is_that_of_git(tree: str, tmp_path: Path) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(zipped(dict(reversed(CLIPS.items()))))
    assert git_tree(ROOT, tree)(archive) == ""


@pytest.mark.parametrize(
    "files",
    [
        {**CLIPS, "000001-05-1.mp3": b"another take"},
        {**CLIPS, "000002-05-1.mp3": b"one more"},
        dict(list(CLIPS.items())[1:]),
    ],
    ids=["other bytes", "one more", "one less"],
)
def test_git_tree_of_anything_else_is_refused(tree: str, tmp_path: Path, files: dict[str, bytes]) -> None:
    archive = tmp_path / "archive.zip"
    archive.write_bytes(zipped(files))
    assert f"the commit has {tree}" in git_tree(ROOT, tree)(archive)


def test_command_says_why_the_corpus_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "Audio_Speech_Actors_01-24.zip").write_bytes(b"not a zip file")
    parser = ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit, match="is not what was published: it is no zip file"):
        run(parser.parse_args(["ravdess", "--to", str(tmp_path)]))
