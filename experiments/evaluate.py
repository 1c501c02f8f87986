"""Plays an exported policy in its game, or task of continuous control, and reports the returns.

python experiments/evaluate.py --policy=runs/NAME/policy
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from absl import flags

from tf_pruned_rl import config, environments
from tf_pruned_rl.config.flags import run_main
from tf_pruned_rl.environments import Environment, Episode
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.policies import policy_json, video
from tf_pruned_rl.policies.episodes import EpisodeResults
from tf_pruned_rl.policies.policy import ControlPolicy, Policy, load_policy

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
_VIDEO = flags.DEFINE_string("video", "", "File to film the episodes to: .mp4 or .gif.")
_JSON = flags.DEFINE_string("json", "", "File to write the result to as well.")


_EMULATOR_RATE = 60.0
"""Frames of the console per second."""


def check_game(description: dict, game: str) -> None:
    """Raises UserError if ``game`` is given and is not the policy's own."""
    experiment = policy_json.experiment(description)
    own = experiment.environment.game
    if game:
        named = environments.canonical(config.replace(experiment, **{experiment.kind.task_field: game}))
        if named.environment.game != own:
            raise UserError(f"this policy plays {own}, not {game}; leave --game out, or train one on {game}")


def summarise(policy: Policy | ControlPolicy, played: EpisodeResults, epsilon: float, seconds: float) -> dict:
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


@contextlib.contextmanager
def _filmed(policy: Policy | ControlPolicy, environment: Environment) -> Iterator[Callable[[], None]]:
    """Yields what is to be called whenever there is something new to see; it films it, where asked to."""
    if not _VIDEO.value:
        yield lambda: None
        return
    path = Path(_VIDEO.value)
    rate = _EMULATOR_RATE / policy.description["preprocessing"]["frame_skip"]
    with video.Film(path, rate) as film:
        yield lambda: film.add(environment.picture())
    print(f"film written to {path}" + (f", its first {video.MAX_GIF_FRAMES:,} frames" if film.cut else ""))


def _check(description: dict) -> None:
    """Raises UserError if what the flags ask for cannot be: better to hear it before it is played."""
    check_game(description, _GAME.value)
    if _VIDEO.value:
        if "game" not in description or _NUM_ENVS.value > 1:
            raise UserError("--video films one Atari game at a time; leave it out, or --num_envs")
        video.check(Path(_VIDEO.value))
    if _JSON.value:
        _write(Path(_JSON.value), "", mode="a")


def main(argv: list[str]) -> None:
    """Loads, plays, prints."""
    del argv
    _check(policy_json.read(Path(_POLICY.value)))
    policy = load_policy(_POLICY.value)
    environment = policy.make_environment(num_envs=min(_NUM_ENVS.value, _EPISODES.value), seed=_SEED.value)
    epsilon = policy.epsilon if _EPSILON.value is None else _EPSILON.value
    start = time.perf_counter()
    with _filmed(policy, environment) as watch:
        played = policy.play(
            environment,
            episodes=_EPISODES.value,
            epsilon=epsilon,
            seed=_SEED.value,
            report=_report,
            watch=watch,
        )
    result = summarise(policy, played, epsilon, time.perf_counter() - start)
    print("\n" + table(result))
    if _JSON.value:
        _write(Path(_JSON.value), json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    run_main(main)
