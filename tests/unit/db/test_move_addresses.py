"""The address by which a move names a database, and recognises it later."""

import pytest

from app.db.moving import connecting
from tests.support.moves import settings_of


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://u:secret@h/d", "postgresql://h/d"),
        ("postgresql://u:secret@h:5433/d", "postgresql://h:5433/d"),
        ("postgresql://a:1,b/d?sslmode=require", "postgresql://a:1,b/d"),
        ("postgresql:///d?host=/run/postgresql&port=5433", "postgresql:///run/postgresql:5433/d"),
        ("postgresql:///d", "postgresql://localhost/d"),
        ("sqlite:////var/lib/hookonce.db", "sqlite:////var/lib/hookonce.db"),
    ],
)
def test_a_database_is_named_by_its_place_and_without_user_and_password(
    url: str, name: str
) -> None:
    assert connecting.name_of(settings_of(url)) == name
