"""Prometheus's alerts and Grafana's dashboard speak of what the service measures."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from service.observability.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "docker/prometheus/alerts.yml"
DASHBOARD = json.loads((ROOT / "docker/grafana/dashboard.json").read_text(encoding="utf-8"))
QUERIES = {
    **{target["expr"]: panel["title"] for panel in DASHBOARD["panels"] for target in panel["targets"]},
    **{
        rule["expr"]: rule["alert"]
        for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    },
}


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("needs promtool (Debian: apt install prometheus)")
    return subprocess.run(  # noqa: S603 - our own arguments
        [program, *arguments], cwd=ALERTS.parent, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("query", QUERIES, ids=QUERIES.values())
def test_a_query_asks_for_what_is_measured(query):
    measured = {family.name: family for family in Metrics().registry.collect()}
    for name in re.findall(r"\b(?:v2v|process)_\w+", query):
        family = measured.get(re.sub(r"_(bucket|count|sum|total|info)$", "", name)) or measured[name]
        suffix = name.removeprefix(family.name)
        assert suffix in {"histogram": ("_bucket", "_count"), "counter": ("_total",), "info": ("_info",)}.get(
            family.type, ("",)
        )


def test_prometheus_understands_its_files():
    assert "9 rules found" in promtool("check", "rules", ALERTS.name).stdout
    assert promtool("check", "config", "--syntax-only", "prometheus.yml").returncode == 0


@pytest.mark.parametrize("name", ["alerts_test.yml", "drift_test.yml"])
def test_the_alerts_fire_when_they_should_and_not_before(name):
    result = promtool("test", "rules", str(Path(__file__).with_name(name)))
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_is_in_the_runbook():
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    alerts = [name for query, name in QUERIES.items() if f"alert: {name}" in ALERTS.read_text(encoding="utf-8")]
    assert len(alerts) == 9
    assert [name for name in alerts if f"`{name}`" not in page] == []


def test_the_dashboard_shows_each_thing_once():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in DASHBOARD["panels"]]
    assert len(places) == len(set(places))
