"""``pytest --nbval notebooks/`` is strict: the hooks of :mod:`harnlab.nbcheck.guard` hold for this folder."""

from harnlab.nbcheck.guard import (
    pytest_assertrepr_compare,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_setup,
)

__all__ = [
    "pytest_assertrepr_compare",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_setup",
]
