"""Dopamine's JAX DQN and Rainbow, through its own Runner.

The Runner trains in a thread that waits inside the environment's ``step`` whenever no slice is wanted:
its loop, its episodes and its replay are untouched.
"""

from __future__ import annotations

import functools
import statistics
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable
from importlib.metadata import version

# OpenAI's baselines, which Dopamine imports for one wrapper of procgen that Atari has no use for, does
# not install any more: empty modules will do.
for _name in ("baselines", "baselines.common", "baselines.common.atari_wrappers"):
    sys.modules[_name] = types.ModuleType(_name)
sys.modules["baselines.common"].atari_wrappers = sys.modules["baselines.common.atari_wrappers"]

import flax.linen as nn  # noqa: E402  (after the modules above, as all that follow)
import gin  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from absl import logging  # noqa: E402
from dopamine.discrete_domains import atari_lib, iteration_statistics, run_experiment  # noqa: E402
from dopamine.jax import networks  # noqa: E402
from dopamine.jax.agents.dqn import dqn_agent  # noqa: E402
from dopamine.jax.agents.rainbow import rainbow_agent  # noqa: E402
from measuring import settings as s  # noqa: E402
from measuring import worker  # noqa: E402
from measuring.settings import Settings  # noqa: E402


class ImpalaRainbowNetwork(nn.Module):
    """Dopamine has IMPALA for DQN only: its encoder under Rainbow's head."""

    num_actions: int
    num_atoms: int
    inputs_preprocessed: bool = False
    nn_scale: int = 1

    @nn.compact
    def __call__(self, x: jax.Array, support: jax.Array) -> atari_lib.RainbowNetworkType:
        """Returns values, logits and probabilities of one observation."""
        dense = functools.partial(nn.Dense, kernel_init=nn.initializers.xavier_uniform())
        if not self.inputs_preprocessed:
            x = networks.preprocess_atari_inputs(x)
        x = networks.ImpalaEncoder(nn_scale=self.nn_scale)(x).reshape(-1)
        logits = dense(self.num_actions * self.num_atoms)(nn.relu(dense(s.DENSE_UNITS)(x)))
        logits = logits.reshape((self.num_actions, self.num_atoms))
        probabilities = nn.softmax(logits)
        values = jnp.sum(support * probabilities, axis=1)
        return atari_lib.RainbowNetworkType(values, logits, probabilities)


def _create_agent(settings: Settings) -> Callable[..., dqn_agent.JaxDQNAgent]:
    impala = settings.network == "impala"
    if settings.agent == "dqn":
        make, network = dqn_agent.JaxDQNAgent, networks.NatureDQNNetwork
        wide = networks.ImpalaDQNNetwork
    else:
        make, network = rainbow_agent.JaxRainbowAgent, networks.RainbowNetwork
        wide = ImpalaRainbowNetwork
    if impala:
        network = functools.partial(wide, nn_scale=int(settings.width))

    def create(session: object, environment: object, summary_writer: object = None) -> dqn_agent.JaxDQNAgent:
        del session, summary_writer
        return make(
            num_actions=environment.action_space.n,
            network=network,
            gamma=s.GAMMA,
            update_horizon=settings.n_step,
            min_replay_history=settings.warmup,
            update_period=settings.gradient_every,
            target_update_period=s.TARGET_UPDATE_AGENT_STEPS,
            epsilon_train=s.EPSILON,
            epsilon_decay_period=1,
            seed=1,
        )

    return create


class _Gate:
    """Stands in the environment's ``step``: lets the Runner through until a moment, then holds it."""

    def __init__(self, step: Callable[[int], tuple]):
        self._step = step
        self._open = threading.Event()
        self._closed = threading.Event()
        self._stop: Callable[[], bool] = lambda: True
        self.steps = 0

    def step(self, action: int) -> tuple:
        if self._stop():
            self._open.clear()
            self._closed.set()
            self._open.wait()
        self.steps += 1
        return self._step(action)

    def run(self, stop: Callable[[], bool]) -> None:
        """Lets the Runner work until ``stop`` is true at one of its steps."""
        self._closed.clear()
        self._stop = stop
        self._open.set()
        self._closed.wait()


class Dopamine:
    """See Worker."""

    def __init__(self, settings: Settings):
        logging.set_verbosity(logging.ERROR)
        gin.parse_config(
            f"""
            ReplayBuffer.max_capacity = {settings.replay_capacity}
            ReplayBuffer.batch_size = {settings.batch_size}
            PrioritizedSamplingDistribution.max_capacity = {settings.replay_capacity}
            create_atari_environment.game_name = '{settings.game}'
            create_atari_environment.sticky_actions = True
            Runner.use_legacy_logger = False
            Runner.fine_grained_print_to_console = False
            Runner.max_steps_per_episode = 27000
            """
        )
        folder = tempfile.TemporaryDirectory()
        runner = run_experiment.TrainRunner(folder.name, _create_agent(settings))
        self._folder, self._agent = folder, runner._agent
        self._gate = _Gate(runner._environment.step)
        self._times: dict[str, list[float]] = {}
        self._timing = False
        runner._environment.step = self._gate.step
        self._time_parts(runner, dqn_agent if settings.agent == "dqn" else rainbow_agent)
        statistics_ = iteration_statistics.IterationStatistics()
        phase = threading.Thread(
            target=runner._run_one_phase, args=(2**60, statistics_, "train"), daemon=True
        )
        phase.start()
        self._gate.run(lambda: self._gate.steps >= settings.warmup + 3 * settings.gradient_every)
        self._startup = worker.process_age()
        self.loop(4.0)

    def about(self) -> dict[str, object]:
        """See Worker."""
        leaves = jax.tree_util.tree_leaves(self._agent.online_params)
        return {
            "startup_seconds_with_warmup": self._startup,
            "parameters": sum(int(leaf.size) for leaf in leaves),
            "versions": {name: version(name) for name in ("dopamine-rl", "jax", "flax")},
        }

    def loop(self, seconds: float) -> dict[str, float]:
        """See Worker."""
        before, start = self._gate.steps, time.perf_counter()
        self._gate.run(lambda: time.perf_counter() - start >= seconds)
        # Nothing may still be under way: JAX returns before it has computed.
        jax.block_until_ready(self._agent.online_params)
        return worker.slice_of(self._gate.steps - before, time.perf_counter() - start)

    def _time_parts(self, runner: run_experiment.Runner, module: types.ModuleType) -> None:
        for owner, attribute, name in (
            (self._gate, "_step", "environment"),
            (self._agent, "_store_transition", "add"),
            (self._agent._replay, "sample", "sample"),
            (module, "train", "train"),
            (module, "select_action", "action"),
        ):
            setattr(owner, attribute, self._timed(getattr(owner, attribute), name))

    def _timed(self, function: Callable[..., object], name: str) -> Callable[..., object]:
        """Returns ``function``, timed to the end of its computation while timing is on."""

        @functools.wraps(function)
        def call(*arguments: object, **named: object) -> object:
            if not self._timing:
                return function(*arguments, **named)
            start = time.perf_counter()
            result = jax.block_until_ready(function(*arguments, **named))
            self._times.setdefault(name, []).append((time.perf_counter() - start) * 1e3)
            return result

        return call

    def parts(self, seconds: float) -> dict[str, float]:
        """See Worker; the parts are timed inside the loop, each to its end."""
        self._times.clear()
        self._timing = True
        self.loop(seconds)
        self._timing = False
        return {name: statistics.median(times) for name, times in self._times.items()}

    def rare(self) -> dict[str, float]:
        """See Worker: nothing is left out of its loop."""
        return {}


if __name__ == "__main__":
    worker.serve(Dopamine)
