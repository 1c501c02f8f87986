"""Plays an exported policy in its game, or task of continuous control, and reports the returns.

python experiments/evaluate.py --policy=runs/NAME/policy
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from tf_pruned_rl import config, environments
from tf_pruned_rl.environments import Episode
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import policy_json
from tf_pruned_rl.flags import run_main
from tf_pruned_rl.quiet import hush

if TYPE_CHECKING:
    from tf_pruned_rl.playing import ControlPolicy, Played, Policy

_POLICY = flags.DEFINE_string("policy", None, "Directory of the exported policy.", required=True)
_GAME = flags.DEFINE_string(
    "game", "", "Refuse any policy but this game's; empty plays the policy's own game."
)
_EPISODES = flags.DEFINE_integer("episodes", 10, "Episodes to play.", lower_bound=1)
_EPSILON = flags.DEFINE_float(
    "epsilon",
    None,
    "Probability of a random action, per agent step; by default 0.001, and 0 in continuous control.",
    lower_bound=0.0,
    upper_bound=1.0,
)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the game and of the random actions.", lower_bound=0)
_NUM_ENVS = flags.DEFINE_integer("num_envs", 1, "Copies of the game played side by side.", lower_bound=1)
_JSON = flags.DEFINE_string("json", "", "File to write the result to as well.")


def check_game(description: dict, game: str) -> None:
    """Raises UserError if ``game`` is given and is not the policy's own."""
    experiment = policy_json.experiment(description)
    own = experiment.environment.game
    if game:
        named = environments.canonical(config.replace(experiment, **{experiment.task_field: game}))
        if named.environment.game != own:
            raise UserError(f"this policy plays {own}, not {game}; leave --game out, or train one on {game}")


def summarise(policy: Policy | ControlPolicy, played: Played, epsilon: float, seconds: float) -> dict:
    """Returns the result: returns and lengths per episode, and their statistics (std of the population)."""
    returns = np.array(played.returns)
    return {
        "policy": _POLICY.value,
        "game": policy.game,
        "agent": policy.description["agent"],
        "sparsity": policy.description["sparsity"],
        "epsilon": epsilon,
        "seed": _SEED.value,
        "episodes": len(returns),
        "agent_steps": played.agent_steps,
        "returns": list(played.returns),
        "lengths": list(played.lengths),
        "mean_return": float(returns.mean()),
        "std_return": float(returns.std()),
        "min_return": float(returns.min()),
        "max_return": float(returns.max()),
        **policy.scores(float(returns.mean())),
        "steps_per_second": played.agent_steps / seconds,
    }


def table(result: dict) -> str:
    """Returns the result for people."""
    rows = {
        "game": result["game"],
        "policy": f"{result['agent']}, {result['sparsity']:.2%} sparse",
        "episodes": f"{result['episodes']} ({result['agent_steps']:,} agent steps)",
        "epsilon": f"{result['epsilon']:g}",
        "return": f"{result['mean_return']:.2f} +- {result['std_return']:.2f} (mean +- standard deviation)",
        "range": f"{result['min_return']:g} to {result['max_return']:g}",
        **_human_normalised(result),
        "speed": f"{result['steps_per_second']:,.0f} agent steps/s",
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def _human_normalised(result: dict) -> dict[str, str]:
    """Returns the row of the human-normalised score; none in continuous control."""
    if "human_normalised" not in result:
        return {}
    score = result["human_normalised"]
    return {"human-normalised": "no human score for this game" if score is None else f"{score:.3f}"}


def _write(path: Path, text: str, mode: str = "w") -> None:
    """Writes to the file, or raises UserError."""
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}); choose another --json") from error


def _report(episode: Episode) -> None:
    print(f"episode of {episode.agent_steps:,} agent steps: return {episode.episode_return:g}", flush=True)


def main(argv: list[str]) -> None:
    """Loads, plays, prints."""
    del argv
    check_game(policy_json.read(Path(_POLICY.value)), _GAME.value)
    if _JSON.value:
        _write(Path(_JSON.value), "", mode="a")  # if it cannot be written, better to hear it now
    with hush():  # TensorFlow takes seconds to load: not before there is something to play.
        from tf_pruned_rl.playing import load_policy

    policy = load_policy(_POLICY.value)
    environment = policy.make_environment(num_envs=min(_NUM_ENVS.value, _EPISODES.value), seed=_SEED.value)
    epsilon = policy.epsilon if _EPSILON.value is None else _EPSILON.value
    began = time.perf_counter()
    played = policy.play(
        environment, episodes=_EPISODES.value, epsilon=epsilon, seed=_SEED.value, report=_report
    )
    result = summarise(policy, played, epsilon, time.perf_counter() - began)
    print("\n" + table(result))
    if _JSON.value:
        _write(Path(_JSON.value), json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_main(main)
