"""Logs some Pong with Dopamine's own replay, and writes down what its own loader yields; run by hand.

    .peers/dopamine/bin/python tests/peers/make_dopamine_pong.py tests/peers/dopamine_pong

(``make bench-peers`` installs Dopamine.) The buffer is Dopamine's, with its ``add``, ``save``, ``load``
and ``sample_transition_batch``; when it is written is what the logged replay of Agarwal et al. (2020),
built on it, does: one entry before it is full, and once more at the end, with the cursor as its count.
"""

from __future__ import annotations

import copy
import sys
import types
import zlib
from pathlib import Path

import numpy as np

# OpenAI's baselines, which Dopamine imports for procgen, does not install any more.
for _name in ("baselines", "baselines.common", "baselines.common.atari_wrappers"):
    sys.modules[_name] = types.ModuleType(_name)
sys.modules["baselines.common"].atari_wrappers = sys.modules["baselines.common.atari_wrappers"]

from dopamine.discrete_domains import atari_lib  # noqa: E402  (after the modules above)
from dopamine.tf.replay_memory import circular_replay_buffer  # noqa: E402

CAPACITY = 500
EPISODES = (150, 10_000, 150)
"""Agent steps at which each episode is cut; the second ends by itself."""
GAMMA = 0.99


def buffer(n_step: int) -> circular_replay_buffer.OutOfGraphReplayBuffer:
    """Returns Dopamine's buffer, empty."""
    return circular_replay_buffer.OutOfGraphReplayBuffer(
        observation_shape=(84, 84),
        stack_size=4,
        replay_capacity=CAPACITY,
        batch_size=1,
        update_horizon=n_step,
        gamma=GAMMA,
        checkpoint_duration=10_000,
    )


def log(logs: Path) -> int:
    """Plays at random and logs; returns how many buffers were written."""
    logs.mkdir(parents=True)
    environment = atari_lib.create_atari_environment(game_name="Pong", sticky_actions=True)
    rng, memory, written = np.random.default_rng(5), buffer(1), 0
    # An array of zeros where it leaves memory as it finds it: the last entry of the first buffer.
    for array in memory._store.values():
        array[...] = 0
    for limit in EPISODES:
        observation, over, steps = environment.reset(), False, 0
        while not over and steps < limit:
            action = int(rng.integers(environment.action_space.n))
            following, reward, over, _ = environment.step(action)
            steps += 1
            end = over or steps == limit
            memory.add(observation[..., 0], action, np.clip(reward, -1, 1), over, episode_end=end)
            observation = following
            if memory.add_count % CAPACITY == CAPACITY - 1:
                memory.save(str(logs), written)
                written += 1
    last = copy.copy(memory)
    last.add_count = np.array(memory.cursor())
    last.save(str(logs), written)
    return written + 1


def expected(logs: Path, number: int, n_step: int) -> dict[str, np.ndarray]:
    """Returns every transition of a buffer that Dopamine may sample, stacks as checksums."""
    memory = buffer(n_step)
    memory.load(str(logs), number)
    indices = [index for index in range(CAPACITY) if memory.is_valid_transition(index)]
    names = [element.name for element in memory.get_transition_elements()]
    batch = dict(zip(names, memory.sample_transition_batch(len(indices), indices), strict=True))
    stacks = {
        name: np.array([zlib.crc32(np.ascontiguousarray(stack)) for stack in batch[name]], np.uint32)
        for name in ("state", "next_state")
    }
    return {name: batch[name] for name in ("indices", "action", "reward", "terminal")} | stacks


def main(root: Path) -> None:
    """Writes the logs, and expected.npz beside them."""
    logs = root / "Pong" / "1" / "replay_logs"
    count = log(logs)
    arrays = {
        f"{number}/{n_step}/{name}": array
        for number in range(count)
        for n_step in (1, 3)
        for name, array in expected(logs, number, n_step).items()
    }
    np.savez_compressed(root / "expected.npz", **arrays)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    print(f"{count} buffers, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
