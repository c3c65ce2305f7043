"""The tree of errors that a reader is shown is the one that there is."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diarize_runner import errors

ROOT = "DiarizeRunnerError"
SOURCES = Path(errors.__file__).parent
SHOWN = re.compile(r"    (?P<indent> *)(?P<name>\w+)(?: +exit (?P<code>\d+)\b)?(?: +\S.*)?")


@dataclass(frozen=True)
class Error:
    parent: str
    exit_code: int


def shown() -> dict[str, Error]:
    """Read the tree in the docstring; an error without an exit code has its parent's."""
    tree, above = {}, []
    for line in errors.__doc__.split("\n\n")[1].splitlines():
        read = SHOWN.fullmatch(line)
        assert read, line
        depth = len(read["indent"]) // 2
        del above[depth:]
        assert len(above) == depth, line
        parent = above[-1] if above else ""
        code = int(read["code"]) if read["code"] else tree[parent].exit_code
        assert read["name"] not in tree
        tree[read["name"]] = Error(parent=parent, exit_code=code)
        above.append(read["name"])
    return tree


def classes() -> Iterator[ast.ClassDef]:
    """Yield every class of the package: as written, for some modules import what is not installed everywhere."""
    for path in sorted(SOURCES.rglob("*.py")):
        yield from (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ClassDef))


def own_exit_code(node: ast.ClassDef) -> int | None:
    for line in node.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "exit_code":
            return ast.literal_eval(line.value)
    return None


def real() -> dict[str, Error]:
    everything = list(classes())
    tree = {ROOT: Error(parent="", exit_code=errors.DiarizeRunnerError.exit_code)}
    before = 0
    while before < len(tree):  # once more, as long as there were errors of errors
        before = len(tree)
        for node in everything:
            for base in (ast.unparse(base).split(".")[-1] for base in node.bases):
                if base in tree:
                    code = own_exit_code(node)
                    tree[node.name] = Error(parent=base, exit_code=tree[base].exit_code if code is None else code)
    return tree


def test_every_error_is_shown_below_its_parent_with_its_exit_code():
    assert shown() == real()


def test_an_error_that_is_raised_has_the_exit_code_that_is_shown():
    raised = {name: value.exit_code for name, value in vars(errors).items() if isinstance(value, type)}
    assert raised == {name: error.exit_code for name, error in shown().items() if name in raised}
