"""Where settings come from besides the command line: presets, and files in TOML."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from grutext.config import Config, flatten, render_setting
from grutext.errors import ConfigError

_SECONDS = {"s": 1, "m": 60, "h": 3600}
LONGEST_FILE = 16 * 1024  # characters; a file with every setting has less than 2,000
# The settings that each preset changes: a small GRU without pretraining and adversarial training; the defaults; a larger
# GRU with more patience; a GRU that only reads forward.
PRESETS: dict[str, dict[str, Any]] = {
    "fast": {
        "training.pretraining_epochs": 0,
        "training.adversarial_radius": 0.0,
        "gru.units": 48,
        "gru.embedding_size": 48,
    },
    "balanced": {},
    "accurate": {"gru.units": 128, "gru.embedding_size": 128, "training.patience": 8},
    "streaming": {"gru.bidirectional": False, "training.prefixes": 0.5},
}


def preset(name: str) -> dict[str, Any]:
    """Return the settings that a preset changes, as a new dictionary for `Config.override`.

    Args:
        name: One of `PRESETS`.

    Raises:
        ConfigError: There is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError(f'there is no preset "{name}"; the presets are {", ".join(PRESETS)}')
    return dict(PRESETS[name])


def read_seconds(text: str) -> float:
    """Return the seconds of a time such as `90s`, `10m`, `1h30m` or `600`.

    >>> read_seconds("1h30m")
    5400.0

    Raises:
        ConfigError: It is not a time, or not positive.
    """
    try:
        seconds = float(text)
    except ValueError:
        parts = re.fullmatch(r"(?:[0-9]+(?:\.[0-9]+)?[smh])+", text.strip().lower())
        pairs = re.findall(r"([0-9.]+)([smh])", parts.group()) if parts else []
        seconds = float(sum(float(number) * _SECONDS[unit] for number, unit in pairs))
    if not 0 < seconds < float("inf"):
        raise ConfigError(f'"{text}" is no time; write it as 90s, 10m, 1h30m, or in seconds as 600')
    return seconds


def read_config(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file with the sections `[text] [linear] [gru] [training]`.

    Returns:
        `section.key` to value, for `Config.override`.

    Raises:
        ConfigError: The file cannot be read, is too long, is not TOML, or has other sections; names the file.
    """
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(LONGEST_FILE + 1)
        if len(text) > LONGEST_FILE:
            raise ConfigError(
                f"{path}: is longer than {LONGEST_FILE:,} characters, so it is not a file of settings; name another file"
            )
        values = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    known = [part.name for part in fields(Config)]
    for section, part in values.items():
        if not isinstance(part, dict):
            raise ConfigError(
                f"{path}: {render_setting(section)} is outside a section; put it into one, such as [gru]"
            )
        if section not in known:
            named = render_setting(section).strip('"')
            raise ConfigError(f"{path}: there is no section [{named}]; the sections are {', '.join(known)}")
    return flatten(values)
