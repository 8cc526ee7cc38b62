"""The ways in agree with each other: pyproject, the lock, conda, Binder, CI."""

import re
import tomllib
from pathlib import Path

import yaml

from helpers.environment import INSTALL, OLDEST_AWS_CLI

PROJECT = Path(__file__).parents[1]
CONDA_ONLY = {"python", "pip", "mysql-server", "mysql-client"}


def _name_and_floor(requirement: str) -> tuple[str, str]:
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?(?:>=([\d.]+))?", requirement.strip())
    assert match, requirement
    return match[1].lower(), match[2] or ""


def _pyproject() -> dict[str, str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return dict(_name_and_floor(each) for each in project["dependencies"])


def _conda(file: Path) -> dict[str, str]:
    named = yaml.safe_load(file.read_text())["dependencies"]
    inner = next(each["pip"] for each in named if isinstance(each, dict))
    plain = [each for each in [*named, *inner] if isinstance(each, str) and each[0] != "-"]
    return dict(_name_and_floor(each) for each in plain)


def test_conda_has_the_packages_of_pyproject_with_the_same_floors() -> None:
    conda, ours = _conda(PROJECT / "environment.yml"), _pyproject()
    # PyPI has version 1 of the AWS CLI, conda-forge version 2, which satisfies the floor too.
    assert (conda.pop("awscli").split(".")[0], ours.pop("awscli").split(".")[0]) == ("2", "1")
    assert {k: v for k, v in conda.items() if k not in CONDA_ONLY} == ours
    assert {"mysql-server", "python"} <= set(conda)


def test_the_cli_of_conda_is_new_enough_and_the_one_to_type() -> None:
    floor = _conda(PROJECT / "environment.yml")["awscli"]
    assert tuple(map(int, floor.split("."))) >= OLDEST_AWS_CLI[2]
    assert f"'awscli>={floor}'" in INSTALL["aws cli"]["conda"]


def test_binder_uses_that_environment() -> None:
    theirs = yaml.safe_load((PROJECT / ".binder" / "environment.yml").read_text())
    ours = yaml.safe_load((PROJECT / "environment.yml").read_text())
    inner = next(each for each in ours["dependencies"] if isinstance(each, dict))
    inner["pip"].remove("--editable .")  # there is no project yet; postBuild installs it
    assert theirs == ours


def test_the_lock_satisfies_pyproject_and_names_no_registry() -> None:
    lock = (PROJECT / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", lock, re.M))
    for name, floor in _pyproject().items():
        have = [int(part) for part in re.findall(r"\d+", pinned[name.replace("_", "-")])]
        assert have >= [int(part) for part in floor.split(".")], name
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > len(pinned)


def test_the_workflows_actions_are_pinned() -> None:
    for file in (PROJECT / ".github" / "workflows").glob("*.yml"):
        for used in re.findall(r"uses: *(\S+)", file.read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{file.name}: {used}"


def test_ci_does_what_the_readme_says() -> None:
    lines = (PROJECT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["export CI=true", "make setup", "make test-all"]
    # test-all does what the README tells a newcomer to type, once the tools are there.
    assert "\ntest-all: tools test\n" in (PROJECT / "Makefile").read_text()
    readme = (PROJECT / "README.md").read_text()
    assert "make lab" in readme and "make test" in readme


def test_nothing_secret_and_nothing_of_a_workplace_is_in_the_tree() -> None:
    patterns = [r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", r"BEGIN (RSA |OPENSSH |EC )?PRIVATE KEY-----\n"]
    for file in PROJECT.rglob("*"):
        inside = file.relative_to(PROJECT).parts
        if not file.is_file() or inside[0].startswith((".git", ".venv", ".tools", ".sandbox")):
            continue
        if inside[0] in ("keys", "test-results") or "__pycache__" in inside or file.suffix == ".so":
            continue
        text = file.read_text(errors="ignore").replace("AKIAIOSFODNN7EXAMPLE", "")  # AWS's example
        for pattern in patterns:
            assert not re.search(pattern, text), f"{file.name} holds {pattern}"
