"""The documented tree of errors matches the code."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diarize_runner import errors

ROOT = "DiarizeRunnerError"
SOURCES = Path(errors.__file__).parent
DOCUMENTED_ERROR = re.compile(r"    (?P<indent> *)(?P<name>\w+)(?: +exit (?P<code>\d+)\b)?(?: +\S.*)?")


@dataclass(frozen=True)
class Error:
    parent: str
    exit_code: int


def documented_tree() -> dict[str, Error]:
    """Read the tree in the docstring; an error without an exit code has its parent's."""
    tree, above = {}, []
    for line in errors.__doc__.split("\n\n")[1].splitlines():
        read = DOCUMENTED_ERROR.fullmatch(line)
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
    """Yield every class of the package from its source: some modules have optional imports."""
    for path in sorted(SOURCES.rglob("*.py")):
        yield from (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ClassDef))


def own_exit_code(node: ast.ClassDef) -> int | None:
    for line in node.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "exit_code":
            return ast.literal_eval(line.value)
    return None


def actual_tree() -> dict[str, Error]:
    everything = list(classes())
    tree = {ROOT: Error(parent="", exit_code=errors.DiarizeRunnerError.exit_code)}
    before = 0
    while before < len(tree):  # repeat until no subclass is added
        before = len(tree)
        for node in everything:
            for base in (ast.unparse(base).split(".")[-1] for base in node.bases):
                if base in tree:
                    code = own_exit_code(node)
                    tree[node.name] = Error(parent=base, exit_code=tree[base].exit_code if code is None else code)
    return tree


def test_every_error_is_documented_below_its_parent_with_its_exit_code():
    assert documented_tree() == actual_tree()


def test_raised_errors_have_the_documented_exit_codes():
    raised = {name: value.exit_code for name, value in vars(errors).items() if isinstance(value, type)}
    assert raised == {name: error.exit_code for name, error in documented_tree().items() if name in raised}
