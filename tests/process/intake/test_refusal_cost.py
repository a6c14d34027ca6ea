"""Refused requests cost the receiver no more than accepted ones."""

import argparse
from pathlib import Path

import pytest

from bench import refusing
from bench.contestants import Installation
from tests.support.thorough import THOROUGH

AT_MOST = 2.5
"""CPU time of a refused request, as a multiple of an accepted one's: 0.3 to 0.8 on a quiet machine,
up to 1.5 beside other tests. `make bench-refuse` measures it; here only a multiple is noticed."""
OF_ACCEPTED = 5
"""Column of that number in the lines of the benchmark."""


@pytest.mark.skipif(not THOROUGH, reason="it measures for half a minute")
def test_a_refused_request_costs_no_more_than_an_accepted_one(tmp_path: Path, kind: str) -> None:
    installation = Installation(tmp_path)
    options = argparse.Namespace(repetitions=3, seconds=0.4, only=None)
    try:
        lines = list(refusing.measured(installation, kind, options))
    finally:
        installation.remove()

    assert {line[1]: line[OF_ACCEPTED] for line in lines if float(str(line[5])) > AT_MOST} == {}
