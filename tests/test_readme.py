"""The README is a Space's README too: its front matter is what Spaces accepts and agrees with the requirements."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def front_matter(readme) -> dict:
    assert readme.startswith("---\n")
    return yaml.safe_load(readme.split("---\n")[1])


def pins() -> dict[str, str]:
    """Package to version specifier of each requirement."""
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines())
    return dict(re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", line).groups() for line in lines if line)


def test_the_sdk_is_gradio_of_exactly_the_pinned_version(front_matter):
    assert front_matter["sdk"] == "gradio"
    assert pins()["gradio"] == f"=={front_matter['sdk_version']}"


def test_the_python_version_is_quoted_and_one_that_is_supported(front_matter):
    assert front_matter["python_version"] in {"3.11", "3.12", "3.13"}


def test_the_app_file_exists(front_matter):
    assert (ROOT / front_matter["app_file"]).is_file()


def test_title_emoji_and_short_description_are_there_and_short_enough(front_matter):
    assert front_matter["title"]
    assert front_matter["emoji"]
    assert 0 < len(front_matter["short_description"]) <= 60


@pytest.mark.parametrize("key", ["colorFrom", "colorTo"])
def test_colours_are_ones_that_spaces_knows(key, front_matter):
    assert front_matter[key] in COLOURS


def test_the_licence_is_mit_as_in_the_licence_file(front_matter):
    assert front_matter["license"] == "mit"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


@pytest.mark.parametrize(
    "command", ["pip install -r requirements.txt && python app.py", "pip install -r requirements-dev.txt && python -m pytest"]
)
def test_the_two_commands_are_told_and_their_files_exist(command, readme):
    assert command in readme
    assert (ROOT / re.search(r"-r (\S+)", command)[1]).is_file()


def test_links_to_files_lead_somewhere(readme):
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", readme)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_requirements_admit_the_torch_of_zerogpu():
    floor = re.match(r">=2\.(\d+)", pins()["torch"])
    assert floor
    assert int(floor[1]) <= 8
