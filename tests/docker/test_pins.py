"""What the images install: all that is needed, exactly, and nothing that does not belong there."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = {"service": {"otel", "postgres", "redis", "s3"}, "dashboard": {"dashboard"}, "training": {"training"}}
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def text_of(image: str) -> str:
    return (ROOT / "docker" / f"requirements-{image}.txt").read_text(encoding="utf-8")


def pins(image: str) -> dict[str, str]:
    return {match[1]: match[2] for match in PIN.finditer(text_of(image))}


def wanted(image: str) -> list[Requirement]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in EXTRAS[image])]
    return [Requirement(line) for lines in lists for line in lines]


@pytest.mark.parametrize("image", EXTRAS)
class TestEachImage:
    def test_every_line_is_a_version_with_its_hashes(self, image):
        assert PIN.sub("", text_of(image)).strip() == ""

    def test_the_versions_are_those_of_the_project(self, image):
        pinned = pins(image)
        for requirement in wanted(image):
            version = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement}: run make pins"

    def test_what_these_need_is_there_too(self, image):
        """As the packages say that are installed here in the very version."""
        pinned = pins(image)
        looked_at = set()
        queue = [(requirement.name, extra) for requirement in wanted(image) for extra in ("", *requirement.extras)]
        while queue:
            name, extra = queue.pop()
            if (name, extra) in looked_at:
                continue
            looked_at.add((name, extra))
            assert canonicalize_name(name) in pinned, f"{name}: run make pins"
            try:
                installed = distribution(name)
            except PackageNotFoundError:
                continue
            if installed.version.partition("+")[0] != pinned[canonicalize_name(name)].partition("+")[0]:
                continue
            for requirement in map(Requirement, installed.requires or []):
                if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                    queue += [(requirement.name, each) for each in ("", *requirement.extras)]
        assert len(looked_at) > 40


@pytest.mark.parametrize("image", ["service", "dashboard"])
def test_what_serves_has_no_framework_in_it(image):
    assert (
        not {"tensorflow-cpu", "tensorflow", "keras", "torch", "transformers", "librosa", "scikit-learn"}
        & pins(image).keys()
    )


def test_the_service_shows_no_pages():
    assert not {"streamlit", "plotly", "jinja2", "pandas"} & pins("service").keys()


def test_training_comes_without_cuda():
    assert pins("training")["torch"].endswith("+cpu")
    assert [name for name in pins("training") if re.match("nvidia|cuda|triton", name)] == []
