"""Generate payloads of any shape, and of nearly the right shape."""

from typing import Any

from hypothesis import strategies as st

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


def payloads(*names: str) -> st.SearchStrategy[Any]:
    """Return a strategy for any JSON value, with these names in many places."""
    names_in_use = st.sampled_from(names) | st.text(max_size=5)
    return st.recursive(
        _LEAVES,
        lambda inside: (
            st.lists(inside, max_size=4) | st.dictionaries(names_in_use, inside, max_size=6)
        ),
        max_leaves=20,
    )
