"""Where settings come from besides the command line: presets, and files in TOML."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from grutext.config import Config, flatten, render_setting
from grutext.errors import ConfigError

LONGEST_FILE = 16 * 1024  # characters; a file with every setting there is has less than 2,000
PRESETS = ("fast", "balanced", "accurate")


def preset(name: str) -> dict[str, Any]:
    """Gives the settings that a preset changes.

    Args:
        name: `fast` (small GRU, no pretraining, nothing adversarial), `balanced` (the defaults) or `accurate` (larger GRU,
            more patience).

    Raises:
        ConfigError: There is no such preset.
    """
    settings: dict[str, dict[str, Any]] = {
        "fast": {
            "training.pretraining_epochs": 0,
            "training.adversarial_radius": 0.0,
            "gru.units": 48,
            "gru.embedding_size": 48,
        },
        "balanced": {},
        "accurate": {"gru.units": 128, "gru.embedding_size": 128, "training.patience": 8},
    }
    if name not in settings:
        raise ConfigError(f'there is no preset "{name}"; the presets are {", ".join(PRESETS)}')
    return settings[name]


def read_config(path: Path) -> dict[str, Any]:
    """Reads settings from a TOML file with the sections `[text] [linear] [gru] [training]`.

    Returns:
        `section.key` to value, for `Config.override`.

    Raises:
        ConfigError: The file cannot be read, or is not such a file.
    """
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST_FILE + 1)
        if len(text) > LONGEST_FILE:
            raise ConfigError(f"{path}: is longer than {LONGEST_FILE:,} characters; no file of settings is")
        values = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    known = [part.name for part in fields(Config)]
    for section, part in values.items():
        if not isinstance(part, dict):
            raise ConfigError(f"{path}: {render_setting(section)} stands outside a section such as [gru]")
        if section not in known:
            named = render_setting(section).strip('"')
            raise ConfigError(f"{path}: there is no section [{named}]; the sections are {', '.join(known)}")
    return flatten(values)
