"""Tests of the flags, in process on their own FlagValues and through a real command."""

import os
import subprocess
import sys

import pytest
from absl import flags as absl_flags

from tf_pruned_rl import config
from tf_pruned_rl.config import flags, validation
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.config.presets import PRESETS
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import AGENTS, SUITES

COMMAND = '''"""Says what it was asked."""
from tf_pruned_rl.config import io as config_io, flags
from tf_pruned_rl.errors import UserError

flags.define_flags(exclude=["log_every"])


def main(argv):
    config = flags.config_from_flags()
    if config.run.seed == 666:
        raise UserError("two\\nlines")
    if config.run.seed == 667:
        raise ValueError("a bug")
    print(config_io.to_json(config))
    return 7 if config.run.seed == 668 else None


if __name__ == "__main__":
    flags.run_main(main)
'''


def parse(*arguments: str, exclude: tuple[str, ...] = ()) -> config.ExperimentConfig:
    """Returns the configuration of a command line."""
    values = absl_flags.FlagValues()
    flags.define_flags(exclude=exclude, flag_values=values)
    values(["program", *arguments])
    return flags.config_from_flags(values)


def run(tmp_path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own."""
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    path = os.pathsep.join(filter(None, [os.path.dirname(os.path.dirname(flags.__file__)), *sys.path]))
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )


@pytest.mark.parametrize("preset", PRESETS.names("online"))
@pytest.mark.parametrize("agent", AGENTS.names("online"))
def test_no_flags_give_the_preset_exactly(agent, preset):
    assert parse(f"--agent={agent}", f"--preset={preset}") == config.preset(agent, preset)


def test_default_command_is_the_papers_run():
    assert parse() == config.preset("dqn", "paper")


def test_every_field_has_a_flag_that_reaches_its_group():
    values = {
        "game": "Breakout",
        "num_envs": 2,
        "width": 3.0,
        "gamma": 0.9,
        "replay_capacity": 200_000,
        "sparsity": 0.5,
        "deterministic": True,
        "run_dir": "here",
        "replay_sampling": "prioritized",
    }
    given = parse(*(f"--{name}={value}" for name, value in values.items()))
    assert given == config.replace(config.preset("dqn"), **values)
    registered = absl_flags.FlagValues()
    flags.define_flags(flag_values=registered)
    assert set(registered) == set(config.flatten(config.ExperimentConfig()))


def test_flag_given_wins_over_the_preset_even_with_the_default_value():
    # n_step 1 is DQN's default, but rainbow's preset says 3.
    assert parse("--agent=rainbow", "--n_step=1").learning.n_step == 1
    assert parse("--agent=rainbow").learning.n_step == 3
    assert parse("--total_frames=40_000_000", "--preset=quick").run.total_frames == 40_000_000


def test_boolean_flags_have_both_forms():
    assert parse("--deterministic").run.deterministic is True
    assert parse("--nodeterministic").run.deterministic is False


def test_types_are_those_of_the_fields():
    flat = config.flatten(parse("--width=2", "--seed=3", "--agent=rainbow"))
    assert {name: type(value) for name, value in flat.items()} == config_io.field_types()


def test_game_is_kept_in_its_canonical_spelling():
    assert parse("--game=ms_pacman").environment.game == "MsPacman"


def test_excluded_fields_have_no_flag_and_keep_their_preset():
    with pytest.raises(absl_flags.UnrecognizedFlagError):
        parse("--seed=1", exclude=("seed",))
    assert parse(exclude=("seed",)).run.seed == 0


def test_invalid_configuration_is_a_user_error():
    with pytest.raises(UserError, match="--sparsity"):
        parse("--sparsity=1")


def test_flags_can_be_defined_by_two_commands_of_a_process():
    values = absl_flags.FlagValues()
    flags.define_flags(exclude=["seed"], flag_values=values)
    flags.define_flags(flag_values=values)
    assert "seed" in values


def test_every_field_has_its_docstring_as_help():
    docs = flags.field_docs()
    assert set(docs) == set(config.flatten(config.ExperimentConfig()))
    values = absl_flags.FlagValues()
    flags.define_flags(flag_values=values)
    for name, doc in docs.items():
        assert len(doc) > 10 and doc in values[name].help


def test_help_says_what_presets_change():
    values = absl_flags.FlagValues()
    flags.define_flags(flag_values=values)
    assert "(rainbow: 3, der: 10, drq_eps: 10)" in values["n_step"].help
    assert "(atari100k: 400000, quick: 32000, minatar: 10000000)" in values["total_frames"].help
    assert "rainbow sets loss=c51, n_step=3, replay_sampling=prioritized" in values["agent"].help
    assert "minatar sets game=Breakout, sticky_actions=0.1, frame_skip=1" in values["suite"].help
    assert "minatar" not in values["preset"].help
    for name, words in validation.choices(config.ExperimentConfig).items():
        assert values[name].help.startswith(f"<{'|'.join(words)}>: ")


def test_preset_changes_rebuild_the_presets():
    for name, changes in flags.preset_changes().items():
        agent = name if name in AGENTS else "dqn"
        preset = name if name in PRESETS else "paper"
        suite = name if name in SUITES else "atari"
        rebuilt = config.replace(
            config.ExperimentConfig(), agent=agent, preset=preset, suite=suite, **changes
        )
        assert rebuilt == config.preset(agent, preset, suite)


@pytest.mark.parametrize("agent", ["dqn", "rainbow", "der"])
def test_a_suite_fills_in_its_own_preset(agent):
    assert parse(f"--agent={agent}", "--suite=minatar") == config.preset(agent, suite="minatar")
    given = parse(f"--agent={agent}", "--suite=minatar", "--game=seaquest", "--sticky_actions=0.25")
    assert (given.environment.game, given.environment.sticky_actions) == ("Seaquest", 0.25)


def test_command_prints_its_flags_and_succeeds(tmp_path):
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    assert "Says what it was asked." in done.stdout
    documented = done.stdout.replace("--[no]", "--")
    for name in config.flatten(config.ExperimentConfig()):
        assert (f"--{name}:" in documented) == (name != "log_every"), name


def test_command_runs_and_returns_its_status(tmp_path):
    done = run(tmp_path, "--agent=rainbow", "--preset=quick")
    assert (done.returncode, done.stderr) == (0, "")
    assert config_io.from_json(done.stdout) == config.preset("rainbow", "quick")
    assert run(tmp_path, "--seed=668").returncode == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sparsity=1.5"], "--sparsity=1.5 must be in [0, 1)"),
        (["--prune_start=0.8", "--prune_end=0.2"], "must be less than --prune_end=0.2"),
        (["--total_frames=-1"], "--total_frames=-1 must be more than 0"),
        (["--width=0"], "--width=0.0 must be at least 0.25"),
        # Limits against slips of the keyboard; whole numbers are written as such.
        (["--width=1e9"], "--width=1000000000.0 must be at most 64"),
        (["--num_atoms=1e8"], "--num_atoms=1e8"),
        (["--num_atoms=100_000_000"], "--num_atoms=100000000 must be at most 4,096"),
        (["--total_frames=1e23"], "--total_frames=1e23"),
        ([f"--total_frames={10**23}"], f"--total_frames={10**23} must be at most 1,000,000,000,000"),
        (["--replay_ratio=1e9"], "--replay_ratio=1000000000.0 must be at most 256"),
        (["--threads=100000"], "--threads=100000 must be at most 1,024"),
        (["--network=impla"], "did you mean impala?"),
        (["--agent=rainbw"], "did you mean rainbow?"),
        (["--game=Brekout"], "Breakout"),
        (["--widht=2"], "Did you mean: width"),
        (["--width=wide"], "--width=wide"),
        (["--seed"], "seed"),
        (["Pong"], "unexpected argument 'Pong'"),
        (["--seed=666"], "two lines"),
    ],
)
def test_mistake_is_one_line_and_status_2(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ") and message in done.stderr


def test_bug_keeps_its_traceback(tmp_path):
    done = run(tmp_path, "--seed=667")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "ValueError: a bug" in done.stderr
