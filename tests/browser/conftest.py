"""Fixtures of the browser tests: ``chromium``, ``lab``, ``notebook_page``.

Without a Chromium the tests skip and say so; under ``HARNLAB_REQUIRE_BROWSER=1``, as in CI, they fail.
"""

import contextlib
import os
from pathlib import Path

import pytest

from browser import jupyter


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    if not jupyter.CHROMIUM:
        reason = "no chromium on PATH, and HARNLAB_CHROME is not set"
        if os.environ.get("HARNLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with jupyter.running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lab(chromium, tmp_path_factory):
    """A JupyterLab of the session's own; ``lab.folder`` is what it serves."""
    with jupyter.running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def notebook_page(chromium, lab, request):
    """Run cells in a fresh notebook: ``page = notebook_page("first cell", "second cell", theme="dark")``.

    The test fails if any page throws an error or asks for anything beyond its own JupyterLab.
    """
    with contextlib.ExitStack() as pages:
        found = []

        def run(*sources, theme="light"):
            name = f"{request.node.name.partition('[')[0]}-{len(found)}.ipynb"
            lab.write(name, *sources)
            page, problems = pages.enter_context(jupyter.watched_page(chromium, lab))
            found.append(problems)
            jupyter.open_notebook(page, lab, name)
            jupyter.switch_theme(page, theme)
            jupyter.run_all_cells(page)
            return page

        yield run
    assert [problem for problems in found for problem in problems] == []
