"""Flags made from the configuration, and a main that answers mistakes with one line."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Collection, Iterable
from typing import NoReturn

from absl import app, logging
from absl import flags as absl_flags

from tf_pruned_rl import config as configuration
from tf_pruned_rl.config import Config, ExperimentConfig, rules, validation
from tf_pruned_rl.config import io as config_io
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.registry import unknown_name

# The fields whose words change the defaults of others (presets.py).
_TABLES = ("agent", "preset", "suite")


class _ChoiceParser(absl_flags.EnumParser):
    """absl's enumeration, whose error names the nearest allowed words."""

    def parse(self, argument: str) -> str:
        """Returns the argument, or raises ValueError."""
        if argument not in self.enum_values:
            raise ValueError(unknown_name(argument, self.enum_values))
        return argument


def field_docs(kind: type[Config] = ExperimentConfig) -> dict[str, str]:
    """Returns {field name: the docstring below it} over all groups of a kind."""
    docs: dict[str, str] = {}
    for part in (kind, *(type(getattr(kind(), group)) for group in configuration.GROUPS)):
        for base in reversed(part.__mro__[:-1]):
            docs |= _attribute_docs(base)
    return {name: docs[name] for name in configuration.flatten(kind())}


@functools.cache
def _attribute_docs(part: type) -> dict[str, str]:
    """Returns {annotated name of a class: the string literal that follows it}."""
    (node,) = ast.parse(inspect.getsource(part)).body
    assert isinstance(node, ast.ClassDef)
    docs = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name) and isinstance(text.value, ast.Constant)
            docs[field.target.id] = " ".join(str(text.value.value).split())
    return docs


def preset_changes(kind: type[Config] = ExperimentConfig) -> dict[str, dict[str, object]]:
    """Returns {agent, preset or suite: {field: value}}: what each one changes in a kind's defaults."""
    defaults, choices = configuration.flatten(kind()), validation.choices(kind)
    first = choices["agent"][0]
    configs = {agent: configuration.preset(agent) for agent in choices["agent"]}
    configs |= {name: configuration.preset(first, name) for name in choices["preset"]}
    configs |= {suite: configuration.preset(first, suite=suite) for suite in choices.get("suite", ())}
    return {
        name: {
            field: value
            for field, value in configuration.flatten(config).items()
            if value != defaults[field] and field not in _TABLES
        }
        for name, config in configs.items()
    }


def _help(name: str, kind: type[Config], doc: str, changes: dict[str, dict[str, object]]) -> str:
    """Returns the help of a field: its docstring, its words, and where its default is another one."""
    field = configuration.fields(kind)[name]
    words = rules.words(field, kind.kind.name)
    helps = {
        word: registry.entry(word).help
        for registry in rules.registries(field)
        for word in words
        if word in registry and registry.entry(word).help
    }
    text = f"{doc} {_sentence(f'{word}: {line}' for word, line in helps.items())}" if helps else doc
    if name in _TABLES:
        sets = _sentence(f"{word} sets {_assignments(changes[word])}" for word in words if changes[word])
        return " ".join(filter(None, (text, sets, "Any flag given explicitly wins.")))
    other = [f"{word}: {values[name]}" for word, values in changes.items() if name in values]
    return f"{text} ({', '.join(other)})" if other else text


def _sentence(parts: Iterable[str]) -> str:
    """Returns the parts as one sentence; nothing where there are none."""
    text = "; ".join(parts)
    return f"{text}." if text else ""


def _assignments(values: dict[str, object]) -> str:
    return ", ".join(f"{field}={value}" for field, value in values.items())


def define_flags(
    *,
    kind: type[Config] = ExperimentConfig,
    exclude: Collection[str] = (),
    flag_values: absl_flags.FlagValues = absl_flags.FLAGS,
) -> None:
    """Makes a flag for every field of a configuration, shown by the main program's ``--help``.

    A flag that is defined already is left as it is, so two commands can share a process.

    Args:
      kind: of the configuration.
      exclude: fields for which the command has no use.
      flag_values: where the flags are kept; absl's own by default.
    """
    defaults, docs, changes = configuration.flatten(kind()), field_docs(kind), preset_changes(kind)
    choices = validation.choices(kind)
    for name, field_type in config_io.field_types(kind).items():
        if name in exclude or name in flag_values:
            continue
        default, text = defaults[name], _help(name, kind, docs[name], changes)
        flag: absl_flags.Flag
        if name in choices:
            parser = _ChoiceParser(choices[name])
            text = f"<{'|'.join(parser.enum_values)}>: {text}"
            flag = absl_flags.Flag(parser, absl_flags.ArgumentSerializer(), name, default, text)
        elif field_type is bool:
            flag = absl_flags.BooleanFlag(name, default, text)
        else:
            parser = {
                int: absl_flags.IntegerParser,
                float: absl_flags.FloatParser,
                str: absl_flags.ArgumentParser,
            }[field_type]()
            flag = absl_flags.Flag(parser, absl_flags.ArgumentSerializer(), name, default, text)
        # absl's --help shows the flags of the module that is being run, which it knows by argv[0].
        absl_flags.DEFINE_flag(flag, flag_values, module_name=sys.argv[0])


def config_from_flags(
    flag_values: absl_flags.FlagValues = absl_flags.FLAGS, *, kind: type[Config] = ExperimentConfig
) -> Config:
    """Returns the preset of ``--agent``, ``--preset`` and ``--suite``, changed by the flags that are given.

    Raises:
      UserError: the configuration is not valid, as ``validation.validate`` says.
    """
    values = {
        name: flag_values[name].value
        for name in config_io.field_types(kind)
        if name in flag_values and flag_values[name].present
    }
    defaults = configuration.flatten(kind())
    named = (values.get(name, defaults.get(name, "atari")) for name in _TABLES)
    config = configuration.replace(configuration.preset(*named), **values)
    validation.validate(config)
    # One game, one spelling: a run directory's name and config.json hold it.
    return validation.canonical(config)


def run_main(main: Callable[[list[str]], int | None]) -> NoReturn:
    """Parses the flags, runs ``main([program])`` and exits with its status, as absl's ``app.run`` does.

    A mistake in the flags and a UserError become the one line ``error: …`` on stderr and exit status 2.
    """
    try:
        app.run(main, flags_parser=_parse)
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    raise AssertionError("app.run always exits")


def _parse(argv: list[str]) -> list[str]:
    """Parses absl's flags, and raises UserError where absl would print its usage."""
    try:
        rest = absl_flags.FLAGS(argv)
    except absl_flags.Error as error:
        raise UserError(f"{error} (--help lists the flags)") from error
    except SystemExit as done:
        # absl leaves with status 1 after --help.
        raise SystemExit(0) from done
    if not absl_flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)  # TensorFlow tells of every file it saves
    if rest[1:]:
        raise UserError(
            f"unexpected argument {rest[1]!r}: flags are written --name=value (--help lists them)"
        )
    return rest
