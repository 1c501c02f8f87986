"""Names and what they stand for: registering, finding, loading when used, and taking out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tf_pruned_rl import registry
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import Registry, unknown_name

REGISTRIES = {name: value for name, value in vars(registry).items() if isinstance(value, Registry)}


def cube(value: float) -> float:
    return value**3


def square(value: float) -> float:
    return value**2


@pytest.fixture
def powers() -> Registry:
    return Registry("power", "power")


def test_a_call_registers_an_object_as_it_is(powers):
    assert powers.register("cube", cube, help="the third", kinds=("online",), odd=True) is cube
    assert powers["cube"] is cube
    entry = powers.entry("cube")
    assert (entry.help, entry.kinds, entry.facts) == ("the third", ("online",), {"odd": True})
    assert entry.origin == f"{__name__}:cube"


def test_a_decorator_registers_what_it_decorates(powers):
    @powers.register("half", help="by two", odd=False)
    def half(value: float) -> float:
        return value / 2

    assert half(4) == 2 and powers["half"] is half
    assert powers.entry("half").help == "by two" and powers.fact("half", "odd", True) is False


def test_a_class_can_be_decorated(powers):
    @powers.register("made")
    class Made:
        pass

    assert powers["made"] is Made and powers.entry("made").origin.endswith("Made")


def test_a_path_is_imported_when_it_is_first_used(powers, tmp_path, monkeypatch):
    (tmp_path / "late_power.py").write_text("def fourth(value):\n    return value**4\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "late_power", raising=False)
    powers.register("fourth", "late_power:fourth", help="late")
    assert powers.names() == ("fourth",) and powers.entry("fourth").origin == "late_power:fourth"
    assert "fourth" in powers and powers.entry("fourth").help == "late"
    assert "late_power" not in sys.modules
    assert powers["fourth"](2) == 16
    assert "late_power" in sys.modules and powers["fourth"] is powers["fourth"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("json:nothing_there", "json:nothing_there does not exist: json has no nothing_there"),
        ("no_such_module_here:f", "does not exist: there is no module no_such_module_here"),
        ("json.no_such_part:f", "does not exist: there is no module json.no_such_part"),
    ],
)
def test_a_path_to_nothing_is_a_user_error(powers, path, message):
    powers.register("lost", path)
    with pytest.raises(UserError, match=message):
        powers["lost"]


@pytest.mark.parametrize(
    ("text", "error"),
    [("import no_such_module_here", ModuleNotFoundError), ("len.missing", AttributeError)],
)
def test_a_bug_of_the_module_keeps_its_own_error(powers, tmp_path, monkeypatch, text, error):
    (tmp_path / "broken_power.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    powers.register("broken", "broken_power:f")
    with pytest.raises(error):
        powers["broken"]


def test_a_name_of_something_else_is_refused(powers):
    powers.register("power", cube)
    with pytest.raises(UserError, match="two powers are called 'power', .*:cube and .*:square: rename"):
        powers.register("power", square)
    with pytest.raises(UserError, match="two powers are called 'power'"):
        powers.register("power", "json:loads")
    assert powers["power"] is cube


def test_two_tables_and_two_instances_are_two_things(powers):
    powers.register("table", {"a": 1})
    with pytest.raises(UserError, match="two powers are called 'table'"):
        powers.register("table", {"a": 2})
    powers.register("table", {"a": 1})
    powers.register("instance", object())
    with pytest.raises(UserError, match="two powers are called 'instance'"):
        powers.register("instance", object())


def test_the_same_thing_may_be_registered_again(powers):
    powers.register("power", cube, help="old")
    powers.register("power", cube, help="new")
    assert powers.entry("power").help == "new" and len(powers) == 1
    powers.register("loads", "json:loads")
    assert powers["loads"] is json.loads
    powers.register("loads", "json:loads")
    # A path and what is there are one thing.
    powers.register("loads", json.loads)
    assert powers["loads"] is json.loads


def test_a_module_imported_again_replaces_its_own(powers):
    def module() -> object:
        def power() -> None: ...

        return power

    first, second = module(), module()
    powers.register("power", first)
    assert powers["power"] is first
    powers.register("power", second)
    assert powers["power"] is second


@pytest.mark.parametrize("name", ["", "Cube", "two words", "2nd", "a-b", "_a", "a,b", "a\n"])
def test_a_name_is_a_word(powers, name):
    with pytest.raises(UserError, match="cannot be the name of a power: use lower-case letters"):
        powers.register(name, cube)
    assert len(powers) == 0


def test_an_unknown_name_is_refused_with_the_nearest(powers):
    powers.register("cube", cube)
    powers.register("square", square)
    for look in (powers.entry, powers.__getitem__, powers.remove):
        with pytest.raises(
            UserError, match=r"^--power: 'sqare' is not one of cube, square; did you mean square\?$"
        ):
            look("sqare")
    with pytest.raises(UserError, match=r"^--power: 'zzz' is not one of cube, square$"):
        powers["zzz"]


def test_unknown_name_names_at_most_two_and_ignores_case():
    assert unknown_name("IMPALA", ("impala", "nature")).endswith("; did you mean impala?")
    near = unknown_name("abcd", ("abce", "abcf", "abcg"))
    assert near.count(" or ") == 1 and near.startswith("'abcd' is not one of abce, abcf, abcg; did you mean")


def test_remove_takes_a_name_out_for_good(powers):
    powers.register("power", cube)
    assert powers["power"] is cube
    powers.remove("power")
    assert "power" not in powers and powers.names() == () and list(powers) == []
    powers.register("power", square)
    assert powers["power"] is square


def test_names_are_in_order_and_by_kind(powers):
    powers.register("cube", cube, kinds=("offline", "online"))
    powers.register("square", square)
    powers.register("abs", abs, kinds=["continuous"])
    powers.register("sum", sum, kinds="online")
    assert powers.names() == tuple(powers) == ("cube", "square", "abs", "sum")
    assert powers.names("online") == ("cube", "square", "sum")
    assert powers.names("offline") == ("cube", "square")
    assert powers.names("continuous") == ("square", "abs")
    assert len(powers) == 4


def test_facts_have_a_default(powers):
    powers.register("cube", cube, odd=True)
    assert powers.fact("cube", "odd") is True
    assert powers.fact("cube", "even") is None and powers.fact("cube", "even", 5) == 5
    assert powers.fact("nothing", "odd", False) is False


@pytest.mark.parametrize("name", REGISTRIES)
def test_every_name_of_the_library_stands_for_something(name):
    names = REGISTRIES[name]
    if name == "EXPORT_FORMATS":
        import tf_pruned_rl.exporting.formats  # noqa: F401
    assert len({*names}) == len(names)
    for word in names:
        entry = names.entry(word)
        # What export.py says of its formats stands there.
        assert entry.help or name == "EXPORT_FORMATS", word
        assert set(entry.kinds) <= {"online", "offline", "continuous"}, word
        if not entry.origin.startswith("tf_pruned_rl.sweeps."):  # which need other packages
            assert names[word] is not None


def test_names_and_help_load_no_tensorflow():
    program = (
        "import sys; from tf_pruned_rl import config, registry; from tf_pruned_rl.config import flags;"
        "[flags.preset_changes(of) for of in config.CONFIGS];"
        "print(sorted({'tensorflow', 'tf_keras', 'ale_py', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
