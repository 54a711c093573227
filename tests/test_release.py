"""What a release is made of: versions that agree, workflows that call what there is."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import skglmm

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MINORS = ("3.11", "3.12", "3.13", "3.14")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def parsed(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path):
    return [step for job in parsed(path)["jobs"].values() for step in job["steps"]]


def commands(path):
    return [line for step in steps(path) for line in step.get("run", "").splitlines()]


def newest_release():
    """Version and day of the first dated heading of the changelog."""
    return re.search(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", read("CHANGELOG.md"), re.M)


def test_versions_agree():
    version = skglmm.__version__.partition(".dev")[0]
    if version == skglmm.__version__:  # a release, and not what is on the way to the next one
        assert newest_release()[1] == version
        assert yaml.safe_load(read("CITATION.cff"))["version"] == version
        assert yaml.safe_load(read("conda/recipe.yaml"))["context"]["version"] == version
        assert f"version {version}." in read("README.md")


def test_the_version_stands_in_one_place_of_the_package():
    assert PROJECT["dynamic"] == ["version"]
    assert f'__version__ = "{skglmm.__version__}"' in read("skglmm/__init__.py")


def test_the_days_of_the_release_agree():
    assert yaml.safe_load(read("CITATION.cff"))["date-released"] == newest_release()[2]


def test_the_changelog_begins_with_what_is_not_released_and_has_highlights():
    headings = re.findall(r"^##+ .*", read("CHANGELOG.md"), re.M)
    assert headings[0] == "## [Unreleased]"
    after = headings[headings.index(newest_release()[0]) + 1]
    assert after == "### Highlights"


def test_citation_and_project_say_the_same():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["license"] == PROJECT["license"]
    assert [each["name"] for each in citation["authors"]] == [
        each["name"] for each in PROJECT["authors"]
    ]
    assert citation["url"] == PROJECT["urls"]["Documentation"]


def test_the_recipe_of_conda_has_the_dependencies_of_the_project():
    recipe = yaml.safe_load(read("conda/recipe.yaml"))
    python, *others = recipe["requirements"]["run"]
    assert python == "python >=${{ python_min }}"
    assert f">={recipe['context']['python_min']}" == PROJECT["requires-python"]
    assert {str(Requirement(line.replace(" ", ""))) for line in others} == {
        str(Requirement(line)) for line in PROJECT["dependencies"]
    }
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["about"]["summary"] == PROJECT["description"]


def test_there_are_three_workflows():
    assert [path.stem for path in WORKFLOWS] == ["docs", "release", "tests"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_parses_and_has_few_rights(path):
    found = parsed(path)
    assert {"name", "permissions", "jobs"} <= set(found)
    assert found[True]  # "on", as YAML reads it
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        assert job["runs-on"]
        assert all(("uses" in step) != ("run" in step) for step in job["steps"])
        assert set(job.get("permissions", {})) <= {"id-token"}
        needed = job.get("needs", [])
        assert {needed} if isinstance(needed, str) else set(needed) <= set(found["jobs"])
    pinned = [step["uses"] for step in steps(path) if "uses" in step]
    assert all(re.search(r"@(v\d+|release/v\d+)$", each) for each in pinned)


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "RELEASING.md"], ids=lambda path: path.stem)
def test_what_is_called_exists(path):
    makefile = read("Makefile")
    text = "\n".join(commands(path)) if path in WORKFLOWS else path.read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^|`)make ([\w.$/-]+)", text, re.M))
    assert targets
    for target in targets:
        rule = r"$(VENV)/.stamp-%" if ".stamp-" in target else target
        assert f"\n{rule}:" in makefile, target
        if ".stamp-" in target:
            assert target.partition("stamp-")[2] in PROJECT["optional-dependencies"]
    files = re.findall(r"(?<![\w/])(?:\.ci|benchmarks|tests|paper|conda|docs)/[\w./-]+\w", text)
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_tests_run_on_all_systems_with_all_versions_of_python():
    jobs = parsed(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    matrix = jobs["newest"]["strategy"]["matrix"]
    assert [each.partition("-")[0] for each in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert tuple(matrix["python"]) == MINORS
    classifiers = [each.rpartition(" ")[2] for each in PROJECT["classifiers"]]
    assert set(MINORS) <= set(classifiers)
    lowest = parsed(ROOT / ".github" / "workflows" / "release.yml")["jobs"]["wheel"]
    assert lowest["strategy"]["matrix"]["python"] == [MINORS[0], MINORS[-1]]


def test_nothing_is_published_but_what_was_tested_and_tagged():
    jobs = parsed(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    publish = jobs["publish"]
    assert publish["needs"] == "wheel"
    assert jobs["wheel"]["needs"] == "build"
    assert "github.ref_type == 'tag'" in publish["if"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"


def test_the_makefile_lists_what_has_no_file():
    makefile = read("Makefile")
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)", makefile, re.M)).split())
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.M))
    assert targets == phony


def claims():
    """Of the paper: each script with the numbers that it prints, and the text before them."""
    text = read("paper/paper.md")
    for found in re.finditer(r"<!-- ([\w/.-]+): (.*?) -->", text, re.S):
        before = text[: found.start()].rpartition("-->")[2]
        yield found[1], [each.strip() for each in found[2].split(";")], before


def test_numbers_of_the_paper_have_a_script_and_stand_in_the_documentation():
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")]
    pages.append(ROOT / "CHANGELOG.md")
    documentation = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    found = list(claims())
    assert len(found) > 5
    for script, numbers, before in found:
        assert (ROOT / script).exists(), script
        for number in numbers:
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", before), (script, number)
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", documentation), number


def test_no_number_of_the_paper_is_without_a_script():
    """Numbers of results; years, degrees and parts of names are none."""
    text = read("paper/paper.md").partition("# Validation")[2].partition("# References")[0]
    known = {number for _, numbers, _ in claims() for number in numbers}
    prose = re.sub(r"<!--.*?-->|\[@[^\]]*\]|`[^`]*`", "", text, flags=re.S)
    numbers = set(re.findall(r"(?<![\w.])\d[\d,.]*(?:e-\d+)?(?<![.,])", prose))
    assert numbers
    assert numbers - known == set()


def test_the_paper_cites_what_its_bibliography_has():
    cited = set(re.findall(r"@([\w:-]+)", read("paper/paper.md")))
    entries = re.findall(r"^@\w+\{([\w:-]+),", read("paper/paper.bib"), re.M)
    assert sorted(set(entries)) == sorted(entries)
    assert cited == set(entries)
