"""Tests of what a configuration may hold: every refusal, and that what is right passes."""

import dataclasses

import pytest

from tf_pruned_rl import config
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.config import rules, validation
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS

QUICK = config.preset("dqn", "quick")


@pytest.mark.parametrize("preset", PRESETS.names("online"))
@pytest.mark.parametrize("agent", AGENTS.names("online"))
def test_every_preset_is_valid(agent, preset):
    assert validation.validate(config.preset(agent, preset)) is None


@pytest.mark.parametrize("preset", ["paper", "quick"])
@pytest.mark.parametrize("agent", ["dqn", "rainbow", "der"])
def test_every_preset_of_minatar_is_valid(agent, preset):
    assert validation.validate(config.preset(agent, preset, "minatar")) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"game": "Pong"}, "unknown game 'Pong': --game takes one of the 5 games of MinAtar"),
        ({"game": "Seaqest"}, "did you mean Seaquest"),
        ({"frame_skip": 4}, "--frame_skip=4 means nothing in --suite=minatar .a frame is an agent step"),
        ({"terminal_on_life_loss": True}, "--terminal_on_life_loss=True means nothing"),
        ({"max_noops": 30}, "--max_noops=30 means nothing"),
        ({"log_replay": "logs"}, "--log_replay=logs means nothing"),
        ({"augmentation": True}, "--augmentation=True means nothing"),
        ({"network": "nature"}, "--network=nature is not for --suite=minatar: use impala or minatar"),
        ({"preset": "atari100k"}, "--preset=atari100k is not for --suite=minatar"),
        ({"agent": "drq_eps"}, "--agent=drq_eps is not for --suite=minatar"),
        ({"min_replay_history": 2}, "is too short.*use at least 3"),
        ({"suite": "minatari"}, "--suite: 'minatari' is not one of atari, minatar; did you mean minatar"),
    ],
)
def test_what_means_nothing_in_minatar_is_refused_in_one_line(changes, message):
    minatar = config.preset("dqn", "quick", "minatar")
    with pytest.raises(UserError, match=message) as caught:
        validation.validate(config.replace(minatar, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"sparsity": 0.0},
        {"sparsity": 0.99},
        {"width": 0.25},
        {"prune_start": 0.0},
        {"prune_start": 0.79},
        {"eval_every": 0},
        {"epsilon_train": 1.0},
        {"sticky_actions": 0.0},
        {"network": "nature", "loss": "huber", "distribution": "uniform"},
        {"num_envs": 8, "replay_ratio": 1.0},
        # Nothing is pruned: the window does not matter.
        {"pruning": "none", "prune_start": 0.9, "prune_end": 0.1},
        {"pruning": "none", "prune_end": 1.0},
    ],
)
def test_accepted(changes):
    assert validation.validate(config.replace(QUICK, **changes)) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparsity": 1.0}, r"--sparsity=1.0 must be in \[0, 1\)"),
        ({"sparsity": -0.1}, r"--sparsity=-0.1 must be in \[0, 1\)"),
        ({"sparsity": float("nan")}, "--sparsity=nan must be a finite number"),
        ({"prune_start": 0.8}, "--prune_start=0.8 must be less than --prune_end=0.8"),
        ({"prune_start": 0.9}, "--prune_start=0.9 must be less than --prune_end=0.8"),
        ({"prune_start": -0.1}, r"--prune_start=-0.1 must be in \[0, 1\]"),
        ({"prune_end": 1.1}, r"--prune_end=1.1 must be in \[0, 1\]"),
        ({"total_frames": -4}, "--total_frames=-4 must be more than 0"),
        ({"total_frames": 0}, "--total_frames=0 must be more than 0"),
        ({"width": 0.0}, "--width=0.0 must be at least 0.25"),
        ({"width": float("inf")}, "--width=inf must be a finite number"),
        ({"replay_ratio": 0.0}, "--replay_ratio=0.0 must be at least 0.001"),
        ({"seed": 2**31}, "--seed=2147483648 must be in"),
        ({"sticky_actions": 1.0}, "--sticky_actions=1.0 must be in"),
        (
            {"network": "impla"},
            "--network: .impla. is not one of impala, nature, .*did you mean impala",
        ),
        ({"loss": "zzz"}, "--loss: 'zzz' is not one of mse, huber, c51$"),
        ({"pruning": "Magnitude"}, "did you mean magnitude"),
        ({"network": "minatar"}, "--network=minatar is not for --suite=atari: use impala or nature$"),
        ({"game": "Brekout"}, "unknown game 'Brekout'.*Breakout"),
        ({"replay_capacity": 900}, "--replay_capacity=900 is less than --min_replay_history=1000"),
        ({"replay_capacity": 1_000, "batch_size": 1_001}, "is less than --batch_size=1001"),
        ({"replay_capacity": 4_000, "num_envs": 1_000}, "leaves 4 steps for each of 1000"),
        ({"num_envs": 2, "log_replay": "x"}, "one game one after the other: use --num_envs=1, not 2"),
        ({"log_capacity": 9}, "--log_capacity=9 must be at least 10"),
        ({"drop_fraction": 1.1}, r"--drop_fraction=1.1 must be in \[0, 1\]"),
        ({"width": 1e9}, "--width=1000000000.0 must be at most 64"),
        ({"num_atoms": 100_000_000}, "--num_atoms=100000000 must be at most 4,096"),
        ({"total_frames": 10**23}, f"--total_frames={10**23} must be at most 1,000,000,000,000"),
        ({"total_frames": 10**400}, "must be at most 1,000,000,000,000"),
        ({"replay_ratio": 1e9}, "--replay_ratio=1000000000.0 must be at most 256"),
        ({"threads": 100_000}, "--threads=100000 must be at most 1,024"),
        ({"v_max": 1e300}, "must be at most 1,000,000,000,000"),
        ({"min_replay_history": 3}, "--min_replay_history=3 is too short"),
        ({"total_frames": 4_000}, "ends inside the warm-up.* use at least 4016 frames"),
        ({"total_frames": 4_016, "prune_end": 0.9, "prune_start": 0.85}, "gradient step"),
        ({"prune_end": 1.0}, "is gradient step 2000, but the run has only 1750 after .* 1000 agent steps"),
    ],
)
def test_refused_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        validation.validate(config.replace(QUICK, **changes))
    assert "\n" not in str(caught.value)


def test_the_least_frames_that_it_names_are_enough():
    advised = config.replace(QUICK, total_frames=4_016, pruning="none")
    assert validation.validate(advised) is None


NUMBERS = [name for name, kind in config_io.field_types().items() if kind in (int, float)]


@pytest.mark.parametrize("name", NUMBERS)
def test_nothing_may_be_negative(name):
    with pytest.raises(UserError, match=f"^--{name}=-1"):
        validation.validate(config.replace(QUICK, **{name: -1}))


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_an_upper_limit(name):
    with pytest.raises(UserError, match=f"^--{name}={10**23} must be (at most|in) ") as caught:
        validation.validate(config.replace(QUICK, **{name: 10**23}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("of", config.CONFIGS, ids=lambda of: of.kind.name)
def test_rules_are_of_the_fields_types(of):
    types, choices = config_io.field_types(of), validation.choices(of)
    assert set(choices) <= {name for name, kind in types.items() if kind is str}
    for name, field in config.fields(of).items():
        # A rule of the wrong sort would never be asked.
        assert set(field.metadata) <= ({"bound"} if types[name] in (int, float) else {"words"}), name
        assert types[name] is not str or "words" not in field.metadata or name in choices


WITHOUT_WORDS = {
    "online": {"game", "run_dir", "log_replay", "block", "prune_layers"},
    "offline": {"game", "run_dir", "data", "block", "prune_layers"},
    "continuous": {"env", "run_dir", "block", "prune_layers"},
}


@pytest.mark.parametrize("of", config.CONFIGS, ids=lambda of: of.kind.name)
def test_defaults_obey_the_rules(of):
    flat, types = config.flatten(of()), config_io.field_types(of)
    for name, words in validation.choices(of).items():
        assert flat[name] in words and len(set(words)) == len(words)
    for name, field in config.fields(of).items():
        assert types[name] not in (int, float) or not rules.bound(field).broken(flat[name]), name
    # Each word is in its field's docstring or help; a field of words without choices would slip through.
    words_without_choices = {n for n, k in types.items() if k is str} - set(validation.choices(of))
    assert words_without_choices == WITHOUT_WORDS[of.kind.name]


def test_validation_does_not_touch_the_configuration():
    before = dataclasses.asdict(QUICK)
    validation.validate(QUICK)
    assert dataclasses.asdict(QUICK) == before
