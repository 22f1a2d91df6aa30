"""What the pages of the documentation say is so."""

import re

import pytest

from service.analyses.housekeeping import KEY_HOURS
from service.dashboard.settings import DashboardSettings
from service.observability.metrics import Metrics
from service.settings import Settings
from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))


def shown(value):
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.fixture(scope="module")
def data_protection():
    return (ROOT / "docs" / "data-protection.md").read_text(encoding="utf-8")


def test_the_defaults_that_data_protection_names_are_those_of_the_settings(data_protection):
    named = re.findall(r"`V2V_([A-Z_]+)`[^`\n]{0,3}\(`([^`]+)`\)", data_protection)
    assert {name for name, _ in named} == {
        "AUDIO_RETENTION_HOURS",
        "RECOVERY_HOURS",
        "RESULT_RETENTION_DAYS",
        "REDACT_TRANSCRIPTS",
        "ASSEMBLYAI_REDACT_PII",
        "AGENT_EMOTIONS",
    }
    for name, value in named:
        assert value == shown(Settings.model_fields[name.lower()].default), name
    assert f"| {KEY_HOURS} hours |" in data_protection


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_setting_that_a_page_names_is_there(page):
    named = set(re.findall(r"V2V_([A-Z_]+[A-Z])", page.read_text(encoding="utf-8")))
    known = {*Settings.model_fields, *(f"dashboard_{name}" for name in DashboardSettings.model_fields)}
    assert {name for name in named if name.lower() not in known} == set()


def test_every_metric_is_explained_with_its_labels():
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    explained = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(v2v_\w+)` \| (.*?) ?\|", page, re.M)
    }
    collectors = {name: each for each, names in Metrics().registry._collector_to_names.items() for name in names}
    names = {metric.name for metric in Metrics().registry.collect() if metric.name.startswith("v2v_")}
    assert set(explained) == names
    for name in names - {"v2v_build"}:
        assert explained[name] == set(collectors[name]._labelnames), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
