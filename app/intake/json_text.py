"""Write JSON by an encoder that is made once, where one is needed for every request.

`json.JSONEncoder` makes an encoder in C for each call: for a small event that takes as long as
writing it.
"""

from collections.abc import Callable
from json import JSONEncoder, encoder
from typing import Any

Encode = Callable[[Any], str]


def encoding(
    *, sort_keys: bool = False, allow_nan: bool = True, separators: tuple[str, str] = (", ", ": ")
) -> Encode:
    """Return a function that writes a value as `json.dumps` with these options does, in ASCII.

    It raises what `json.dumps` does, but RecursionError for a value that contains itself.
    """
    made = JSONEncoder(
        check_circular=False, sort_keys=sort_keys, allow_nan=allow_nan, separators=separators
    )
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the C code
        return made.encode
    between_items, after_name = separators
    pieces = make(
        *(None, made.default, encoder.encode_basestring_ascii, None),
        *(after_name, between_items, sort_keys, False, allow_nan),
    )
    return lambda value: "".join(pieces(value, 0))
