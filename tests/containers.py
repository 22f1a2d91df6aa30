"""Images and containers without Docker: Debian's buildah runs the steps of a Dockerfile, and a container is a process
that sees the file system of an image and nothing else, as the image's user."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

BASE = "docker.io/library/python:3.11-slim-bookworm"
_INCLUDED = "python3,python3-pip,python3-venv,ca-certificates"
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

# A mount namespace: the image's files, which cannot be written to, and what is mounted into them.
_CONTAINER = """
set -eu
root=$1 secrets=$2 data=$3; shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/run/secrets"
mount --bind "$secrets" "$root/run/secrets"
mount --bind "$data" "$root/data"
mount -o remount,bind,ro "$root/run"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


class ImageError(Exception):
    """A step that cannot be done on this machine, or whose outcome is not what it should be."""


def require() -> None:
    """Raises: ImageError: something that all of this needs is not here."""
    if os.geteuid() != 0:
        raise ImageError("images are built and started as root")
    missing = [name for name in ("buildah", "mmdebstrap", "unshare", "chroot", "setpriv") if not shutil.which(name)]
    if missing:
        raise ImageError(
            f"{', '.join(missing)}: not installed (Debian: apt install buildah mmdebstrap util-linux coreutils)"
        )


def run(command: Sequence[str | Path], **options: Any) -> str:
    """What ``command`` prints. Raises: ImageError: it did not end well; the message has the end of what it said."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if done.returncode:
        raise ImageError(f"{shlex.join(map(str, command[:6]))} …\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


@dataclass(frozen=True)
class Image:
    """An image in a store.

    Attributes:
        root: its files, in a container that was made from it and never started.
        config: what it says of how it is started, as Docker writes it.
    """

    store: "Store"
    name: str
    root: Path
    config: Mapping[str, Any]

    @cached_property
    def archive(self) -> Path:
        """A file with every layer and the configuration, not compressed."""
        path = self.store.folder / f"{self.name}.tar"
        self.store.buildah("push", self.name, f"docker-archive:{path}")
        return path

    def layers(self) -> list[int]:
        """The sizes of the layers, the base's first, in bytes."""
        with tarfile.open(self.archive) as archive:
            manifest = archive.extractfile("manifest.json")
            assert manifest is not None
            return [archive.getmember(name).size for name in json.load(manifest)[0]["Layers"]]

    def holds(self, needle: bytes) -> bool:
        """Whether any layer or the configuration has ``needle`` in it."""
        rest = b""
        with self.archive.open("rb") as file:
            while block := file.read(1 << 24):
                if needle in rest + block:
                    return True
                rest = block[-len(needle) :]
        return False


class Store:
    """Images of our own in ``folder``, apart from those of the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir()

    def buildah(self, *arguments: str | Path) -> str:
        places = ("--root", self.folder / "images", "--runroot", self.folder / "run", "--storage-driver", "vfs")
        return run(["buildah", *places, *arguments], env={**os.environ, "TMPDIR": str(self.folder / "tmp")})

    def make_base(self, tar: Path | None) -> None:
        """Debian with its Python under the name of the image on which the Dockerfiles build; of ``tar`` if given."""
        if tar is None:
            tar = self.folder / "base.tar"
            link = 'ln -s /usr/bin/python3 "$1/usr/local/bin/python"'
            options = ["--variant=minbase", f"--include={_INCLUDED}", f"--customize-hook={link}"]
            options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "locale", "man")]
            run(["mmdebstrap", *options, "bookworm", tar])
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", container, tar, "/")
        self.buildah("config", "--env", "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        self.buildah("commit", "--format", "docker", "--rm", container, BASE)

    def build(self, name: str, context: Path, arguments: Mapping[str, str]) -> Image:
        """Run the steps of ``docker/<name>.Dockerfile``. Raises: ImageError: one of them fails."""
        said = [part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}")]
        options = ("--pull-never", "--isolation", "chroot", "--format", "docker", *self._pip(), *said)
        dockerfile = context / "docker" / f"{name}.Dockerfile"
        self.buildah("bud", *options, "--file", dockerfile, "--tag", name, context)
        container = self.buildah("from", "--pull-never", name).strip()
        described = json.loads(self.buildah("inspect", "--type", "image", name))
        root = Path(self.buildah("mount", container).strip())
        return Image(self, name, root, described["Docker"]["config"])

    def _pip(self) -> list[str]:
        """Lets the steps use what pip uses on this machine: its index, its folders of wheels, its authorities."""
        config = self.folder / "pip.conf"
        found = {name: _pip_option(name) for name in ("index-url", "find-links")}
        lines = [f"{name} = {value}" for name, value in found.items() if value]
        config.write_text("\n".join(["[global]", f"cert = {_CA_BUNDLE}", *lines, ""]))
        wheels = [Path(place) for place in found["find-links"].split() if Path(place).is_dir()]
        mounts = {config: Path("/etc/pip.conf"), **{place: place for place in (_CA_BUNDLE, *wheels)}}
        return [part for here, there in mounts.items() for part in ("--volume", f"{here}:{there}:ro")]


def _pip_option(name: str) -> str:
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if value is None:
        asked = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
        value = done.stdout if done.returncode == 0 else ""
    return " ".join(value.split())


class Container:
    """A process in an image, as its user and without any capability. The network is the machine's.

    Attributes:
        log: what it has said.
    """

    def __init__(
        self, image: Image, command: Sequence[str], environment: Mapping[str, str], secrets: Path, data: Path, log: Path
    ) -> None:
        user, _, group = image.config["User"].partition(":")
        rights = ["--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
        variables = [*image.config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        started = ["env", "-i", f"--chdir={image.config['WorkingDir']}", *variables, *command]
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _CONTAINER, "sh"]
                + [str(path) for path in (image.root, secrets, data)]
                + ["setpriv", *rights, *started],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def status(self, seconds: float = 300) -> int:
        """Its exit status, once it has ended by itself."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """End it as an operator does; its exit status."""
        if not self.ended:
            pid = self._process.pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            run(["kill", "-TERM", *children])
        return self._process.wait(60)


@contextmanager
def running(container: Container) -> Iterator[Container]:
    """``container``, which is stopped in the end."""
    try:
        yield container
    finally:
        container.stop()
