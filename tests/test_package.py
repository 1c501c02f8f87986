"""Tests of the package as it is installed: which Keras, what versions, what it carries."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import tf_pruned_rl

ROOT = Path(tf_pruned_rl.__file__).resolve().parent.parent


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a fresh process that knows nothing of TF_USE_LEGACY_KERAS unless told."""
    inherited = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=inherited | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | environment,
    )


def test_package_first_gives_keras_2():
    done = python("import tf_pruned_rl, tensorflow as tf; print(tf.keras.layers.Dense.__module__)")
    assert done.stdout.startswith("tf_keras."), done.stderr


def test_tensorflow_first_is_in_time_while_nobody_has_touched_keras():
    done = python(
        "import importlib, tensorflow as tf, tf_pruned_rl; print(tf.keras.layers.Dense.__module__);"
        "importlib.reload(tf_pruned_rl); print('Keras 2 in use is fine')"
    )
    assert done.stdout.startswith("tf_keras."), done.stderr
    assert done.stdout.endswith("Keras 2 in use is fine\n"), done.stderr


def test_keras_3_already_loaded_is_one_clear_error():
    done = python("import tensorflow as tf; tf.keras.layers.Dense; import tf_pruned_rl")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: tf_pruned_rl needs Keras 2, but tf.keras is already Keras 3")
    assert "TF_USE_LEGACY_KERAS=1" in last and "before tensorflow" in last


def test_keras_3_is_seen_through_aliases_and_submodules():
    # In turn, in one process: loading TensorFlow is the slow part.
    code = """
import tensorflow as tf
for touch in ("tf.optimizers.Adam", "from tensorflow.keras.layers import Dense"):
    exec(touch)
    try:
        import tf_pruned_rl
    except ImportError as error:
        print(str(error).split(":")[0])
"""
    assert python(code).stdout.splitlines() == [
        "tf_pruned_rl needs Keras 2, but tf.optimizers is already Keras 3 here",
        "tf_pruned_rl needs Keras 2, but tf.keras is already Keras 3 here",
    ]


def test_keras_3_asked_for_is_one_clear_error():
    done = python("import tf_pruned_rl", TF_USE_LEGACY_KERAS="0")
    assert done.returncode == 1
    assert "TF_USE_LEGACY_KERAS is '0'" in done.stderr.strip().splitlines()[-1]


def test_importing_the_package_and_its_flags_loads_no_tensorflow():
    # A mistake in the flags must be answered at once, and alone on stderr.
    done = python(
        "import sys, tf_pruned_rl.config.flags; from tf_pruned_rl.environments import games;"
        "print('tensorflow' in sys.modules)"
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def constraints() -> dict[str, str]:
    """Returns {package: version} of constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonical(name): version for name, version in (line.split("==") for line in lines)}


def canonical(name: str) -> str:
    """Returns a package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """Returns what setup.py gives to setuptools."""
    code = (
        "import json, runpy, setuptools; setuptools.setup = lambda **given: print(json.dumps(given));"
        f"runpy.run_path({str(ROOT / 'setup.py')!r})"
    )
    return json.loads(python(code).stdout)


def test_requirements_allow_what_constraints_pin(settings):
    pinned = constraints()
    for group in (settings["install_requires"], *settings["extras_require"].values()):
        for requirement in map(Requirement, group):
            assert requirement.specifier.contains(pinned[canonical(requirement.name)]), requirement


def test_constraints_pin_what_requirements_bring(settings):
    pinned, seen = constraints(), set()
    waiting = [Requirement(each) for each in settings["install_requires"] + settings["extras_require"]["dev"]]
    while waiting:
        name = canonical(waiting.pop().name)
        if name in seen or name in ("pip", "setuptools", "wheel"):
            continue
        seen.add(name)
        assert name in pinned, f"constraints.txt does not pin {name}"
        needs = map(Requirement, metadata.requires(name) or [])
        waiting += [each for each in needs if each.marker is None or each.marker.evaluate({"extra": ""})]
    assert len(seen) > len(settings["install_requires"])


def test_what_is_under_the_gpl_is_an_extra(settings):
    """But for the emulator of Atari, which is what the library is for."""
    assert not any(each.startswith("minatar") for each in settings["install_requires"])
    assert set(settings["extras_require"]["minatar"]) <= set(settings["extras_require"]["dev"])


def test_version_is_the_installed_one():
    try:
        installed = metadata.version("tf-pruned-rl")
    except metadata.PackageNotFoundError:
        pytest.skip("the package is on the path, not installed")
    assert installed == tf_pruned_rl.__version__


def test_the_version_is_the_one_to_cite_and_has_its_changes():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited is not None and cited[1] == tf_pruned_rl.__version__
    assert f"\n## [{tf_pruned_rl.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_types_and_data_are_packaged(settings):
    packages = {
        str(path.parent.relative_to(ROOT)).replace(os.sep, ".")
        for path in (ROOT / "tf_pruned_rl").rglob("__init__.py")
    }
    assert set(settings["packages"]) == packages
    for package, patterns in settings["package_data"].items():
        for pattern in patterns:
            assert list(ROOT.joinpath(*package.split(".")).glob(pattern)), pattern
    assert settings["package_data"]["tf_pruned_rl"] == ["py.typed"]


@pytest.mark.parametrize("goal", ["test", "online"])
def test_goals_install_first(goal):
    # A fresh clone: make only says what it would do.
    done = subprocess.run(
        ["make", "--dry-run", f"VENV={os.getcwd()}/venv", goal], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    install = done.stdout.index("pip install")
    last = done.stdout.index("experiments/online.py" if goal == "online" else "-m pytest")
    assert done.stdout.index("-m venv") < install < last


def test_missing_python_is_said_in_one_line(tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("make", "sh", "test"):
        path = next(Path(place, tool) for place in ("/usr/bin", "/bin") if Path(place, tool).exists())
        (tools / tool).symlink_to(path)
    done = subprocess.run(
        [str(tools / "make"), "-s", f"VENV={tmp_path}/venv", "test"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PATH": str(tools)},
    )
    assert done.returncode != 0
    assert "Python 3.11 is missing" in done.stderr.splitlines()[0]
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("broken", ["", "lint"])
def test_continuous_integration_checks_style_and_types_and_then_tests(tmp_path, broken):
    stub, log = tmp_path / "make", tmp_path / "log"
    stub.write_text(f'#!/bin/sh\necho "$*" >> {log}\ntest "$1" != "{broken}"\n')
    stub.chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci" / "run"], cwd=tmp_path, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    )
    goals = log.read_text().split()
    assert (goals, done.returncode) == ((["lint"], 1) if broken else (["lint", "test"], 0))
