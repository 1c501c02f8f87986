"""Tests of BUILD: every file in one target, every dependency stated, in an order without cycles."""

import ast
import fnmatch
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

import tf_pruned_rl

ROOT = Path(tf_pruned_rl.__file__).resolve().parent.parent
RUNNER = "tests/run_pytest.py"


def python_files(*folders: str) -> set[str]:
    """Returns the paths of the Python files below some folders."""
    return {path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py")}


def glob(include: Sequence[str], exclude: Sequence[str] = ()) -> list[str]:
    """Bazel's glob: * stays within a folder, **/ is any number of them; files only."""
    found = {path for pattern in include for path in ROOT.glob(pattern) if path.is_file()}
    names = {path.relative_to(ROOT).as_posix() for path in found}
    for pattern in exclude:
        either = {pattern, pattern.replace("**/", "")}
        names -= {name for name in names if any(fnmatch.fnmatch(name, one) for one in either)}
    return sorted(names)


def read_build() -> list[dict]:
    """Returns the targets of BUILD, in order: Starlark is Python enough to be run."""
    targets: list[dict] = []

    def rule(kind: str):
        return lambda **attributes: targets.append({"kind": kind} | attributes)

    names = {kind: rule(kind) for kind in ("py_library", "py_binary", "py_test")} | {"glob": glob}
    exec(compile((ROOT / "BUILD").read_text(), "BUILD", "exec"), names)
    return targets


TARGETS = read_build()


def test_every_file_is_in_exactly_one_target():
    counts = Counter(path for target in TARGETS for path in target.get("srcs", []) if path != RUNNER)
    expected = python_files("tf_pruned_rl", "experiments", "benchmarks", "tests") - {RUNNER}
    assert set(counts) == expected
    assert [path for path, count in counts.items() if count > 1] == []


def test_kinds_follow_folders():
    for target in TARGETS:
        for path in target.get("srcs", []):
            name = path.rsplit("/", 1)[-1]
            if path.startswith("tests/"):
                kind = "py_test" if name.startswith("test_") or path == RUNNER else "py_library"
            else:
                kind = "py_library" if path.startswith("tf_pruned_rl/") else "py_binary"
            assert target["kind"] == kind, path


def test_names_are_unique_and_dependencies_come_before():
    seen: set[str] = set()
    for target in TARGETS:
        # A dependency must stand above: there can be no cycle.
        assert {name.removeprefix(":") for name in target.get("deps", [])} <= seen, target["name"]
        assert target["name"] not in seen
        seen.add(target["name"])


def test_data_and_mains_exist():
    for target in TARGETS:
        for path in [*target.get("srcs", []), *target.get("data", [])]:
            assert (ROOT / path).is_file(), path
        if target["kind"] != "py_library":
            assert target["main"] in target["srcs"]
        if target["kind"] == "py_test":
            assert target["args"] == [f"$(location {target['srcs'][0]})"]


def imported(path: str) -> set[str]:
    """Returns the project's modules that a file imports, as dotted names; not those for types only."""
    modules: set[str] = set()
    tree = ast.parse((ROOT / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {module for module in modules if module.split(".")[0] == "tf_pruned_rl"}


def file_of(module: str) -> str | None:
    """Returns the path of a dotted name, or None where it is something inside a module."""
    path = module.replace(".", "/")
    return next((name for name in (f"{path}.py", f"{path}/__init__.py") if (ROOT / name).is_file()), None)


def test_libraries_state_the_dependencies_that_they_import():
    owner = {path: target["name"] for target in TARGETS for path in target.get("srcs", [])}
    for target in TARGETS:
        if target["kind"] != "py_library" or target["name"] in ("tf_pruned_rl", "test_support"):
            continue
        stated = {name.removeprefix(":") for name in target.get("deps", [])} | {target["name"]}
        for path in target["srcs"]:
            files = {file_of(module) for module in imported(path)} - {None}
            # A package's own __init__ comes with any of its modules.
            missing = {owner[file] for file in files if file != "tf_pruned_rl/__init__.py"} - stated
            assert not missing, f"{path} imports from {missing}, which :{target['name']} does not state"


def test_whole_library_is_reached_by_the_commands():
    deps = {target["name"]: {name.removeprefix(":") for name in target.get("deps", [])} for target in TARGETS}
    reached, waiting = set(), ["tf_pruned_rl"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += deps[name]
    libraries = {target["name"] for target in TARGETS if target["kind"] == "py_library"}
    assert reached == libraries - {"test_support"}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bazel") is None, reason="Bazel is not installed")
def test_bazel_lists_the_same_targets(tmp_path):
    command = ["bazel", "--batch", f"--output_user_root={tmp_path}", "query", "//..."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = set(re.findall(r"^//:(.*)$", done.stdout, re.MULTILINE))
    assert listed == {target["name"] for target in TARGETS}
