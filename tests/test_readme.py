"""The documents keep their word: the library snippet runs, commands, flags, defaults and links exist."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_agents.agents.dqn import dqn_agent
from tf_agents.networks import q_network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step, trajectory

from tf_pruned_rl import config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DEFAULTS = config.flatten(config.ExperimentConfig())


def snippet() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    return code


def tiny_agent() -> dqn_agent.DqnAgent:
    observation = tensor_spec.TensorSpec((6,), tf.float32)
    action = tensor_spec.BoundedTensorSpec((), tf.int32, 0, 2)
    agent = dqn_agent.DqnAgent(
        time_step.time_step_spec(observation),
        action,
        q_network=q_network.QNetwork(observation, action, fc_layer_params=(32, 32)),
        optimizer=tf_keras.optimizers.legacy.Adam(1e-2),
        train_step_counter=tf.Variable(0, dtype=tf.int64),
    )
    agent.initialize()
    return agent


def experience(seed: int) -> trajectory.Trajectory:
    draw = np.random.default_rng(seed)
    middle = tf.ones((8, 2), tf.int32)
    return trajectory.Trajectory(
        step_type=middle,
        observation=tf.constant(draw.normal(size=(8, 2, 6)), tf.float32),
        action=tf.constant(draw.integers(3, size=(8, 2)), tf.int32),
        policy_info=(),
        next_step_type=middle,
        reward=tf.constant(draw.normal(size=(8, 2)), tf.float32),
        discount=tf.ones((8, 2)),
    )


def test_the_library_snippet_prunes_an_agent():
    agent, steps = tiny_agent(), 10
    seen = []

    def experiences():
        for seed in range(steps):
            yield experience(seed)
            # Here the snippet has made its calls for the gradient step before.
            kernels = [v.numpy() for v in agent.policy.variables() if len(v.shape) > 1]
            seen.append(1 - sum(map(np.count_nonzero, kernels)) / sum(k.size for k in kernels))

    names = {"agent": agent, "steps": steps, "experiences": experiences()}
    exec(compile(snippet(), "README.md", "exec"), names)
    assert int(agent.train_step_counter) == steps
    # Pruning ends at step 8 of 10; 1,312 weights in three kernels, each right within a weight.
    assert seen[:7] == pytest.approx([0.0] * 7)
    assert seen[7:] == pytest.approx([0.95] * 3, abs=3 / 1312)
    assert names["pruner"].sparsity() == pytest.approx(seen[-1])


def test_the_library_use_takes_three_lines():
    lines = [line for line in snippet().splitlines() if "pruner" in line.lower()]
    assert len(lines) == 3


def shell(document: Path) -> str:
    """Returns the shell blocks of a document, one after another."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL))


def commands() -> dict[str, set[str]]:
    """Returns {file: names of the flags that the shell blocks of all documents give it}."""
    flags: dict[str, set[str]] = {}
    for document in DOCUMENTS:
        for file, rest in re.findall(r"python (\w+/\w+\.py)(.*)", shell(document)):
            flags.setdefault(file, set()).update(re.findall(r"--(\w+)", rest.split("#")[0]))
    return flags


@pytest.mark.parametrize("file", commands())
def test_commands_exist_with_their_flags(file):
    done = subprocess.run([sys.executable, ROOT / file, "--helpfull"], capture_output=True, text=True)
    known = set(re.findall(r"^ *--(?:\[no\])?(\w+)", done.stdout, re.MULTILINE))
    assert len(known) > 5, done.stderr
    unknown = {
        name for name in commands()[file] if name.removeprefix("no") not in known and name not in known
    }
    assert not unknown


def targets(makefile: str) -> set[str]:
    """Returns the targets of a Makefile that are no files."""
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    return set(phony[1].split())


def test_make_says_all_its_targets_and_documents_name_no_other():
    known = targets((ROOT / "Makefile").read_text(encoding="utf-8"))
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make ([\w-]+)", printed, re.MULTILINE)) == known - {"help"}
    for document in DOCUMENTS:
        assert set(re.findall(r"^make ([\w-]+)", shell(document), re.MULTILINE)) <= known, document


def flag_rows() -> list[tuple[str, str]]:
    """Returns (names, default) of the table of flags."""
    table = README.split("## Flags that matter")[1].split("\n## ")[0]
    return re.findall(r"^\| (`--.*?) \| (.*?) \|", table, re.MULTILINE)


def test_the_table_of_flags_gives_the_real_defaults():
    assert len(flag_rows()) >= 15
    for names, shown in flag_rows():
        fields = re.findall(r"--(\w+)", names)
        values = shown.split(", ") if len(fields) > 1 and ", " in shown else [shown] * len(fields)
        for field, value in zip(fields, values, strict=True):
            default = DEFAULTS[field]
            if field == "run_dir":
                assert default == ""
            elif isinstance(default, bool):
                assert value == "off" and default is False
            elif isinstance(default, str):
                assert value.strip("`") == default
            else:
                assert ast.literal_eval(value.replace(",", "")) == default, field


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            file, _, heading = target.partition("#")
            to = document.parent / file if file else document
            assert to.exists(), target
            lines = re.findall(r"^#+ (.*)", to.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            slugs = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in lines}
            assert not heading or heading in slugs, f"{target}: no such heading"
