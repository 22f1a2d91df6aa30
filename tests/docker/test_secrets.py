"""No secret is in the tree or was ever committed."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_LARGEST = 2_000_000
"""Of what is looked at, in bytes; only weights are larger."""

_SECRET = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"
    rb"|\bAKIA[0-9A-Z]{16}\b"
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}"
    rb"|\bgithub_pat_\w{22}"
    rb"|\bglpat-[\w-]{20}"
    rb"|\bxox[abprs]-[0-9A-Za-z-]{10}"
    rb"|\bhf_[A-Za-z0-9]{30}"
    rb"|\bsk-[A-Za-z0-9_-]{20}"
    rb"|\bAIza[0-9A-Za-z_-]{35}"
    rb"|\bpypi-[A-Za-z0-9_-]{50}"
    rb"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."
    rb"|\bv2v_[0-9a-z]{6,}_[A-Za-z0-9_-]{24}"
    rb"|\bwhsec_[A-Za-z0-9+/]{32}"
    # A password in an address, but for those of whoever is called user in an example, and ports.
    rb"|://(?!user:)[^\s/:@'\"{}$<>%]+:(?!\d+@)[^\s/:@'\"{}$<>%]{3,}@"
)


def secrets(content: bytes) -> list[bytes]:
    return [match[0] for match in _SECRET.finditer(content)]


def history() -> Iterator[bytes]:
    """Every version of every file that was committed, but weights and recordings."""
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--unordered", "--batch-check"],  # noqa: S607 - on the PATH
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.splitlines()
    wanted = [oid for oid, kind, size in map(bytes.split, listed) if kind == b"blob" and int(size) < _LARGEST]
    found = subprocess.run(
        ["git", "cat-file", "--batch"],  # noqa: S607 - on the PATH
        cwd=ROOT,
        input=b"\n".join(wanted) + b"\n",
        capture_output=True,
        check=True,
    ).stdout
    at = 0
    for _ in wanted:
        begin = found.index(b"\n", at) + 1
        size = int(found[at:begin].split()[2])
        at = begin + size + 1
        yield found[begin : begin + size]


def test_none_was_ever_committed():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    versions = list(history())
    assert any(b"[project]" in version for version in versions)
    assert [found for version in versions if b"\0" not in version[:8000] for found in secrets(version)] == []


def test_none_is_in_what_is_not_committed_yet():
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    command = ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()  # noqa: S603 - our own
    paths = [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]
    assert {str(path): found for path in paths if (found := secrets(path.read_bytes()))} == {}


@pytest.mark.parametrize(
    "parts",
    [
        ("AKIA", "IOSFODNN7EXAMPLE"),
        ("ghp_", "a" * 36),
        ("v2v_", "7f3d9c51", "_", "Zm9v" * 8),
        ("whsec_", "AAAA" * 8),
        ("postgresql://voice_to_value:", "hunter2@db.example.com/name"),
        ("-----BEGIN RSA ", "PRIVATE KEY-----\n", "MIIE" * 8),
        ("eyJhbGciOiJIUzI1NiJ9", ".", "eyJzdWIiOiIxMjM0In0", ".sig"),
    ],
    ids=lambda parts: parts[0],
)
def test_one_would_be_found(parts):
    """Each is put together here, so that this file holds none."""
    assert len(secrets(b"x = '" + "".join(parts).encode() + b"'")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:password@host/name",
        "https://crm.example.com:443@elsewhere",
        "redis://redis:6379/0",
        "sha256:" + "0f" * 32,
        "v2v_http_request_seconds_bucket",
    ],
)
def test_what_is_none_is_not_taken_for_one(text):
    assert secrets(text.encode()) == []
