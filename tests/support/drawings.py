"""Draw the import contract and the state machine as text, as docs/architecture.md shows them.

`python -m tests.support.drawings` prints both, to be pasted into the page.
"""

import tomllib
from collections.abc import Mapping, Sequence

from app import lifecycle
from tests.support.databases import ROOT

WIDTH = 78


def layers() -> list[list[str]]:
    """Return the layers of the import contract, from the top; a layer's rooms are siblings."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["type"] == "layers")
    return [[room.strip() for room in layer.split("|")] for layer in contract["layers"]]


def drawn_layers(layers: Sequence[Sequence[str]]) -> str:
    """Draw each layer as a row of boxes, on top of the layers that it may import."""
    rows = [[room.center(width) for room, width in _widths(layer)] for layer in layers]
    edges = [set(), *map(_ends, rows), set()]
    lines = [_border("┌┐", edges[0], edges[1])]
    for number, row in enumerate(rows, 1):
        lines.append(f"│{'│'.join(row)}│")
        last = number == len(rows)
        lines.append(_border("└┘" if last else "├┤", edges[number], edges[number + 1]))
    return "\n".join(lines)


def drawn_moves(moves: Mapping[str, frozenset[str]], start: str) -> str:
    """Draw the moves from left to right; a state that was drawn before ends its line."""
    order = list(moves)
    drawn: set[str] = set()

    def block(state: str) -> list[str]:
        targets = sorted(moves[state], key=order.index)
        if state in drawn or not targets:
            return [state]
        drawn.add(state)
        width = max(map(len, targets))
        lines = []
        for number, target in enumerate(targets):
            first, last = number == 0, number == len(targets) - 1
            head, *rest = _aligned(block(target), target, width)
            indent = " " * len(state)
            joint = ("─" if first and last else "┬" if first else "└" if last else "├") + "─> "
            start = f"{state} ─{joint}" if first else f"{indent}  {joint}"
            lines.append(start + head)
            lines += [f"{indent}  {' ' if last else '│'}   {line}" for line in rest]
        return lines

    return "\n".join(line.rstrip() for line in block(start))


def _aligned(lines: Sequence[str], target: str, width: int) -> list[str]:
    """Lengthen the arrow that leaves `target`, so that those of its siblings end alike."""
    shift, after = width - len(target), len(target) + 2
    filled = ["─", *" " * (len(lines) - 1)]
    return [
        line[:after] + fill * shift + line[after:] if line[after:] else line
        for line, fill in zip(lines, filled, strict=True)
    ]


def _widths(layer: Sequence[str]) -> list[tuple[str, int]]:
    """Give each room of a row its name and a space on either side, and share out the rest."""
    needed = [len(room) + 2 for room in layer]
    share, more = divmod(WIDTH - 1 - len(layer) - sum(needed), len(layer))
    assert share >= 0, f"the layer {layer} is wider than the picture"
    return [
        (room, width + share + (number < more))
        for number, (room, width) in enumerate(zip(layer, needed, strict=True))
    ]


def _ends(row: Sequence[str]) -> set[int]:
    ends, at = set(), 0
    for cell in row[:-1]:
        at += len(cell) + 1
        ends.add(at)
    return ends


def _border(corners: str, above: set[int], below: set[int]) -> str:
    joints = {(True, True): "┼", (True, False): "┴", (False, True): "┬", (False, False): "─"}
    inner = "".join(joints[at in above, at in below] for at in range(1, WIDTH - 1))
    return corners[0] + inner + corners[1]


if __name__ == "__main__":
    print(drawn_layers(layers()), drawn_moves(lifecycle.MOVES, lifecycle.PENDING), sep="\n\n")  # noqa: T201
