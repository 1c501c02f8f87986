"""Reads run directories, finished or in progress: the configuration, and the records by kind."""

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

# Groups of fields that define protocol and learning rule: with other values there, a run cannot be
# compared with published ones. Budgets, directories, seeds and speed are not among them.
_SETTING = ("environment", "network", "learning", "replay")
_IN_THE_NAME = ("game", "network", "width")
_REQUIRED = ("agent", "game", "network", "width", "pruning", "sparsity", "iteration_frames")
_AGENT_NAMES = {
    "dqn": "DQN",
    "sac": "SAC",
    "der": "DER",
    "drq_eps": "DrQ(eps)",
    "cql": "CQL",
    "cql_c51": "CQL+C51",
}
# Fields of continuous control, and the names of game runs that are used here.
_GAME_NAMES = {"env": "game", "iteration_steps": "iteration_frames"}


@dataclass(frozen=True)
class RunResult:
    """What a run directory holds."""

    directory: Path
    config: Mapping[str, Any]
    """config.json: {field name: value} over all groups."""
    records: Mapping[str, tuple[Record, ...]]
    """The complete lines of metrics.jsonl by kind, in order; a kind without records is absent."""

    @property
    def unit(self) -> str:
        """Unit of the run's length: frames, steps in continuous control, gradient steps offline."""
        return configuration.config_class(self.config["agent"]).kind.unit

    @property
    def suite(self) -> str:
        """The suite of its game, atari or minatar; empty for other kinds of runs."""
        games = self.config["agent"] in AGENTS.names("online")
        return self.config.get("suite", "atari") if games else ""

    @property
    def game(self) -> str:
        """The game or task; MinAtar's games have its name before theirs."""
        return f"MinAtar {self.config['game']}" if self.suite == "minatar" else self.config["game"]

    @property
    def dense(self) -> bool:
        """Whether the run prunes nothing."""
        return self.config["pruning"] == "none" or not self.config["sparsity"]

    def name(self) -> str:
        """Returns agent, game, network and sparsity, such as ``DQN Breakout nature dense``."""
        agent = _AGENT_NAMES.get(self.config["agent"], self.config["agent"].capitalize())
        width = "" if self.config["width"] == 1 else f" x{self.config['width']:g}"
        return f"{agent} {self.game} {self.config['network']}{width} {self.density()}"

    def density(self) -> str:
        """Returns ``dense``, or the final sparsity, such as ``95 % pruned`` or ``95 % rigl``."""
        method = self.config["pruning"]
        if self.dense:
            return "dense"
        return f"{100 * self.config['sparsity']:g} % {'pruned' if method == 'magnitude' else method}"

    def kind(self) -> str:
        """Returns ``density`` with intervention and regularizer: equal for runs of one group."""
        extra = (self.config.get(name, "none") for name in ("intervention", "regularizer"))
        return " + ".join([self.density(), *(word for word in extra if word != "none")])

    def setting_changes(self) -> dict[str, Any]:
        """Returns the fields of protocol and learning rule that differ from the agent's paper preset.

        A replay capacity that the run never reaches is no difference.
        """
        agent = self.config["agent"]
        if agent not in AGENTS.names("online"):
            return {}
        paper = configuration.preset(agent, suite=self.suite)
        names = (f.name for group in _SETTING for f in dataclasses.fields(getattr(paper, group)))
        flat = configuration.flatten(paper)
        values = {name: self.config.get(name, flat[name]) for name in names if name not in _IN_THE_NAME}
        steps = max((r.agent_steps for records in self.records.values() for r in records), default=0)
        if steps <= values["replay_capacity"]:
            del values["replay_capacity"]
        return {name: value for name, value in values.items() if value != flat[name]}


@dataclass(frozen=True)
class Returns:
    """The iterations, or the evaluations, that a run has finished."""

    index: np.ndarray
    """int64 [n], counted from 0."""
    frames: np.ndarray
    """int64 [n], frames (or steps) at the end of the iteration, or before the evaluation."""
    mean_return: np.ndarray
    """float64 [n], mean un-clipped return of its episodes; NaN where no episode ended."""
    episodes: np.ndarray
    """int64 [n], the number of those episodes."""


def load_run(directory: str | Path) -> RunResult:
    """Reads a run directory; the run may be in progress.

    Args:
      directory: a folder with config.json and metrics.jsonl. An incomplete last line of the latter is
        ignored.

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
    return RunResult(directory, config, {kind: tuple(group) for kind, group in records.items()})


def returns(run: RunResult, kind: str = "iteration") -> Returns:
    """Returns the returns in ``run``'s records of ``kind``, iteration or evaluation, in order."""
    records = run.records.get(kind, ())
    return Returns(
        index=np.array([r.values.get("index", place) for place, r in enumerate(records)], np.int64),
        frames=np.array([r.frames for r in records], np.int64),
        mean_return=np.array([r.values.get("mean_return", np.nan) for r in records], np.float64),
        episodes=np.array([r.values.get("episodes", 0) for r in records], np.int64),
    )


def series(run: RunResult, value: str, kind: str = "progress") -> tuple[np.ndarray, np.ndarray]:
    """Returns frames int64 [n] and ``value`` float64 [n] of the records of ``kind`` that hold it."""
    records = [r for r in run.records.get(kind, ()) if value in r.values]
    frames = np.array([r.frames for r in records], np.int64)
    return frames, np.array([r.values[value] for r in records], np.float64)


def _read_config(path: Path) -> dict[str, Any]:
    """Returns config.json after checking that it has the fields of a run."""
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path.parent} is no run directory: it holds no config.json") from None
    except (ValueError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path} is not the configuration of a run: it should hold one JSON object")
    for name, game_name in _GAME_NAMES.items():
        if name in config:
            config.setdefault(game_name, config[name])
    if config.get("agent") in AGENTS.names("continuous"):
        config.setdefault("network", "mlp")
    missing = [name for name in _REQUIRED if name not in config]
    if missing:
        raise UserError(f"{path} is not the configuration of a run: it lacks {', '.join(missing)}")
    return config


def _read_records(path: Path) -> list[Record]:
    """Returns the records of metrics.jsonl; none if the run has not yet written it."""
    try:
        lines = path.read_text().split("\n")
    except FileNotFoundError:
        return []
    except (ValueError, OSError) as error:
        raise UserError(f"cannot read {path}: {error}") from None
    records = []
    # The text after the last line end is incomplete: still being written, or cut short by a kill.
    for number, line in enumerate(lines[:-1], 1):
        try:
            records.append(Record.from_json(line))
        except ValueError:
            raise UserError(f"{path}, line {number}, is not a record of a run: {line[:60]!r}") from None
    return records
