"""One line per thing that happened, as key=value, so that a person and a grep both read it."""

import json
import logging
import os
import re
import sys
import time
from typing import Never

_PLAIN = re.compile(r"[\w.,:;/+@#%*()\[\]-]+", re.ASCII)


def event(logger: logging.Logger, level: int, name: str, **fields: object) -> None:
    """Log `evt=<name>` with its fields, in the order given."""
    logger.log(level, name, extra={"evt": name, "fields": fields})


def configure(level: str) -> None:
    """Send every log line of this process to standard error in the house's form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def abandon(detail: str) -> Never:
    """End the process now, though threads are still at work; say why first."""
    event(logging.getLogger("hookonce"), logging.ERROR, "abandoned", detail=detail)
    logging.shutdown()
    os._exit(1)


class KeyValueFormatter(logging.Formatter):
    """`at=... level=... evt=... key=value ...`; text from outside is quoted, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {
            "at": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
        }
        name = getattr(record, "evt", None)
        if name is None:
            fields |= {"logger": record.name, "msg": record.getMessage()}
        else:
            fields |= {"evt": name, **getattr(record, "fields", {})}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={quoted(value)}" for key, value in fields.items())


def quoted(value: object) -> str:
    """The value as one word: plain where that is safe, else as a JSON string."""
    if value is None:
        return "-"
    text = str(value)
    # an escaped sign of equality keeps words from outside from posing as a field
    return text if _PLAIN.fullmatch(text) else json.dumps(text).replace("=", "\\u003d")
