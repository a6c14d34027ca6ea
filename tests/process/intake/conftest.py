"""The tests of admission run under both worker classes, because admission depends on neither."""

import pytest

from tests.process.conftest import COOPERATIVE
from tests.support.thorough import THOROUGH

GTHREAD = "gthread"
"""gunicorn's own worker, which gives each request a thread."""
UNDER_BOTH = {"test_admitted_once"}
if THOROUGH:
    UNDER_BOTH |= {"test_bodies", "test_counts", "test_other_constraints"}
"""The modules that test admission; the samples test sources, and run under our own worker alone."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that starts a gunicorn under both worker classes."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if "worker_class" in metafunc.fixturenames and module in UNDER_BOTH:
        metafunc.parametrize("worker_class", [COOPERATIVE, GTHREAD])
