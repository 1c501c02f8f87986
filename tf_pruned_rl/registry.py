"""Names and what they stand for: every word that a flag accepts for a part of the library.

A registry maps a name, such as ``nature``, to what it stands for: a class, a function, or a table. The
parts of the library are registered here, one line each, as ``"module:attribute"``: such a path is imported
when the part is first used, so the names and their help need no TensorFlow. Agents and suites are
registered in ``config/presets.py``, beside what they change in the defaults, export formats in
``exporting/formats.py``.

Other code registers an object itself, with a decorator or a call::

    from tf_pruned_rl import registry

    @registry.DISTRIBUTIONS.register("my_own", help="first layers stay dense")
    def my_own(shapes, sparsity): ...

This module imports nothing of the library but its error.
"""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tf_pruned_rl.errors import UserError

T = TypeVar("T")


def unknown_name(name: str, allowed: Collection[str]) -> str:
    """Returns what to say of a name that is not among ``allowed``, with the nearest that are.

    >>> unknown_name("impla", ("impala", "nature"))
    "'impla' is not one of impala, nature; did you mean impala?"
    """
    nearest = difflib.get_close_matches(name.lower(), allowed, n=2)
    hint = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
    return f"{name!r} is not one of {', '.join(allowed)}{hint}"


@dataclass(frozen=True)
class Entry:
    """One name of a registry."""

    target: Any
    """What the name stands for, or the path ``"module:attribute"`` of it."""
    help: str
    """What it is, in a few words, for ``--help``."""
    kinds: tuple[str, ...]
    """The kinds of run that it is for (``online``, ``offline``, ``continuous``); empty: every kind."""
    facts: Mapping[str, Any]
    """What has to be known of it before it is imported; see each registry."""

    @property
    def origin(self) -> str:
        """Where it comes from, as ``module:attribute``."""
        if isinstance(self.target, str):
            return self.target
        module = getattr(self.target, "__module__", type(self.target).__module__)
        return f"{module}:{getattr(self.target, '__qualname__', type(self.target).__qualname__)}"

    def same_target(self, other: Entry) -> bool:
        """Returns whether both stand for one thing; a function or class is known by its origin.

        A module that is imported again makes its functions and classes again.
        """
        if self.target == other.target:
            return True
        # The origin of a table or an instance is that of its class, which others have too.
        named = all(isinstance(of, str) or hasattr(of, "__qualname__") for of in (self.target, other.target))
        return named and self.origin == other.origin


class Registry(Generic[T]):
    """The names that one flag accepts, in the order in which they were registered."""

    def __init__(self, field: str, what: str):
        """Makes an empty registry.

        Args:
          field: the flag, without its dashes, that takes one of the names.
          what: one thing with a name, as ``"network"``, for error messages.
        """
        self.field, self.what = field, what
        self._entries: dict[str, Entry] = {}
        self._loaded: dict[str, T] = {}

    def register(
        self, name: str, target: Any = None, *, help: str = "", kinds: Collection[str] = (), **facts: Any
    ) -> Any:
        """Adds a name; without ``target``, returns a decorator that adds what it decorates.

        Args:
          name: lower-case letters, digits and underscores.
          target: what the name stands for, or its path ``"module:attribute"``.
          help: what it is, in a few words.
          kinds: of run that it is for; empty for every kind.
          facts: what has to be known of it before it is imported.

        Returns:
          ``target`` as it is.

        Raises:
          UserError: the name is registered already for something else, or it is not a word.
        """
        if target is None:
            return lambda decorated: self.register(name, decorated, help=help, kinds=kinds, **facts)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise UserError(
                f"{name!r} cannot be the name of a {self.what}: use lower-case letters, digits and "
                "underscores"
            )
        entry = Entry(target, help, (kinds,) if isinstance(kinds, str) else tuple(kinds), facts)
        if name in self._entries and not self._entries[name].same_target(entry):
            raise UserError(
                f"two {self.what}s are called {name!r}, {self._entries[name].origin} and {entry.origin}: "
                "rename one of them"
            )
        self._entries[name] = entry
        self._loaded.pop(name, None)
        return target

    def remove(self, name: str) -> None:
        """Takes a name out again, for tests.

        Raises:
          UserError: there is no such name.
        """
        self.entry(name)
        del self._entries[name]
        self._loaded.pop(name, None)

    def entry(self, name: str) -> Entry:
        """Returns what is known of a name, without importing it.

        Raises:
          UserError: there is no such name; the message has the allowed ones and the nearest.
        """
        if name not in self._entries:
            raise UserError(f"--{self.field}: {unknown_name(name, self._entries)}")
        return self._entries[name]

    def fact(self, name: str, fact: str, default: Any = None) -> Any:
        """Returns one fact of a name; ``default`` if it has none of that kind, or there is no such name."""
        return self._entries[name].facts.get(fact, default) if name in self._entries else default

    def names(self, kind: str = "") -> tuple[str, ...]:
        """Returns the names, or those for one kind of run."""
        return tuple(
            name for name, entry in self._entries.items() if not (kind and entry.kinds) or kind in entry.kinds
        )

    def __getitem__(self, name: str) -> T:
        """Returns what a name stands for; imports it where need be.

        Raises:
          UserError: there is no such name, or nothing at its path.
        """
        entry = self.entry(name)
        if name not in self._loaded:
            self._loaded[name] = load(entry.target) if isinstance(entry.target, str) else entry.target
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def load(path: str) -> Any:
    """Returns the attribute at ``path``, "module:attribute".

    Raises:
      UserError: there is no such module, or it has no such attribute.
    """
    name, _, attribute = path.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        # What the module itself imports in vain is another mistake.
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise UserError(f"{path} does not exist: there is no module {error.name}") from error
    if not hasattr(module, attribute):
        raise UserError(f"{path} does not exist: {name} has no {attribute}")
    return getattr(module, attribute)


GAMES = ("online", "offline")
"""The kinds of run that play games."""

AGENTS: Registry[Mapping[str, object]] = Registry("agent", "agent")
"""Name -> what the agent changes in the defaults. Its loss is one of the fields.

Each is for exactly one kind of run. Fact: ``suites`` it is for; none is all. See ``config/presets.py``.
"""

SUITES: Registry[Any] = Registry("suite", "suite of games")
"""Where games come from: name -> what the suite changes in the defaults; see ``config/presets.py``.

Facts: ``agents``, {agent: what the suite changes again for it}; ``unavailable``, {field: (the one value
that it may have in the suite, why)}.
"""

LOSSES: Registry[Any] = Registry("loss", "loss")
"""Name -> the class of TF-Agents agent that learns by it; made with (config, number of actions)."""
LOSSES.register("mse", "tf_pruned_rl.agents.dqn:DqnAgent", help="squared error")
LOSSES.register("huber", "tf_pruned_rl.agents.dqn:DqnAgent", help="delta 1")
LOSSES.register("c51", "tf_pruned_rl.agents.rainbow:RainbowAgent", help="categorical cross-entropy")

NETWORKS: Registry[Any] = Registry("network", "network")
"""The torso of a Q-network: name -> the function that makes it. Fact: ``suites`` it is for; none is all."""
NETWORKS.register("impala", "tf_pruned_rl.networks.impala:encoder", help="the 15-layer ResNet")
NETWORKS.register(
    "nature",
    "tf_pruned_rl.networks.nature:encoder",
    help="the three convolutions of DQN on Atari",
    suites=("atari",),
)
NETWORKS.register(
    "minatar",
    "tf_pruned_rl.networks.minatar:encoder",
    help="the one convolution of MinAtar",
    kinds=("online",),
    suites=("minatar",),
)

PRUNING_METHODS: Registry[Any] = Registry("pruning", "pruning method")
"""Name -> a ``pruning.methods.Method``.

Facts: ``starts_sparse``, the masks are at the final sparsity before anything is learned; ``regrows``,
single weights that were pruned come back.
"""
PRUNING_METHODS.register(
    "magnitude", "tf_pruned_rl.pruning.methods:MAGNITUDE", help="gradual; the smallest weights go"
)
PRUNING_METHODS.register("random", "tf_pruned_rl.pruning.methods:RANDOM", help="gradual; any weights go")
PRUNING_METHODS.register(
    "static",
    "tf_pruned_rl.pruning.methods:STATIC",
    help="sparse from the start, random masks that never change",
    starts_sparse=True,
)
PRUNING_METHODS.register(
    "set",
    "tf_pruned_rl.pruning.methods:SET",
    help="sparse from the start; the smallest weights are replaced by random ones",
    starts_sparse=True,
    regrows=True,
)
PRUNING_METHODS.register(
    "rigl",
    "tf_pruned_rl.pruning.methods:RIGL",
    help="sparse from the start; the smallest weights are replaced by those with the largest gradients",
    starts_sparse=True,
    regrows=True,
)

DISTRIBUTIONS: Registry[Callable[[Mapping[str, tuple[int, ...]], float], dict[str, float]]] = Registry(
    "distribution", "distribution"
)
"""Name -> (shapes of a network's kernels, sparsity) -> the sparsity of each kernel.

Fact: ``pooled``, the weights of all kernels compete, so each kernel's sparsity follows from the scores.
"""
DISTRIBUTIONS.register("erk", "tf_pruned_rl.pruning.distribution:erk", help="Erdos-Renyi kernel")
DISTRIBUTIONS.register("uniform", "tf_pruned_rl.pruning.distribution:uniform", help="every layer alike")
DISTRIBUTIONS.register(
    "global", "tf_pruned_rl.pruning.distribution:uniform", help="all layers compete", pooled=True
)

STRUCTURES: Registry[Any] = Registry("structure", "structure")
"""Name -> a class of ``pruning.structure.Structure``.

Facts: ``single_weights``, whether single weights are pruned; ``max_sparsity``, where a structure has one,
which then every layer has alike.
"""
STRUCTURES.register(
    "unstructured", "tf_pruned_rl.pruning.structure:Unstructured", help="single weights", single_weights=True
)
STRUCTURES.register("block", "tf_pruned_rl.pruning.structure:Block", help="blocks, see --block")
STRUCTURES.register("channel", "tf_pruned_rl.pruning.structure:Channel", help="outputs of a layer")
STRUCTURES.register(
    "n_m",
    "tf_pruned_rl.pruning.structure:NofM",
    help="two of every four inputs",
    max_sparsity=0.5,
)

INTERVENTIONS: Registry[Any] = Registry("intervention", "intervention")
"""Name -> (config, agent, {reference of a kernel's variable: mask}, generator) -> an ``Intervention``."""
INTERVENTIONS.register("none", "tf_pruned_rl.interventions.base:no_intervention", help="nothing is done")
INTERVENTIONS.register(
    "redo", "tf_pruned_rl.interventions.redo:create", help="dormant neurons are initialised again"
)
INTERVENTIONS.register(
    "reset",
    "tf_pruned_rl.interventions.reset:create",
    help="the last layers are initialised again at intervals",
)

REGULARIZERS: Registry[Any] = Registry("regularizer", "regularizer")
"""Name -> (config, agent) -> an ``Intervention`` that is applied at every gradient step."""
REGULARIZERS.register("none", "tf_pruned_rl.interventions.base:no_intervention", help="nothing is done")
REGULARIZERS.register(
    "weight_decay",
    "tf_pruned_rl.interventions.regularizers:create",
    help="every weight shrinks at every step, by --decay_rate",
)
REGULARIZERS.register(
    "l2_unit",
    "tf_pruned_rl.interventions.base:no_intervention",
    help="the last hidden layer's output is scaled to Euclidean norm 1, in the network",
    kinds=GAMES,
)

REPLAY_SAMPLINGS: Registry[Any] = Registry("replay_sampling", "sampling of replay")
"""Name -> the class of a sampler; made with (ring, generator)."""
REPLAY_SAMPLINGS.register("uniform", "tf_pruned_rl.replay.uniform:UniformSampler", help="every step alike")
REPLAY_SAMPLINGS.register(
    "prioritized",
    "tf_pruned_rl.replay.prioritized:PrioritizedSampler",
    help="by the square root of the loss, with importance weights of exponent 1/2",
)

EXPORT_FORMATS: Registry[Any] = Registry("format", "export format")
"""Name -> an ``exporting.formats.Format``; that module registers the formats."""

SWEEP_ENGINES: Registry[Any] = Registry("engine", "sweep engine")
"""Name -> the class of an ``sweeps.engines.Engine``; made with its ``Resources``."""
SWEEP_ENGINES.register("local", "tf_pruned_rl.sweeps.local:LocalEngine", help="this machine")
SWEEP_ENGINES.register("ray", "tf_pruned_rl.sweeps.on_ray:RayEngine", help="a Ray cluster")
SWEEP_ENGINES.register("slurm", "tf_pruned_rl.sweeps.on_slurm:SlurmEngine", help="Slurm, by submitit")
