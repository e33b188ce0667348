"""The floors of the package: a file imports only from lower floors, or from its own folder without cycles; the pure
ones do no I/O.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mdht

ROOT = Path(mdht.__file__).parent

FLOORS: list[set[str]] = [
    {"errors", "limits", "version"},
    {"model"},
    {"config", "data_dir"},
    {"control", "transport", "codec", "routing", "store"},
    {"session", "files"},
    {"services"},
    {"node"},
    {"remote"},
    {"testnet", "simulation"},
    {"tuning"},
    {"cli"},
    {"__main__"},
]
"""Lowest first: what stands on one floor does not import each other."""

PURE = {"errors", "limits", "model", "codec", "control", "routing", "session", "files"}
"""Folders (and files) that take bytes, messages and `now`, and give bytes, events and the next deadline."""

IMPURE_FILES: set[str] = set()
"""Files of pure folders that may do I/O: none."""

FORBIDDEN = {
    "asyncio", "multiprocessing", "os", "pathlib", "random", "secrets", "select", "selectors", "shutil", "signal",
    "socket", "ssl", "subprocess", "tempfile", "threading", "time", "uvloop", "zmq",
}  # fmt: skip
"""What does I/O, reads a clock, draws randomness, or runs something else meanwhile."""


def files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    """`routing` for a file in that folder, `node` for node.py."""
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def floor_of(name: str) -> int | None:
    return next((number for number, names in enumerate(FLOORS) if name in names), None)


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Absolute names of the modules that a file imports when it runs; whether each is of this package."""
    package = ["mdht", *path.relative_to(ROOT).parts[:-1]]
    found: list[tuple[str, bool]] = []
    tree = ast.parse(path.read_text())
    guarded = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, alias.name.split(".")[0] == "mdht") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            inside = module.split(".")[0] == "mdht"
            if inside and not node.module:
                found += [(f"{module}.{alias.name}", True) for alias in node.names]
            else:
                found.append((module, inside))
    return found


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_come_from_lower_floors(path: Path) -> None:
    mine = name_of(path)
    if mine == "__init__":
        return
    floor = floor_of(mine)
    assert floor is not None, f"{mine} stands on no floor"
    for module, inside in imports_of(path):
        parts = module.split(".")
        if not inside or len(parts) < 2 or parts[1] == mine:
            continue
        other = floor_of(parts[1])
        assert other is not None, f"{module} stands on no floor"
        assert other < floor, f"{path.name} imports {module}, which does not stand on a lower floor"


@pytest.mark.parametrize(
    "path", [path for path in files() if name_of(path) in PURE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_protocol_logic_does_no_io(path: Path) -> None:
    if str(path.relative_to(ROOT)) in IMPURE_FILES:
        return
    used = {module.split(".")[0] for module, inside in imports_of(path) if not inside}
    assert not used & FORBIDDEN, f"{path.name} imports {sorted(used & FORBIDDEN)}"


def test_no_cycles_inside_a_folder() -> None:
    graph: dict[str, set[str]] = {}
    for path in files():
        module = ".".join(["mdht", *path.relative_to(ROOT).with_suffix("").parts])
        graph[module] = {name for name, inside in imports_of(path) if inside and name != "mdht"}
    state: dict[str, int] = {}

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if state.get(module) == 2 or module not in graph:
            return
        assert state.get(module) != 1, " → ".join([*trail, module])
        state[module] = 1
        for other in graph[module]:
            visit(other, (*trail, module))
        state[module] = 2

    for module in graph:
        visit(module, ())
