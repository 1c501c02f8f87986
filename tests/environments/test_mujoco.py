"""Continuous control: names, spaces, ends of episodes, exact resumption; MuJoCo where it is installed."""

from __future__ import annotations

import hashlib
import json

import gymnasium
import numpy as np
import pytest

from tf_pruned_rl import config, environments
from tf_pruned_rl.environments import ControlEnvironment, Episode, check_env, spaces
from tf_pruned_rl.errors import UserError

TASKS = ["HalfCheetah-v5", "Walker2d-v5", "Hopper-v5", "Ant-v5", "Humanoid-v5", "Walker2d-v4"]


class Line(gymnasium.Env):
    """The observation is (episode, step); an action of at least 1 ends it, six steps cut it."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (1, 2), np.float64)
    action_space = gymnasium.spaces.Box(
        np.array([[-2.0], [0.0]]), np.array([[2.0], [1.0]]), (2, 1), np.float64
    )

    def __init__(self) -> None:
        self.episode = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.count = self.np_random.integers(1_000_000), 0
        return np.array([[self.episode, 0]], float), {}

    def step(self, action):
        assert self.action_space.contains(np.asarray(action, np.float64)), action
        self.count += 1
        seen = np.array([[self.episode, self.count]], float)
        return seen, float(action[0, 0]), bool(action[0, 0] >= 1), False, {}


@pytest.fixture(autouse=True)
def _line():
    gymnasium.register("Line-v3", Line, max_episode_steps=6)
    yield
    del gymnasium.registry["Line-v3"]
    spaces.cache_clear()


def act(value: float, num_envs: int = 1) -> np.ndarray:
    return np.tile(np.float32([value, 0.5]), (num_envs, 1))


def test_names():
    assert check_env("Walker2d") == "Walker2d-v5"
    assert check_env("Walker2d-v4") == "Walker2d-v4"
    assert check_env("Pendulum") == "Pendulum-v1"
    assert check_env("Line") == "Line-v3"
    for wrong in ("Walker2", "walker2d", "Walker2d-v9"):
        with pytest.raises(UserError, match=r"unknown environment .*did you mean .*Walker2d-v5") as caught:
            check_env(wrong)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("env", "message"),
    [("CartPole-v1", "discrete actions"), ("Walker2d-v2", "cannot make"), ("Blackjack-v1", "discrete")],
)
def test_tasks_that_do_not_fit(env, message):
    with pytest.raises(UserError, match=message) as caught:
        spaces(env)
    assert "\n" not in str(caught.value)


def test_spaces_are_flat():
    found = spaces("Line-v3")
    assert (found.observation_size, found.low, found.high) == (2, (-2.0, 0.0), (2.0, 1.0))
    assert found.action_size == 2


def test_unbounded_actions_are_refused(monkeypatch):
    monkeypatch.setattr(Line, "action_space", gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64))
    with pytest.raises(UserError, match="without bounds"):
        spaces("Line-v3")


def test_episodes_end_or_are_cut():
    environment = ControlEnvironment("Line", seed=1)
    first = environment.reset()
    assert first.shape == (1, 2) and first.dtype == np.float32 and first[0, 1] == 0
    for count in range(1, 6):
        seen, rewards, terminals, truncations = environment.step(act(-0.5))
        assert (seen[0, 1], rewards[0], terminals[0], truncations[0]) == (count, -0.5, False, False)
        np.testing.assert_array_equal(environment.final_observations, seen)
    seen, _, terminals, truncations = environment.step(act(-0.5))
    assert (terminals[0], truncations[0]) == (False, True)
    assert environment.final_observations[0].tolist() == [first[0, 0], 6] and seen[0, 1] == 0
    assert seen[0, 0] != first[0, 0], "every episode has a seed of its own"
    environment.step(act(0.0))
    _, _, terminals, truncations = environment.step(act(1.5))
    assert (terminals[0], truncations[0]) == (True, False)
    assert environment.finished() == [Episode(0, -3.0, 6, 6), Episode(0, 1.5, 2, 8)]
    assert environment.finished() == []


def test_a_terminal_state_at_the_limit_is_no_truncation():
    environment = ControlEnvironment("Line", seed=1)
    environment.reset()
    for _ in range(5):
        environment.step(act(0.0))
    _, _, terminals, truncations = environment.step(act(2.0))
    assert terminals[0] and not truncations[0]


def test_streams_differ_and_end_apart():
    environment = ControlEnvironment("Line", 3, seed=1, max_episode_steps=4)
    first = environment.reset()
    assert len(set(first[:, 0])) == 3
    actions = act(0.0, 3)
    actions[1, 0] = 1.0
    seen, _, terminals, _ = environment.step(actions)
    assert terminals.tolist() == [False, True, False]
    assert seen[:, 1].tolist() == [1, 0, 1] and environment.final_observations[:, 1].tolist() == [1, 1, 1]
    for _ in range(3):
        _, _, _, truncations = environment.step(act(0.0, 3))
    assert truncations.tolist() == [True, False, True]


def test_rounding_beyond_the_bounds_is_cut_off():
    environment = ControlEnvironment("Line", seed=1)
    environment.reset()
    environment.step(np.nextafter(act(0.0) * 0 + np.float32([-2.0, 1.0]), np.float32(9)))


def test_the_seed_is_all_there_is():
    starts = [ControlEnvironment("Line", 2, seed=seed).reset().tobytes() for seed in (1, 1, 2)]
    assert starts[0] == starts[1] != starts[2]


def go_on(environment: ControlEnvironment, steps: int, seed: int) -> tuple[str, list[Episode]]:
    """Returns a digest of all that is seen in ``steps`` random steps, and the episodes that ended."""
    generator, seen = np.random.default_rng(seed), hashlib.sha256()
    low, high = np.float32(environment.spec.low), np.float32(environment.spec.high)
    for _ in range(steps):
        actions = generator.uniform(low, high, (environment.num_envs, len(low))).astype(np.float32)
        for each in (*environment.step(actions), environment.final_observations):
            seen.update(each.tobytes())
    return seen.hexdigest(), environment.finished()


def check_resumption(env: str, num_envs: int, tmp_path, steps: int = 150) -> None:
    environment = ControlEnvironment(env, num_envs, seed=7)
    environment.reset()
    go_on(environment, steps, seed=0)
    environment.save(tmp_path, None)
    expected = go_on(environment, 2 * steps, seed=1)
    other = ControlEnvironment(env, num_envs, seed=99)  # the saved seed is the one that counts
    other.load(tmp_path)
    assert go_on(other, 2 * steps, seed=1) == expected
    environment.load(tmp_path)  # in place, too
    assert go_on(environment, 2 * steps, seed=1) == expected


@pytest.mark.parametrize(("env", "num_envs"), [("Pendulum", 1), ("Pendulum", 3), ("Line", 4)])
def test_going_on_after_a_load_is_exact(env, num_envs, tmp_path):
    check_resumption(env, num_envs, tmp_path)


@pytest.mark.parametrize("env", TASKS)
@pytest.mark.parametrize("num_envs", [1, 2])
def test_going_on_after_a_load_is_exact_in_mujoco(env, num_envs, tmp_path):
    pytest.importorskip("mujoco")
    check_resumption(env, num_envs, tmp_path)


def test_only_the_episodes_in_progress_are_played_again(tmp_path):
    environment = ControlEnvironment("Line", 2, seed=7)
    environment.reset()
    for _ in range(100):
        environment.step(act(0.0, 2))
    environment.save(tmp_path, None)
    state = json.loads((tmp_path / "environment.json").read_text())
    assert state["recorded"] == [4, 4] and state["gymnasium"] == gymnasium.__version__
    assert (tmp_path / "actions.bin").stat().st_size == 2 * 4 * 2 * 4


def test_a_replay_that_leads_elsewhere_is_noticed(tmp_path):
    environment = ControlEnvironment("Line", seed=0)
    environment.reset()
    environment.step(act(0.0))
    environment.save(tmp_path, None)
    path = tmp_path / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 1}))
    with pytest.raises(UserError, match="another state.*gymnasium"):
        ControlEnvironment("Line", seed=0).load(tmp_path)


def test_an_action_that_is_no_number_is_a_bug():
    environment = ControlEnvironment("Line", seed=0)
    with pytest.raises(RuntimeError, match="reset"):
        environment.step(act(0.0))
    environment.reset()
    with pytest.raises(ValueError, match="finite"):
        environment.step(act(float("nan")))
    with pytest.raises(ValueError, match="actions for"):
        environment.step(act(0.0, 2))


def test_made_from_a_configuration():
    experiment = config.replace(config.preset("sac"), env="Line", num_envs=2, max_episode_steps=3)
    assert environments.canonical(experiment).environment.env == "Line-v3"
    environment = environments.create(experiment, seed=3)
    assert (environment.num_envs, environment.game, environment.frame_shape) == (2, "Line-v3", (2,))
    assert environments.with_scores(experiment, {"mean_return": 1.0}) == {"mean_return": 1.0}


def test_mujocos_warnings_leave_no_file_and_come_as_pythons(tmp_path, monkeypatch, capfd):
    mujoco = pytest.importorskip("mujoco")
    monkeypatch.chdir(tmp_path)
    environment = ControlEnvironment("HalfCheetah", seed=0)
    environment.reset()
    # Its model is out of date in MuJoCo 4, which says so when it compiles it.
    assert capfd.readouterr().err == ""
    assert not list(tmp_path.iterdir())
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body><freejoint/><geom size="1"/></body></worldbody></mujoco>'
    )
    data = mujoco.MjData(model)
    data.qpos[:] = np.nan
    with pytest.warns(RuntimeWarning, match="MuJoCo: Nan, Inf or huge value"):
        mujoco.mj_step(model, data)
    assert not list(tmp_path.iterdir())


class Broken(Line):
    """Gives ``answer`` as the observation or the reward of an episode's third step."""

    what, answer = "reward", float("nan")

    def step(self, action):
        seen, reward, *ends = super().step(action)
        if self.count == 3:
            if self.what == "reward":
                reward = self.answer
            else:
                seen = self.answer
        return seen, reward, *ends


@pytest.mark.parametrize(
    ("what", "answer", "message"),
    [
        ("reward", float("nan"), "the reward nan at agent step 6: numbers must be finite"),
        ("reward", float("-inf"), "the reward -inf at agent step 6"),
        ("reward", 1e10, r"the reward 1\d{10}.0 at agent step 6.*at most 1e\+09"),
        ("reward", None, "the reward nan at agent step 6"),
        ("observation", np.array([[0.0, np.nan]]), "the observation nan at agent step 6"),
        ("observation", np.array([[0.0, 1.0, 2.0]]), "failed at agent step 6"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(monkeypatch, what, answer, message):
    monkeypatch.setattr(Broken, "what", what)
    monkeypatch.setattr(Broken, "answer", answer)
    gymnasium.register("Broken-v0", Broken, max_episode_steps=6)
    try:
        environment = ControlEnvironment("Broken", 2, seed=0)
        environment.reset()
        for _ in range(2):
            environment.step(act(0.0, 2))
        assert environment.failure is None
        with pytest.raises(UserError, match=message) as caught:
            environment.step(act(0.0, 2))
        assert environment.failure is caught.value
    finally:
        del gymnasium.registry["Broken-v0"]
