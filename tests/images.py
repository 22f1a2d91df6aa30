"""``make images``: build what the Dockerfiles describe, look into it, and start it as docker-compose.yml does.

The Dockerfiles' own steps run, on a Debian that is made here in place of the published base. What is started, with
which command and environment, is read from the image and from docker-compose.yml; PostgreSQL and Redis are this
machine's. What cannot be done here is said, and fails.
"""

import argparse
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from service import __version__
from tests.containers import Container, Image, ImageError, Store, require, run, running
from tests.servers import free_port, postgres_server, redis_server
from tests.system import until

ROOT = Path(__file__).resolve().parents[1]
_CONTEXT = ("LICENSE", "docker", "onnx_models", "pyproject.toml", "service", "training", "tests/data", ".dockerignore")
_PLANTED = b"v2v_planted_7f3d9c51e08b46a2"
"""Stands in every place beside the code in which somebody may leave a key, and may be in no image."""
_PLACES = (".env", "secrets/postgres_password", "service/.env", "service/api/server.key", "training/.env.local")
_COMPILERS = {"gcc", "g++", "cc", "c++", "clang", "ld", "make"}
_FRAMEWORKS = {"tensorflow", "keras", "torch", "transformers", "sklearn", "librosa", "training"}
_IMPORTS = "import tensorflow, keras, torch, transformers, librosa, sklearn, tf2onnx, skl2onnx"


def main() -> int:
    """Returns: 0, or 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.images", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="service, dashboard, training, or all where none is named"
    )
    parser.add_argument("--base", type=Path, metavar="TAR", help="the files of the base, in place of a new Debian")
    options = parser.parse_args()
    try:
        require()
        (ROOT / "build").mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="images-", dir=ROOT / "build") as folder:
            store = Store(Path(folder))
            context = _context(store.folder / "context")
            _say("make the base", lambda: store.make_base(options.base))
            for name in options.images or ["service", "dashboard", "training"]:
                image = _say(f"build {name}", lambda name=name: _build(store, name, context))
                _say(f"look into {name}", lambda image=image: _look_into(image))
                _say(f"start {name}", lambda image=image: _STARTED[image.name](image))
    except (ImageError, pytest.skip.Exception) as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 1
    return 0


def _say(what: str, do: Callable[[], Any]) -> Any:
    print(f"{what} …", flush=True)
    began = time.monotonic()
    result = do()
    print(f"{what}: done in {time.monotonic() - began:.0f} s", flush=True)
    return result


def _context(folder: Path) -> Path:
    """A copy of what is committed or about to be, with keys left in it as people do."""
    names = run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *_CONTEXT], cwd=ROOT
    ).splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for place in _PLACES:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(_PLANTED)
    return folder


def _build(store: Store, name: str, context: Path) -> Image:
    os.environ["V2V_ASSEMBLYAI_API_KEY"] = _PLANTED.decode()
    return store.build(name, context, {"VERSION": __version__, "REVISION": run(["git", "rev-parse", "HEAD"]).strip()})


def _look_into(image: Image) -> None:
    """Raises: ImageError: it has what an image should not have, or lacks what it should."""
    faults = []
    if image.config["User"] != "1000:1000":
        faults.append(f"its user is {image.config['User']!r}")
    labels = image.config.get("Labels") or {}
    if labels.get("org.opencontainers.image.version") != __version__:
        faults.append(f"its labels are {labels}")
    files = [path for path in image.root.rglob("*") if not path.is_symlink()]
    faults += [f"it has a compiler: {path}" for path in files if path.name in _COMPILERS and path.parent.name == "bin"]
    faults += [f"its user may change {path}" for path in files if _is_code(image, path) and _may_change(path)]
    if image.name != "training":
        packages = next(image.root.glob("opt/venv/lib/python3*/site-packages"))
        faults += [f"it has {name}" for name in sorted(_FRAMEWORKS) if (packages / name).exists()]
        faults += [] if "Healthcheck" in image.config else ["it has no health check"]
    faults += ["a key that lay beside the code is in it"] if image.holds(_PLANTED) else []
    if faults:
        raise ImageError("\n".join(faults))
    layers = image.layers()
    print(f"  {sum(layers) / 1e6:.0f} MB, of which the base has {layers[0] / 1e6:.0f} MB; {len(files)} files")


def _is_code(image: Image, path: Path) -> bool:
    return path.relative_to(image.root).parts[0] in ("app", "opt") and path.is_file()


def _may_change(path: Path) -> bool:
    found = path.stat()
    return found.st_uid == 1000 or bool(found.st_mode & stat.S_IWOTH)


def _start_service(image: Image) -> None:
    """Migrate, make a key, serve and work, as docker-compose.yml does; then post a call."""
    described = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="containers-")))
        secrets, data = folder / "secrets", folder / "data"
        secrets.mkdir(mode=0o755)
        data.mkdir()
        os.chown(data, 1000, 1000)
        folder.chmod(0o755)
        (secrets / "V2V_DATABASE_PASSWORD").write_text("correct horse\n")
        addresses = {
            "postgres:5432": stack.enter_context(postgres_server()).database().partition("@")[2],
            "redis:6379": stack.enter_context(redis_server()).url.split("/")[2],
        }
        port, metrics_port = free_port(), free_port()
        url = f"http://127.0.0.1:{port}"

        def start(name: str, *arguments: str, command: Sequence[str] = (), **others: str) -> Container:
            given = described[name]["environment"]
            variables = {**{key: _replaced(str(value), addresses) for key, value in given.items()}, **others}
            command = command or [*(described[name].get("command") or image.config["Cmd"]), *arguments]
            log = folder / f"{name}{time.monotonic_ns()}.log"
            return Container(image, command, variables, secrets, data, log)

        local = {"V2V_HOST": "127.0.0.1", "V2V_PORT": str(port), "V2V_WAIT_SECONDS": "300"}
        _expect(start("service"), 2, "run: python -m service migrate")
        _expect(start("migrate"), 0, "up to date")
        _expect(start("service"), 2, "no API key")  # at the image's own address, which others could reach
        keys = ["python", "-m", "service", "keys", "create", "--tenant", "images"]
        key = next(word for word in _expect(start("migrate", command=keys), 0, "v2v_").split() if word[:4] == "v2v_")
        service = stack.enter_context(running(start("service", **local)))
        worker = stack.enter_context(running(start("worker", V2V_METRICS_PORT=str(metrics_port), V2V_HOST="127.0.0.1")))
        for container in (service, worker):
            until(lambda container=container: "Voice to Value " in container.said or container.ended, 600, str)
            if container.ended:
                raise ImageError(container.said[-3000:])
        _expect(start("service", command=image.config["Healthcheck"]["Test"][1:], **local), 0, "")
        _expect(start("service", command=["python", "-c", "open('/app/new', 'w')"]), 1, "Read-only file system")
        call = (ROOT / "tests/data/sample_call.wav").read_bytes()
        with httpx2.Client(base_url=url, timeout=600) as client:
            form = {"files": {"file": call}, "data": {"channel_roles": "customer,agent"}}
            stranger = client.post("/analyze-audio", **form)
            answer = client.post("/analyze-audio", headers={"Authorization": f"Bearer {key}"}, **form)
        counted = httpx2.get(f"http://127.0.0.1:{metrics_port}/metrics").text
        memory = re.search(r"^process_resident_memory_bytes (\S+)", counted, re.MULTILINE)
        print(f"  the worker takes {float(memory[1]) / 1e6 if memory else 0:.0f} MB")
        channels = answer.json().get("channels", [])
        roles = [(channel["role"], channel["status"]) for channel in channels]
        print(f"  POST /analyze-audio: {stranger.status_code} without a key, {answer.status_code} with one: {roles}")
        if stranger.status_code != 401 or answer.status_code != 200:
            raise ImageError(f"{stranger.text}\n{answer.text}\n{service.said[-2000:]}\n{worker.said[-2000:]}")
        if roles != [("customer", "analyzed"), ("agent", "withheld")]:
            raise ImageError(answer.text)
        if "v2v_audio_seconds_total 44" not in counted:
            raise ImageError(f"the worker has not counted the call:\n{counted[-2000:]}")
        if "correct horse" in service.said + worker.said or key in service.said + worker.said:
            raise ImageError("a secret is in a log")
        for name, container in (("service", service), ("worker", worker)):
            status = container.stop()
            if status != 0:
                raise ImageError(f"{name} ended with {status}: {container.said[-2000:]}")


def _start_dashboard(image: Image) -> None:
    """It shows its page with nobody to ask, and says that it is well."""
    with tempfile.TemporaryDirectory(prefix="containers-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (image.root / "data").mkdir(exist_ok=True)
        settings = {"V2V_DASHBOARD_HOST": "127.0.0.1", "V2V_DASHBOARD_PORT": str(free_port())}

        def start(log: str, command: Sequence[str]) -> Container:
            return Container(image, command, settings, folder, folder, folder / log)

        with running(start("dashboard", image.config["Cmd"])) as dashboard:
            until(lambda: "server started" in dashboard.said or dashboard.ended, 600, str)
            _expect(start("health", image.config["Healthcheck"]["Test"][1:]), 0, "")
            _expect(start("sample", ["test", "-s", "/app/tests/data/sample_call.wav"]), 0, "")


def _start_training(image: Image) -> None:
    """The command answers, and everything that it trains with can be imported."""
    with tempfile.TemporaryDirectory(prefix="containers-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (image.root / "data").mkdir(exist_ok=True)
        begun = [*image.config["Entrypoint"], *image.config["Cmd"]]
        _expect(Container(image, begun, {}, folder, folder, folder / "help"), 0, "download")
        _expect(Container(image, ["python", "-c", _IMPORTS], {}, folder, folder, folder / "imports"), 0, "")


_STARTED = {"service": _start_service, "dashboard": _start_dashboard, "training": _start_training}


def _replaced(value: str, addresses: dict[str, str]) -> str:
    """``value`` as docker compose reads it without a .env, with the addresses of this machine's servers."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    for there, here in addresses.items():
        value = value.replace(there + "/voice_to_value", here).replace(there, here)
    return value.replace("voice_to_value@", "postgres@")


def _expect(container: Container, status: int, told: str) -> str:
    """What ``container`` said. Raises: ImageError: it did not end with ``status``, or did not say what it should."""
    found = container.status()
    if found != status or told not in container.said:
        raise ImageError(f"ended with {found}, not {status} and {told!r}:\n{container.said[-3000:]}")
    return container.said


if __name__ == "__main__":
    sys.exit(main())
