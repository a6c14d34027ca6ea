"""The page of each source has the steps at its sender as the console shows them."""

import re

import pytest

from app.intake import sources
from tests.support.databases import ROOT


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", sources.built_in())
def test_the_page_of_a_source_has_its_steps_in_their_order(name: str) -> None:
    page = (ROOT / "docs" / "sources" / f"{name}.md").read_text()
    listed = re.findall(r"^\d+\. (.*?)(?=^\d+\. |^$|^#)", page, re.M | re.S)
    sender = sources.steps(name)
    wanted = [*sender.steps, *([f"Test it: {sender.test}"] if sender.test else [])]

    assert [in_one_line(each) for each in listed[: len(wanted)]] == wanted
    assert sender.title != name
    assert ("The sender makes the secret" in page) is sender.sender_makes_secret


def test_a_source_of_another_package_has_general_steps() -> None:
    general = sources.steps("another_package")

    assert general.title == "another_package"
    assert not general.sender_makes_secret
    assert "webhook URL" in general.steps[0]
