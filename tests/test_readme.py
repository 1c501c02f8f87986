"""The README keeps its word: its library snippet runs, its commands, flags, defaults and links exist."""

from __future__ import annotations

import ast
import inspect
import re
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
from tf_pruned_rl.analysis.figures import flags as figure_flags
from tf_pruned_rl.config import io as config_io

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
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
            kernels = [v.numpy() for v in agent._q_network.trainable_variables if len(v.shape) > 1]
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


def commands() -> list[tuple[str, list[str]]]:
    """Returns (file, [flag=value, ...]) of the commands in the README's shell blocks."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    found = re.findall(r"python (experiments/\w+\.py)(.*)", blocks)
    return [(file, re.findall(r"--(\S+)", rest)) for file, rest in found]


def test_commands_exist_with_their_flags():
    assert {file for file, _ in commands()} >= {"experiments/online.py", "experiments/curves.py"}
    for file, flags in commands():
        source = (ROOT / file).read_text(encoding="utf-8")
        known = set(re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', source))
        if file in ("experiments/sweep.py", "experiments/figures.py"):
            known |= set(re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', inspect.getsource(figure_flags)))
        if file == "experiments/online.py":
            known |= set(config_io.field_types())
        if file == "experiments/offline.py":
            known |= set(config_io.field_types(config.OfflineConfig)) | {"check_data"}
        if file == "experiments/continuous.py":
            known |= set(config_io.field_types(config.ContinuousConfig))
        for flag in flags:
            assert flag.split("=")[0] in known, f"{file} --{flag}"


def test_make_targets_exist():
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert sorted(targets) == ["online", "test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


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


@pytest.mark.parametrize(
    "document", ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(document):
    path = ROOT / document
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            file, _, heading = target.partition("#")
            to = path.parent / file if file else path
            assert to.exists(), target
            lines = re.findall(r"^#+ (.*)", to.read_text(encoding="utf-8"), re.MULTILINE) if heading else []
            slugs = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in lines}
            assert not heading or heading in slugs, f"{target}: no such heading"
