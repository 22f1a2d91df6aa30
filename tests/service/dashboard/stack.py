"""A service, a dashboard that asks it, and a browser that looks at it: real processes, which reach nobody else."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.assemblyai import KEY, FakeAssemblyAI, served
from tests.servers import free_port
from tests.service.api.auto_repairs import LINES
from tests.system import ROOT, Process, until

CHROMIUM = Path("/usr/bin/chromium")
_OFFLINE = Path(__file__).with_name("offline")


@dataclass
class Stack:
    """What runs.

    Attributes:
        service: may be stopped and started again.
        url: of the dashboard.
        database: the service's.
        assemblyai: hears in every recording what two people say in auto_repairs_stereo.wav.
        key: an API key, where the service wants one.
    """

    service: Process
    dashboard: Process
    service_url: str
    url: str
    database: Path
    assemblyai: FakeAssemblyAI
    key: str

    def client(self) -> httpx2.Client:
        """Asks the service."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        return httpx2.Client(base_url=self.service_url, headers=headers, timeout=60)


@contextmanager
def stack(folder: Path, *, with_key: bool = False, transcribed: bool = True) -> Iterator[Stack]:
    """Started and ready; with an API key that its callers need, and somebody who transcribes."""
    with ExitStack() as ending:
        assemblyai = FakeAssemblyAI(seconds=0.2)
        assemblyai.lines = LINES
        service_port, port = free_port(), free_port()
        settings = {
            "V2V_DATA_DIR": str(folder / "data"),
            "V2V_PORT": str(service_port),
            "V2V_LOG_LEVEL": "warning",
            "PYTHONPATH": str(_OFFLINE),
        }
        if transcribed:
            settings["V2V_ASSEMBLYAI_API_KEY"] = KEY
            settings["V2V_ASSEMBLYAI_BASE_URL"] = ending.enter_context(served(assemblyai))
        key = _new_key(settings) if with_key else ""
        service = Process("service", ["service"], settings, folder).start()
        ending.callback(service.stop)
        service_url = f"http://127.0.0.1:{service_port}"
        shown = {
            "V2V_DASHBOARD_URL": service_url,
            "V2V_DASHBOARD_PORT": str(port),
            "PYTHONPATH": str(_OFFLINE),
            "HOME": str(folder),  # where Streamlit would keep its own settings
        }
        dashboard = Process("dashboard", ["service.dashboard"], shown, folder).start()
        ending.callback(dashboard.stop)
        service.wait_until_ready()
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{url}/_stcore/health"), 90, dashboard.tail)
        database = folder / "data" / "voice-to-value.db"
        yield Stack(service, dashboard, service_url, url, database, assemblyai, key)
        assert "WENT OUT" not in service.tail() + dashboard.tail()


def _new_key(settings: Mapping[str, str]) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "service", "keys", "create", "--tenant", "acme"],
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return next(word for word in made.stdout.split() if word.startswith("v2v_"))


def _answers(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return httpx2.get(url, timeout=5).is_success
    return False


def chromium() -> str:
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium in {CHROMIUM}: apt install chromium")
    return str(CHROMIUM)
