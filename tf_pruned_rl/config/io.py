"""The configuration as text: config.json, what differs between two, and the name of a run."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import Config, ExperimentConfig
from tf_pruned_rl.errors import UserError

IGNORED_IN_IDENTITY = frozenset({"run_dir", "threads", "data"})
"""Fields that say where a run is and with how many cores it is made, not which run it is. (Whether the data
are the same is checked by the data themselves.)"""


class Difference(NamedTuple):
    """A field that two configurations disagree about."""

    field: str
    old: object
    new: object

    def __str__(self) -> str:
        """Returns ``field: old -> new``."""
        return f"{self.field}: {self.old} -> {self.new}"


@functools.cache
def field_types(kind: type[Config] = ExperimentConfig) -> dict[str, type]:
    """Returns {field name: bool, int, float or str} over all groups of a kind, in order."""
    by_name = {"bool": bool, "int": int, "float": float, "str": str}
    # With postponed evaluation, a field's type is its annotation's text.
    return {name: by_name[str(field.type)] for name, field in configuration.fields(kind).items()}


def to_json(config: Config) -> str:
    """Returns the configuration as JSON: flat, sorted by name, one field a line."""
    return json.dumps(configuration.flatten(config), indent=2, sort_keys=True) + "\n"


def from_json(text: str) -> Config:
    """Returns the configuration that ``to_json`` wrote.

    Raises:
      UserError: the text is cut off, is not a configuration, or was written by another version. The
        message does not name the file, which ``read`` does.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UserError(
            f"not a whole JSON file ({error}); restore it, or start in another --run_dir"
        ) from error
    if not isinstance(values, dict):
        raise UserError("not a configuration of tf_pruned_rl: a JSON object is expected")
    kind = configuration.config_class(str(values.get("agent")))
    types = field_types(kind)
    unknown, missing = values.keys() - types.keys(), types.keys() - values.keys()
    for problem, names in (("unknown", unknown), ("missing", missing)):
        if names:
            raise UserError(
                f"{problem} fields {', '.join(sorted(names))}: not written by this version of tf_pruned_rl; "
                "use the one that did, or another --run_dir"
            )
    for name, value in values.items():
        if type(value) is int and types[name] is float:
            try:
                values[name] = float(value)
            except OverflowError as error:
                raise UserError(f"field {name} is larger than any float") from error
        elif type(value) is not types[name]:
            raise UserError(f"field {name} is {json.dumps(value)}, expected {types[name].__name__}")
    return configuration.replace(kind(), **values)


def read(path: Path) -> Config:
    """Returns the configuration in the file ``path``.

    Raises:
      UserError: it cannot be read, or as ``from_json``; the message starts with the path.
    """
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def differences(old: Config, new: Config) -> list[Difference]:
    """Returns the fields in which two runs differ, in order; those of ``IGNORED_IN_IDENTITY`` do not count.

    Fields that only one of two kinds has are left out: the agents differ as well.
    """
    after = configuration.flatten(new)
    return [
        Difference(name, value, after[name])
        for name, value in configuration.flatten(old).items()
        if name in after and value != after[name] and name not in IGNORED_IN_IDENTITY
    ]


def config_hash(config: Config) -> str:
    """Returns 64 hexadecimal digits that are equal exactly where ``differences`` is empty."""
    flat = configuration.flatten(config)
    # A float field may have been given as an int: 1 and 1.0 are the same run.
    run = {
        name: kind(flat[name])
        for name, kind in field_types(type(config)).items()
        if name not in IGNORED_IN_IDENTITY
    }
    return hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()


def default_run_dir(config: Config) -> str:
    """Returns runs/AGENT-GAME-NETWORK-wWIDTH-PRUNING-seedSEED-HASH: one folder for one configuration.

    A suite other than Atari has its name before that of the game.
    """
    pruning = config.pruning
    suite = getattr(config.environment, "suite", "atari")
    name = "-".join(
        (
            config.agent,
            *([suite] if suite != "atari" else []),
            config.environment.game,
            config.network.network,
            f"w{config.network.width:g}",
            "dense" if pruning.pruning == "none" else f"{pruning.pruning}{100 * pruning.sparsity:g}",
            f"seed{config.run.seed}",
            config_hash(config)[:6],
        )
    )
    return f"runs/{name}"
