"""Tests of the order of packages, which BUILD states: each is there, and imports only those before it."""

import ast
import re
from pathlib import Path

import tf_pruned_rl

HERE = Path(tf_pruned_rl.__file__).resolve().parent


def packages() -> list[str]:
    """Returns the packages in the order of BUILD."""
    listed = re.search(
        r"^PACKAGES = (\[.*?\])", (HERE.parent / "BUILD").read_text(), re.MULTILINE | re.DOTALL
    )
    assert listed is not None
    return ast.literal_eval(listed[1])


def imported(path: Path) -> set[str]:
    """Returns the packages of the project that a file imports; not those for type checkers only."""
    modules: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in modules if name.startswith("tf_pruned_rl.")]
    return {name for _, name, *_ in parts if (HERE / name).is_dir()}


def test_every_package_is_in_build():
    assert sorted(packages()) == sorted(path.parent.name for path in HERE.glob("*/__init__.py"))


def test_a_package_imports_only_those_before_it():
    order = packages()
    circles = [
        f"{path.relative_to(HERE)} imports {name}"
        for index, package in enumerate(order)
        for path in sorted((HERE / package).rglob("*.py"))
        for name in sorted(imported(path) - set(order[: index + 1]))
    ]
    assert not circles
