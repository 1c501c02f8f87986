"""What agents, suites and presets change in the defaults: plain tables of fields, each registered by name.

Later tables win over earlier ones: the agent's, the suite's, the suite's for the agent, the preset's.
"""

from __future__ import annotations

from collections.abc import Mapping

from tf_pruned_rl.registry import AGENTS, GAMES, SUITES, Registry

# What DER and DrQ(eps) share, as in Dopamine's labs/atari_100k.
_LOW_DATA: dict[str, object] = {
    "dueling": True,
    "double_q": True,
    "n_step": 10,
    "replay_ratio": 1.0,
    "learning_rate": 1e-4,
    "min_replay_history": 1_600,
    "sticky_actions": 0.0,
    "terminal_on_life_loss": True,
    "max_noops": 30,
    "eval_every": 1_000_000,
    "eval_episodes": 100,
}

AGENTS.register("dqn", {}, kinds=("online",), help="Mnih et al., 2015")
AGENTS.register(
    "rainbow",
    {"loss": "c51", "n_step": 3, "replay_sampling": "prioritized"},
    kinds=("online",),
    help='Hessel et al., 2018, "compact" as in Dopamine: C51, n-step returns and prioritized replay',
)
AGENTS.register(
    "der",
    {
        **_LOW_DATA,
        "loss": "c51",
        "replay_sampling": "prioritized",
        "noisy": True,
        "target_update_period": 2_000,
        "epsilon_train": 0.0,
    },
    kinds=("online",),
    help="data-efficient Rainbow, van Hasselt et al., 2019, with all six parts",
)
AGENTS.register(
    "drq_eps",
    {
        **_LOW_DATA,
        "loss": "huber",
        "augmentation": True,
        "target_update_period": 1,
        "epsilon_decay_period": 5_000,
    },
    kinds=("online",),
    suites=("atari",),
    help="DrQ, Kostrikov et al., 2021, with the epsilons of Agarwal et al., 2021",
)
AGENTS.register("sac", {}, kinds=("continuous",), help="Soft Actor-Critic, Haarnoja et al., 2018")
AGENTS.register(
    "cql",
    {
        "loss": "huber",
        "cql_alpha": 0.1,
        "replay_ratio": 1.0,
        "learning_rate": 5e-5,
        "adam_epsilon": 3.125e-4,
        "target_update_period": 2_000,
    },
    kinds=("offline",),
    help="conservative Q-learning, Kumar et al., 2020, as in Dopamine's labs/offline_rl",
)
AGENTS.register(
    "cql_c51",
    {
        "loss": "c51",
        "cql_alpha": 0.1,
        "replay_ratio": 1.0,
        "n_step": 3,
        "double_q": True,
        "dueling": True,
        "target_update_period": 100,
    },
    kinds=("offline",),
    help="the same on Rainbow's distribution of values",
)

_MINATAR: dict[str, object] = {
    "game": "Breakout",
    # Young and Tian (2019): the whole suite in its authors' package plays so.
    "sticky_actions": 0.1,
    "frame_skip": 1,
    "terminal_on_life_loss": False,
    "max_noops": 0,
    # "Revisiting Rainbow" (Obando-Ceron and Castro, 2021), Configs/*_breakout.gin.
    "total_frames": 10_000_000,
    "min_replay_history": 1_000,
    "replay_capacity": 100_000,
    "target_update_period": 1_000,
    "learning_rate": 2.5e-4,
    "adam_epsilon": 3.125e-4,
    "v_max": 100.0,
    # As often in agent steps as on Atari; iterations are a tenth of theirs, for runs shorter than theirs.
    "iteration_frames": 100_000,
    "checkpoint_every": 250_000,
    "log_every": 4_000,
    "diagnostics_every": 80_000,
}
"""What the suite changes, for every agent: the game's protocol, and DQN's and Rainbow's numbers there."""

_MINATAR_AGENTS: dict[str, dict[str, object]] = {
    "rainbow": {"learning_rate": 1e-4},
    # Nobody has published it there: everything about its learning is as on Atari, but the support.
    "der": {
        **{name: _LOW_DATA[name] for name in ("learning_rate", "min_replay_history")},
        "adam_epsilon": 1.5e-4,
        "target_update_period": 2_000,
    },
}
"""What the suite changes again for one agent."""

SUITES.register("atari", {}, kinds=GAMES, help="the Arcade Learning Environment")
SUITES.register(
    "minatar",
    _MINATAR,
    kinds=("online",),
    help="five of its games on 10x10 cells",
    agents=_MINATAR_AGENTS,
    unavailable={
        "frame_skip": (1, "a frame is an agent step there"),
        "terminal_on_life_loss": (False, "its games have no lives"),
        "max_noops": (0, "its games have no no-op starts"),
        "log_replay": ("", "the dataset's format is of 84x84 frames"),
        "augmentation": (False, "a shift by up to four of its ten cells is another state"),
    },
)

ATARI_100K: dict[str, int] = {
    "total_frames": 400_000,
    "iteration_frames": 40_000,
    "checkpoint_every": 40_000,
    "log_every": 4_000,
    "replay_capacity": 100_000,
    "eval_every": 400_000,
    "eval_episodes": 100,
}
"""The budget of Kaiser et al. (2020): 100,000 agent steps, none forgotten, and 100 episodes at the end."""

QUICK: dict[str, int] = {
    "total_frames": 32_000,
    "iteration_frames": 8_000,
    "checkpoint_every": 16_000,
    "log_every": 800,
    "replay_capacity": 50_000,
    "min_replay_history": 1_000,
    "epsilon_decay_period": 5_000,
    "target_update_period": 500,
    "prune_every": 50,
    "eval_episodes": 5,
    "diagnostics_every": 8_000,
    "diagnostics_batch": 256,
}
"""Small enough for two CPU cores: everything happens, nothing is learned to the end."""

QUICK_CONTROL: dict[str, int] = {
    "total_steps": 20_000,
    "iteration_steps": 2_000,
    "checkpoint_every": 10_000,
    "log_every": 500,
    "eval_every": 5_000,
    "eval_episodes": 5,
    "prune_every": 100,
    "diagnostics_every": 5_000,
}
"""The same in continuous control."""

QUICK_OFFLINE: dict[str, int] = {
    "iterations": 4,
    "iteration_steps": 500,
    "checkpoint_every": 1_000,
    "log_every": 50,
    "eval_every": 1_000,
    "eval_steps": 2_000,
    "target_update_period": 100,
    "prune_every": 50,
    "diagnostics_every": 500,
    "diagnostics_batch": 256,
}
"""The same in offline runs."""

PRESETS: Registry[Mapping[str, Mapping[str, object]]] = Registry("preset", "preset")
"""Name -> {kind of run: what the preset changes}.

Facts: ``shortens``, a value is only taken where it is smaller than what is there; ``suites`` it is for.
"""
PRESETS.register("paper", {}, help="the published setting")
PRESETS.register(
    "atari100k",
    {"online": ATARI_100K},
    kinds=("online",),
    suites=("atari",),
    help="100,000 agent steps",
)
PRESETS.register(
    "quick",
    {"online": QUICK, "offline": QUICK_OFFLINE, "continuous": QUICK_CONTROL},
    shortens=True,
    help="minutes on a laptop",
)
