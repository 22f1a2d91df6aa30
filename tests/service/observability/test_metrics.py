"""The metrics of a process that answers nothing else."""

import socket
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from service.observability.metrics import Metrics, shown
from service.settings import SettingsError


def test_a_worker_shows_its_own_while_it_works():
    metrics = Metrics()
    metrics.listened(2.5)
    with shown(metrics, "127.0.0.1", 0) as port, urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        assert "v2v_audio_seconds_total 2.5\n" in page.read().decode()
    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{port}/metrics")


def test_a_port_that_is_taken_is_a_fault_of_the_settings():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"V2V_METRICS_PORT={port}"), shown(Metrics(), "127.0.0.1", port):
            pass


def test_what_fails_is_an_error_unless_it_is_said():
    metrics = Metrics()
    with pytest.raises(ZeroDivisionError), metrics.step("acoustics"):
        raise ZeroDivisionError
    assert metrics.registry.get_sample_value("v2v_step_seconds_count", {"step": "acoustics", "outcome": "error"}) == 1
