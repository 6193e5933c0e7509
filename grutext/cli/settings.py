"""Options of `grutext train` that become a `Config`: preset, then file, then `--set`, then named options."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grutext.cli.options import Command, LazyChoice, read_setting, read_time
from grutext.errors import ConfigError

if TYPE_CHECKING:
    from grutext.config import Config


def _load_presets() -> Sequence[str]:
    from grutext.settings import PRESETS

    return tuple(PRESETS)


def _load_class_weights() -> Sequence[str]:
    from grutext.config import CLASS_WEIGHTS

    return CLASS_WEIGHTS


def _load_optimized() -> Sequence[str]:
    from grutext.config import OPTIMIZED

    return OPTIMIZED


def _load_engines() -> Sequence[str]:
    from grutext.config import ENGINES

    return ENGINES


_OPTIONS = (
    click.option(
        "--preset", type=LazyChoice(_load_presets), help="Settings to start from [default: balanced]."
    ),
    click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, readable=False),
        metavar="FILE.toml",
        help="File of settings, as `grutext show --config` prints them.",
    ),
    click.option(
        "--set",
        "changes",
        type=read_setting,
        multiple=True,
        metavar="KEY=VALUE",
        help="One setting, such as gru.units=96; may be repeated.",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        metavar="N",
        help="Maximum number of passes over the data [default: depends on its size].",
    ),
    click.option(
        "--time-budget",
        type=read_time,
        metavar="TIME",
        help="Time that the command may take: 90s, 10m, 1h, or seconds [default: no limit].",
    ),
    click.option(
        "--seed", type=click.IntRange(min=0), metavar="N", help="Seed of all random numbers [default: 1]."
    ),
    click.option(
        "--class-weight",
        type=LazyChoice(_load_class_weights),
        help="Weight of the texts of rare labels in the loss [default: auto].",
    ),
    click.option(
        "--optimize",
        type=LazyChoice(_load_optimized),
        help="What decisions are tuned for; accuracy is micro-F1 for several labels [default: accuracy].",
    ),
    click.option(
        "--engine",
        type=LazyChoice(_load_engines),
        help="Engine that trains the GRU; auto is TensorFlow on a GPU, else Numba [default: auto].",
    ),
    click.option("--no-linear", is_flag=True, help="Leave out the linear model over n-grams."),
    click.option("--no-gru", is_flag=True, help="Leave out the GRU."),
)
_NAMES = (
    "preset", "config_file", "changes", "epochs", "time_budget", "seed", "class_weight", "optimize", "engine",
    "no_linear", "no_gru",
)  # fmt: skip
_OF_PRETRAINING = ("preset", "config_file", "changes", "time_budget", "seed", "engine")


_ALIKE = 0.75  # names that are at least this similar count as misspellings of each other


class SettingsCommand(Command):
    """A command with `--set`, which it suggests for an unknown option that resembles a setting and no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            click.NoSuchOption: An option is unknown; the error names settings that it resembles.
        """
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            settings = similar_settings(error.option_name)
            is_misspelt = any(
                _likeness(error.option_name, name) >= _ALIKE for name in error.possibilities or ()
            )
            if is_misspelt or not settings:
                raise
            suggested = " or ".join(f"--set {name}=VALUE" for name in settings)
            message = f"{error.message} Did you mean {suggested}?"
            raise click.NoSuchOption(error.option_name, message, ctx=ctx) from None


def similar_settings(option: str) -> list[str]:
    """Return the settings, as `section.key`, that an option resembles: in name, initials, a part or spelling.

    >>> similar_settings("--lr")
    ['training.learning_rate']
    """
    from grutext.config import Config, flatten

    wanted = option.lstrip("-").replace("-", "_").replace(".", "_").lower()
    keys = {name: name.partition(".")[2] for name in flatten(Config().to_dict())}
    initials = {name: "".join(word[0] for word in key.split("_")) for name, key in keys.items()}
    found = (
        [name for name, key in keys.items() if wanted in (key, name.replace(".", "_"))]
        or [name for name in keys if len(wanted) > 1 and wanted == initials[name]]
        or [name for name, key in keys.items() if len(wanted) > 3 and wanted in key]
        or [name for name, key in keys.items() if _likeness(wanted, key) >= _ALIKE]
    )
    return found[:3]


def _likeness(one: str, other: str) -> float:
    """Return how alike two names are, in 0..1, leading dashes apart."""
    return difflib.SequenceMatcher(None, one.lstrip("-"), other.lstrip("-")).ratio()


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the settings; the command gets them as one dictionary `settings`."""

    @functools.wraps(function)
    def collected(**values: Any) -> Any:
        settings = {name: values.pop(name) for name in _NAMES}
        return function(settings=settings, **values)

    for option in reversed(_OPTIONS):
        option(collected)
    return collected


def pretraining_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add those options of the settings that matter to a pretraining; the command gets `settings` as above."""

    @functools.wraps(function)
    def collected(**values: Any) -> Any:
        settings = {name: values.pop(name, None) for name in _NAMES if name != "epochs"}
        return function(settings=settings | {"epochs": None}, **values)

    for name, option in reversed([*zip(_NAMES, _OPTIONS, strict=True)]):
        if name in _OF_PRETRAINING:
            option(collected)
    return collected


def build_config(settings: dict[str, Any]) -> Config:
    """Build the configuration from the options; a later source overrides an earlier one.

    Args:
        settings: The options, as `settings_options` collects them.

    Raises:
        ConfigError: A setting is unknown, has the wrong type or is out of range; names the file if all
            goes well without it.
    """
    if settings["no_gru"] and settings["no_linear"]:
        raise click.UsageError("--no-gru and --no-linear would leave no model; leave one of them out.")
    from grutext.config import Config
    from grutext.model.spec import check_model
    from grutext.settings import preset, read_config

    path = settings["config_file"]
    chosen = {} if settings["preset"] is None else preset(settings["preset"])
    of_file = {} if path is None else read_config(path)
    named = {
        "training.epochs": settings["epochs"],
        "training.time_budget": settings["time_budget"],
        "training.seed": settings["seed"],
        "training.class_weight": settings["class_weight"],
        "training.optimize": settings["optimize"],
        "training.engine": settings["engine"],
        "linear.enabled": False if settings["no_linear"] else None,
        "gru.enabled": False if settings["no_gru"] else None,
    }
    later = dict(settings["changes"]) | {name: value for name, value in named.items() if value is not None}
    try:
        # All together: some values only fit together.
        config = Config().override(chosen | of_file | later)
    except ConfigError as error:
        if of_file and _fit(chosen | later):
            raise ConfigError(f"{path}: {error}") from None
        raise
    check_model(config.gru)
    return config


def _fit(settings: dict[str, Any]) -> bool:
    from grutext.config import Config

    try:
        Config().override(settings)
    except ConfigError:
        return False
    return True


def config_toml(config: Config) -> str:
    """Return a configuration as TOML text that `build_config` can read."""
    lines: list[str] = []
    for section, values in config.to_dict().items():
        lines += [f"[{section}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    import json

    # JSON's strings, numbers and Booleans are valid TOML.
    return json.dumps(value, ensure_ascii=False)
