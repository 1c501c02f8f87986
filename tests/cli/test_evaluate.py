"""experiments/evaluate.py as it is called: the game is really played, mistakes are one line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import imageio.v3
import numpy as np
import pytest

from tf_pruned_rl import config, networks
from tf_pruned_rl.exporting.saved_model import Trained, export_policy
from tf_pruned_rl.policies import policy_json
from tf_pruned_rl.policies.policy_json import TrainingFacts

ROOT = Path(__file__).parents[2]
COMMAND = ROOT / "experiments" / "evaluate.py"
BREAKOUT = ("NOOP", "FIRE", "RIGHT", "LEFT")
# Runs the command and then tells which of the forbidden packages it has loaded.
SPY = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    heavy = ("tf_pruned_rl.agents", "tf_pruned_rl.pruning", "tf_agents", "tensorflow_model_optimization")
    print("LOADED", [name for name in heavy if name in sys.modules])
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> Path:
    """Returns a policy for Breakout whose episodes are cut after 40 agent steps; it presses FIRE."""
    experiment = config.replace(
        config.ExperimentConfig(), network="nature", width=0.25, game="Breakout", max_episode_steps=40
    )
    model = networks.build(experiment.network, num_actions=4)
    model.weights[-1].assign([0.0, 9.0, 0.0, 0.0])
    directory = tmp_path_factory.mktemp("run") / "policy"
    rows = [{"layer": "all", "shape": (10,), "parameters": 10, "nonzero": 1}]
    export_policy(Trained(model, experiment, BREAKOUT, rows, 0.9, TrainingFacts(0, 0, 0)), directory)
    return directory


def call(*arguments: object, prelude: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    command = [sys.executable, *prelude, COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_plays_without_the_agents(policy, tmp_path):
    done = call(
        f"--policy={policy}",
        "--episodes=3",
        "--seed=7",
        f"--json={tmp_path / 'result.json'}",
        prelude=("-c", SPY),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("LOADED []")
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["lengths"] == [40, 40, 40] and result["agent_steps"] == 120
    returns = np.array(result["returns"])
    assert result["mean_return"] == pytest.approx(returns.mean())
    assert (result["min_return"], result["max_return"]) == (returns.min(), returns.max())
    assert result["std_return"] == pytest.approx(returns.std())
    # Breakout: random play scores 1.7, a human 30.5.
    assert result["human_normalised"] == pytest.approx((returns.mean() - 1.7) / 28.8)
    assert (result["game"], result["sparsity"], result["seed"]) == ("Breakout", 0.9, 7)
    assert result["steps_per_second"] > 0
    for words in ("Breakout", "dqn, 90.00% sparse", "3 (120 agent steps)", "human-normalised"):
        assert words in done.stdout, words
    assert done.stdout.count("episode of 40 agent steps") == 3


@pytest.mark.parametrize("name", ["game.gif", "game.mp4"])
def test_films_every_step_in_colours(policy, tmp_path, name):
    if name.endswith("mp4"):
        pytest.importorskip("imageio_ffmpeg")
    done = call(f"--policy={policy}", "--episodes=2", "--epsilon=1", f"--video={tmp_path / name}")
    assert done.returncode == 0, done.stderr
    assert f"film written to {tmp_path / name}\n" in done.stdout
    how = {"mode": "RGB"} if name.endswith("gif") else {"plugin": "FFMPEG"}
    frames = list(imageio.v3.imiter(tmp_path / name, **how))
    # The first frame and two episodes of 40 steps; a .gif joins pictures that are equal.
    assert len(frames) == 81 or (name.endswith("gif") and 20 < len(frames) < 81)
    assert frames[0].shape == (420, 320, 3)
    red, green, blue = (frames[-1][..., colour].astype(int) for colour in range(3))
    assert abs(red - green).max() > 50 and abs(red - blue).max() > 50, "the bricks of Breakout"


def other_actions(directory: Path) -> None:
    """Makes policy.json name other actions than the game has."""
    path = directory / policy_json.FILE
    path.write_text(path.read_text().replace('"LEFT"', '"UP"'))


def cut(directory: Path) -> None:
    """Leaves half of policy.json."""
    path = directory / policy_json.FILE
    path.write_text(path.read_text()[:500])


def other_signature(directory: Path) -> None:
    """Makes policy.json promise one value more than the model gives, and one action more."""
    path = directory / policy_json.FILE
    content = json.loads(path.read_text())
    content["signature"]["outputs"]["q_values"]["shape"] = [None, 5]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("arguments", "damage", "message"),
    [
        ([], None, "--policy"),
        (["--policy={}", "--game=Pong"], None, "this policy plays Breakout, not Pong"),
        (["--policy={}", "--game=Brakeout"], None, "did you mean Breakout"),
        (["--policy={}/nowhere"], None, "no policy at"),
        (["--policy={}", "--episodes=0"], None, "episodes"),
        (["--policy={}", "--epsilon=2"], None, "epsilon"),
        (["--policy={}", "--json={}/no/where.json"], None, "cannot write"),
        (["--policy={}", "--video=film.avi"], None, "neither .mp4 nor .gif"),
        (["--policy={}", "--video={}/no/where.gif"], None, "cannot write"),
        (["--policy={}", "--video=film.gif", "--num_envs=2"], None, "one Atari game at a time"),
        (["--policy={}"], cut, "is damaged"),
        (["--policy={}"], other_signature, "policy.json says"),
        (["--policy={}"], other_actions, "has the actions NOOP, FIRE, RIGHT, LEFT here"),
    ],
    ids=[
        "no policy",
        "other game",
        "unknown game",
        "nowhere",
        "no episodes",
        "epsilon",
        "json",
        "kind of film",
        "place of film",
        "two games in a film",
        "damaged",
        "other signature",
        "other actions",
    ],
)
def test_mistakes_are_one_line(policy, tmp_path, arguments, damage, message):
    copy = shutil.copytree(policy, tmp_path / "policy")
    if damage:
        damage(copy)
    done = call(*(argument.format(copy) for argument in arguments))
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and re.search(re.escape(message), errors[0]), done.stderr
    assert "Traceback" not in done.stderr
