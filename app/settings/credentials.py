"""Read the settings that a service manager passes as files: passwords and keys."""

from collections.abc import Mapping
from pathlib import Path

from app.errors import InvalidSetting

_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Variable that names a directory of files; each is the value of the setting of its name."""
_NOT_SET = "\n"
"""Content of a credential that deliberately has no value."""


def read(name: str, environ: Mapping[str, str]) -> str:
    """Return the content of the file of this name in CREDENTIALS_DIRECTORY; empty without one.

    An empty file is refused: written badly, it would have the service use the default, which for
    DATABASE_URL is another database. A blank line means not set, as the units of deploy/ have it.

    systemd (LoadCredential) and container engines give secrets in this form: unlike variables they
    are in no list of a unit's or container's settings. https://systemd.io/CREDENTIALS/
    """
    directory = environ.get(_DIRECTORY)
    if not directory:
        return ""
    try:
        text = Path(directory, name).read_text("utf-8-sig")  # an editor may begin it with a mark
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidSetting(f"the credential {name} cannot be read: {reason}") from error
    if not text.strip() and (text != _NOT_SET or name == "DATABASE_URL"):
        raise InvalidSetting(f"the credential {name} is empty: write its value into {directory}")
    return text.strip()
