"""Reads run directories, finished or still being written: configuration and records by kind."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tf_pruned_rl import config as configuration
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS
from tf_pruned_rl.training.records import Record

# A run with other values in these groups plays another protocol, or learns by another rule, than the
# published one; budgets, places, seeds and speed are not among them.
_SETTING = ("environment", "network", "learner", "replay")
_NAMED_APART = ("game", "network", "width")
_NEEDED = ("agent", "game", "network", "width", "pruning", "sparsity", "iteration_frames")


@dataclass(frozen=True)
class Run:
    """One run directory."""

    directory: Path
    config: Mapping[str, Any]
    """config.json: {field name: value} over all groups."""
    records: Mapping[str, tuple[Record, ...]]
    """The whole lines of metrics.jsonl by kind, in order; a kind that is absent has none."""

    @property
    def unit(self) -> str:
        """What its length is counted in: frames, steps in continuous control, gradient steps offline."""
        return configuration.config_class(self.config["agent"]).kind.unit

    @property
    def suite(self) -> str:
        """Where its game comes from: atari, minatar, or nothing in continuous control."""
        games = self.config["agent"] in AGENTS.names("online")
        return self.config.get("suite", "atari") if games else ""

    @property
    def game(self) -> str:
        """The game or task, told apart from one of the same name in another suite."""
        return f"MinAtar {self.config['game']}" if self.suite == "minatar" else self.config["game"]

    def name(self) -> str:
        """Returns agent, game, network and sparsity in words, such as ``DQN Breakout nature dense``."""
        names = {"dqn": "DQN", "sac": "SAC", "der": "DER", "drq_eps": "DrQ(eps)", "cql": "CQL"}
        names["cql_c51"] = "CQL+C51"
        agent = names.get(self.config["agent"], self.config["agent"].capitalize())
        width = "" if self.config["width"] == 1 else f" x{self.config['width']:g}"
        return f"{agent} {self.game} {self.config['network']}{width} {self.density()}"

    def density(self) -> str:
        """Returns ``dense``, or the sparsity the run prunes to, such as ``95 % pruned`` or ``95 % rigl``."""
        method = self.config["pruning"]
        if method == "none" or not self.config["sparsity"]:
            return "dense"
        return f"{100 * self.config['sparsity']:g} % {'pruned' if method == 'magnitude' else method}"

    def kind(self) -> str:
        """Returns ``density`` and what else is done to the weights: what runs of one group share."""
        extra = (self.config.get(name, "none") for name in ("intervention", "regularizer"))
        return " + ".join([self.density(), *(word for word in extra if word != "none")])

    def setting_changes(self) -> dict[str, Any]:
        """Returns the fields of protocol and learning rule that differ from the agent's paper preset.

        A replay that never fills is as good as a larger one.
        """
        agent = self.config["agent"]
        if agent not in AGENTS.names("online"):
            return {}
        paper = configuration.preset(agent, suite=self.suite)
        names = (f.name for group in _SETTING for f in dataclasses.fields(getattr(paper, group)))
        flat = configuration.flatten(paper)
        changes = {name: self.config.get(name, flat[name]) for name in names if name not in _NAMED_APART}
        steps = max((r.agent_steps for records in self.records.values() for r in records), default=0)
        if steps <= changes["replay_capacity"]:
            del changes["replay_capacity"]
        return {name: value for name, value in changes.items() if value != flat[name]}


@dataclass(frozen=True)
class Iterations:
    """The iterations a run has finished."""

    index: np.ndarray
    """int64 [n], counted from 0."""
    frames: np.ndarray
    """int64 [n], emulator frames at the end of the iteration."""
    mean_return: np.ndarray
    """float64 [n], mean un-clipped training return; NaN where no episode ended."""
    episodes: np.ndarray
    """int64 [n], episodes that ended in the iteration."""


@dataclass(frozen=True)
class Evaluations:
    """The evaluation phases a run has been through."""

    frames: np.ndarray
    """int64 [n], frames (steps in continuous control) trained before each phase."""
    mean_return: np.ndarray
    """float64 [n], mean return of its episodes; NaN where none ended."""


def load_run(directory: str | Path) -> Run:
    """Reads a run directory; the run may still be going on.

    Args:
      directory: a folder with config.json and metrics.jsonl. The last line of the latter may be
        half-written; it is left out.

    Raises:
      UserError: there is no run, or one of the two files is not what a run writes.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise UserError(f"no run directory at {directory}: give the --run_dir of a run")
    config = _read_config(directory / "config.json")
    records: dict[str, list[Record]] = defaultdict(list)
    for record in _read_records(directory / "metrics.jsonl"):
        records[record.kind].append(record)
    return Run(directory, config, {kind: tuple(each) for kind, each in records.items()})


def iterations(run: Run) -> Iterations:
    """Returns the finished iterations of ``run``, in order; empty arrays where there is none."""
    found = run.records.get("iteration", ())
    return Iterations(
        index=np.array([r.values["index"] for r in found], np.int64),
        frames=np.array([r.frames for r in found], np.int64),
        mean_return=np.array([r.values.get("mean_return", np.nan) for r in found], np.float64),
        episodes=np.array([r.values.get("episodes", 0) for r in found], np.int64),
    )


def evaluations(run: Run) -> Evaluations:
    """Returns the evaluation phases of ``run``, in order; empty arrays where there is none."""
    found = run.records.get("evaluation", ())
    return Evaluations(
        frames=np.array([r.frames for r in found], np.int64),
        mean_return=np.array([r.values.get("mean_return", np.nan) for r in found], np.float64),
    )


def series(run: Run, value: str, kind: str = "progress") -> tuple[np.ndarray, np.ndarray]:
    """Returns frames int64 [n] and ``value`` float64 [n] of the records of ``kind`` that hold it."""
    found = [(r.frames, r.values[value]) for r in run.records.get(kind, ()) if value in r.values]
    frames, values = zip(*found, strict=True) if found else ((), ())
    return np.array(frames, np.int64), np.array(values, np.float64)


def _read_config(path: Path) -> dict[str, Any]:
    """Returns config.json, checked to hold what every run has."""
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path.parent} is no run directory: it holds no config.json") from None
    except (ValueError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path} is not the configuration of a run: it should hold one JSON object")
    for name, value in _in_the_words_of_atari(config).items():
        config.setdefault(name, value)
    missing = [name for name in _NEEDED if name not in config]
    if missing:
        raise UserError(f"{path} is not the configuration of a run: it lacks {', '.join(missing)}")
    return config


def _in_the_words_of_atari(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a run of continuous control calls otherwise, by the names that are used here."""
    agent = config.get("agent")
    words = {"game": "env", "iteration_frames": "iteration_steps"}
    found = {word: config[own] for word, own in words.items() if own in config}
    return found | ({"network": "mlp"} if agent in AGENTS.names("continuous") else {})


def _read_records(path: Path) -> list[Record]:
    """Returns the records of metrics.jsonl; none if the run has not yet written it."""
    try:
        lines = path.read_text().split("\n")
    except FileNotFoundError:
        return []
    except (ValueError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    records = []
    # What follows the last line end is being written, or was when the run was killed.
    for number, line in enumerate(lines[:-1], 1):
        try:
            records.append(Record.from_json(line))
        except ValueError:
            raise UserError(f"{path}, line {number}, is not a record of a run: {line[:60]!r}") from None
    return records
