"""environment.yml asks for what pyproject.toml asks for, and both admit what is installed here."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
ENVIRONMENT = yaml.safe_load((PROJECT / "environment.yml").read_text())
PYPI_ONLY = PYPROJECT["tool"]["harnlab"]["pypi-only"]
CONDA_NAMES = PYPROJECT["tool"]["harnlab"]["conda-names"]


def asked_by_pyproject():
    """Range of each package, under its PyPI name, of the project and its extra ``test``."""
    project = PYPROJECT["project"]
    texts = project["dependencies"] + project["optional-dependencies"]["test"]
    requirements = [Requirement(text) for text in texts]
    assert not any(requirement.marker or requirement.extras for requirement in requirements)
    return {canonicalize_name(requirement.name): requirement.specifier for requirement in requirements}


def asked_by_conda(environment):
    """Range of each package, under its conda name; the pip section left out."""
    ranges = {}
    for line in environment["dependencies"]:
        if isinstance(line, str):
            name, _, versions = line.partition(" ")
            assert re.fullmatch(r"[a-z0-9_.-]+", name), f"write {line!r} as 'name >=version'"
            assert name not in ranges, f"{name} is listed twice"
            ranges[name] = SpecifierSet(versions.replace(" ", ""))
    return ranges


PYPI = asked_by_pyproject()
CONDA = asked_by_conda(ENVIRONMENT)


def conda_name(name):
    return CONDA_NAMES.get(name, name)


def test_both_files_name_the_same_packages():
    assert set(CONDA) - {"python", "pip"} == {conda_name(name) for name in PYPI if name not in PYPI_ONLY}


@pytest.mark.parametrize("name", sorted(set(PYPI).difference(PYPI_ONLY)))
def test_both_files_ask_for_the_same_range(name):
    assert CONDA[conda_name(name)] == PYPI[name]


@pytest.mark.parametrize("name", sorted(PYPI))
def test_the_installed_version_is_in_the_range(name):
    assert PYPI[name].contains(version(name), prereleases=True)


def test_both_files_ask_for_the_same_python():
    assert CONDA["python"] == SpecifierSet(PYPROJECT["project"]["requires-python"])


def test_the_environment_comes_from_conda_forge_and_ends_with_the_project_itself():
    assert ENVIRONMENT["channels"] == ["conda-forge"]
    assert ENVIRONMENT["dependencies"][-1] == {"pip": ["-e .[test]"]}
    assert "pip" in CONDA


def test_a_differing_name_belongs_to_a_package_that_is_asked_for():
    extras = PYPROJECT["project"]["optional-dependencies"]
    every = PYPROJECT["project"]["dependencies"] + [text for extra in extras.values() for text in extra]
    assert set(CONDA_NAMES) <= {canonicalize_name(Requirement(text).name) for text in every}
    assert all(pypi != conda for pypi, conda in CONDA_NAMES.items())
