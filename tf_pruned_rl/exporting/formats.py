"""The formats of an exported policy: what each is made of, where it is written, and its verification."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tf_pruned_rl import environments, runtime
from tf_pruned_rl.config import ContinuousConfig
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.exporting import verification
from tf_pruned_rl.policies import policy_json, runtimes
from tf_pruned_rl.registry import EXPORT_FORMATS as FORMATS

if TYPE_CHECKING:
    from tf_pruned_rl.exporting.saved_model import Trained


class Format(NamedTuple):
    """One kind of file."""

    tflite: bool = False
    int8: bool = False
    compact: bool = False


FORMATS.register("saved_model", Format())
FORMATS.register("tflite", Format(tflite=True))
FORMATS.register("tflite_int8", Format(tflite=True, int8=True))
# As a word of --format, both this and the next.
FORMATS.register("compact", Format(compact=True))
FORMATS.register("compact_tflite", Format(tflite=True, compact=True))

_TFLITE_MULTIPLE = 4
"""Of the channels that are kept for TensorFlow Lite; see ``compact.compact``."""


def parse(text: str) -> tuple[str, ...]:
    """Returns the formats of a comma-separated list.

    Raises:
      UserError: there is no such format.
    """
    names: list[str] = []
    for name in filter(None, text.split(",")):
        FORMATS.entry(name)
        names += [name] if name != "compact" else ["compact", "compact_tflite"]
    if not names:
        raise UserError(f"--format is empty: choose among {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(names))


def place(directory: Path, name: str) -> Path:
    """Returns where a format is written: the SavedModel in ``directory`` itself, the others beside it."""
    return directory if name == "saved_model" else directory.with_name(f"{directory.name}-{name}")


def export(
    trained: Trained, directory: Path, names: Sequence[str], *, force: bool = False
) -> list[tuple[Path, dict]]:
    """Writes a policy in several formats, each verified against the network in float32.

    Args:
      trained: what is exported.
      directory: see ``place``.
      names: of FORMATS.
      force: write formats that disagree too often, too.

    Returns:
      Where each lies, and the content of its policy.json.

    Raises:
      UserError: one disagrees too often (those before it are written), cannot be written, or is not
        for policies like this.
    """
    if isinstance(trained.config, ContinuousConfig) and set(names) != {"saved_model"}:
        raise UserError("a policy of continuous control is exported as --format=saved_model only")
    done: list[tuple[Path, dict]] = []
    check: Callable[[Path, dict, str], dict] | None = None
    for name in names:
        if name != "saved_model" and check is None:
            check = _checker(trained, force)
        where = place(directory, name)
        done.append((where, write(trained, where, name, check)))
    return done


def _checker(trained: Trained, force: bool) -> Callable[[Path, dict, str], dict]:
    """Plays; returns (directory, "tflite" entry, format) -> "verification" entry of policy.json."""
    from tf_pruned_rl.exporting.saved_model import policy_function
    from tf_pruned_rl.exporting.tflite import float32

    runtime.graph_fusions(False)
    model = float32(trained.model)
    function = policy_function(trained.config, model)

    def reference(observations: np.ndarray) -> np.ndarray:
        return function(observations)["q_values"].numpy()

    observations = verification.observe(
        reference,
        environments.create(trained.config, seed=trained.config.run.seed),
        observation_shape=tuple(model.input_shape[1:]),
        seed=trained.config.run.seed,
    )

    def check(directory: Path, tflite: dict, name: str) -> dict:
        runtime: runtimes.Runtime
        if tflite:
            runtime = runtimes.Tflite(directory / tflite["file"], delegates=tflite["delegates"])
        else:
            runtime = runtimes.SavedModel(directory)
        verified = verification.compare(reference, lambda one: runtime(one)["q_values"], observations)
        return verified.check(name, int8=FORMATS[name].int8, force=force)

    return check


def write(
    trained: Trained,
    directory: Path,
    name: str,
    check: Callable[[Path, dict, str], dict] | None = None,
) -> dict:
    """Writes one format, verified by ``check`` if it is given; returns the content of its policy.json."""
    from tf_pruned_rl.exporting import saved_model, tflite

    kind = FORMATS[name]
    if kind.compact:
        trained = _compacted(trained, multiple=_TFLITE_MULTIPLE if kind.tflite else 1)
    facts: dict = {"format": name}
    save: Callable[[Path], None] | None = None
    if kind.tflite:
        converted = tflite.convert(trained.model, trained.config, int8=kind.int8)
        facts["tflite"] = {"file": policy_json.TFLITE_FILE, "delegates": converted.delegates}

        def save(temporary: Path) -> None:
            (temporary / policy_json.TFLITE_FILE).write_bytes(converted.content)

    def complete(temporary: Path) -> dict:
        if name == "saved_model" or check is None:  # what the others are held against
            return facts
        return facts | {"verification": check(temporary, facts.get("tflite", {}), name)}

    return saved_model.export_policy(trained, directory, save=save, complete=complete)


def _compacted(trained: Trained, multiple: int) -> Trained:
    """Returns the policy without the channels and units that cannot influence its outputs."""
    from tf_pruned_rl.exporting.compact import compact
    from tf_pruned_rl.pruning import kernels, summaries

    model = compact(trained.model, multiple).model
    rows = summaries.table(kernels.find(model))
    return dataclasses.replace(trained, model=model, layers=rows)
