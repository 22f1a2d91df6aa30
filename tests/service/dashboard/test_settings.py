import re

import pytest

from service.dashboard.__main__ import options
from service.dashboard.settings import DashboardSettings, SettingsError, load_settings
from service.settings import Settings
from tests.conftest import ROOT


def test_without_any_it_asks_the_service_of_make_run():
    settings = load_settings()
    assert settings.url == f"http://{Settings().host}:{Settings().port}"
    assert (settings.host, settings.key.get_secret_value()) == ("127.0.0.1", "")


@pytest.mark.parametrize("name", ["max_upload_bytes", "max_audio_seconds", "max_channels"])
def test_its_limits_are_those_of_the_service(name, monkeypatch):
    assert getattr(load_settings(), name) == getattr(Settings(), name)
    monkeypatch.setenv(f"V2V_{name.upper()}", "7")
    assert getattr(load_settings(), name) == getattr(Settings(), name) == 7


def test_a_key_is_not_for_all_who_reach_an_open_address(monkeypatch):
    monkeypatch.setenv("V2V_DASHBOARD_KEY", "v2v_secret")
    assert load_settings().key.get_secret_value() == "v2v_secret"
    monkeypatch.setenv("V2V_DASHBOARD_HOST", "0.0.0.0")  # noqa: S104 - that is what is refused
    with pytest.raises(SettingsError, match="whoever reaches") as caught:
        load_settings()
    assert "v2v_secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"), [("V2V_DASHBOARD_URL", "service"), ("V2V_DASHBOARD_PORT", "x"), ("V2V_MAX_CHANNELS", "0")]
)
def test_a_value_that_does_not_fit_is_named(variable, value, monkeypatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=variable):
        load_settings()


def test_nothing_is_told_to_anybody_and_no_file_is_watched():
    chosen = options(load_settings())
    assert chosen["browser_gatherUsageStats"] is False
    assert chosen["server_fileWatcherType"] == "none"
    assert chosen["server_maxUploadSize"] == 190  # MiB, of 200 MB
    assert set(chosen["server_allowedHosts"]) == {"localhost", "127.0.0.1", "::1"}


def test_every_setting_is_in_the_documentation():
    page = (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")
    for name, field in DashboardSettings.model_fields.items():
        variable = field.validation_alias or f"V2V_DASHBOARD_{name.upper()}"
        assert re.search(rf"`{variable}`", page), variable
