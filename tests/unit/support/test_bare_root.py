"""A machine that gives no namespaces fails the tests in a bare root, unless that is accepted."""

import pytest

from tests.support import bare_root


def test_without_namespaces_the_tests_fail_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_root, "IN_NAMESPACES", ("ls", "/nowhere"))

    with pytest.raises(pytest.fail.Exception, match=r"no namespaces: ls: .*nowhere"):
        bare_root.require_namespaces()


def test_tests_are_skipped_only_where_that_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_root, "IN_NAMESPACES", ("ls", "/nowhere"))
    monkeypatch.setattr(bare_root, "WITHOUT_NAMESPACES", True)

    with pytest.raises(pytest.skip.Exception, match="no namespaces"):
        bare_root.require_namespaces()


def test_namespaces_are_asked_for_as_the_tests_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_root, "IN_NAMESPACES", ("env",))

    bare_root.require_namespaces()
