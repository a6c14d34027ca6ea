"""`hookonce listen` takes its token from an option, or from a line that it is given."""

import pytest
from click.testing import CliRunner

from app.cli import listen, main

LISTEN = ["listen", "http://127.0.0.1:1/", "--trigger", "1", "--server", "http://127.0.0.1:1"]


@pytest.mark.parametrize(
    ("options", "lines"), [([], "a token\n"), ([], "a token"), (["--token", "a token"], "")]
)
def test_the_token_is_an_option_or_the_first_line(
    options: list[str], lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[str] = []
    monkeypatch.setattr(listen.Api, "__init__", lambda _, __, token: tokens.append(token))
    monkeypatch.setattr(listen, "_trigger_id", lambda *_: exit(0))

    ended = CliRunner().invoke(main, [*LISTEN, *options], input=lines)

    assert (tokens, ended.output) == (["a token"], "")


def test_without_any_token_the_sentence_says_where_it_may_be_given() -> None:
    ended = CliRunner().invoke(main, LISTEN, input="")

    assert ended.exit_code == 2
    assert "there is no token: give --token, or a line of the standard input" in ended.output
    assert "Traceback" not in ended.output
