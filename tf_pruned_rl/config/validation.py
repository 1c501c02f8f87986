"""Whether a configuration is legal: the one entry, before anything is built.

What one field may hold stands beside the field (``rules.py``), its words in the registries
(``registry.py``), and which fields go together in ``combinations.py``. What only the network or the machine
can answer is asked when a run starts, by the packages that know them, which this one may not import:
``pruning.feasible`` (does the sparsity empty a layer) and ``replay.check_memory`` (does the replay fit).
"""

from __future__ import annotations

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import Config, rules
from tf_pruned_rl.config.combinations import check_combinations
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import load, unknown_name


def choices(kind: type[Config]) -> dict[str, tuple[str, ...]]:
    """Returns {field: its words}, of the fields of a kind of configuration that take one of some words."""
    named = {name: rules.words(field, kind.kind.name) for name, field in configuration.fields(kind).items()}
    return {name: words for name, words in named.items() if words}


def validate(config: Config) -> None:
    """Checks that the configuration describes a possible run.

    Raises:
      UserError: a field is out of its range, or fields contradict each other.
    """
    for name, value in configuration.flatten(config).items():
        check_field(name, value, type(config))
    check_combinations(config)
    canonical(config)


def canonical(config: Config) -> Config:
    """Returns the configuration with its game or task in its one spelling.

    The list of games comes with the emulator, which ``--help`` can do without: it is loaded here.

    Raises:
      UserError: there is no such game or task.
    """
    return load("tf_pruned_rl.environments:canonical")(config)


def check_field(name: str, value: object, kind: type[Config]) -> None:
    """Checks one field of a kind of configuration by itself.

    Raises:
      UserError: it is out of its range.
    """
    field = configuration.fields(kind)[name]
    words = rules.words(field, kind.kind.name)
    if words and value not in words:
        raise UserError(f"--{name}: {unknown_name(str(value), words)}")
    if isinstance(value, str | bool):
        return
    assert isinstance(value, int | float)
    if rule := rules.bound(field).broken(value):
        raise UserError(f"--{name}={value} {rule}")
