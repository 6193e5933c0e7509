"""The settings of `grutext train`: their sources, and which of them wins."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from grutext.cli.settings import build_config, config_toml, settings_options
from grutext.config import Config
from grutext.errors import ConfigError
from grutext.settings import read_config


@click.command()
@settings_options
def capture(settings) -> None:
    capture.seen = settings


def config_of(*arguments: str) -> Config:
    result = CliRunner().invoke(capture, arguments)
    assert result.exit_code == 0, result.output
    return build_config(capture.seen)


def usage_error(*arguments: str) -> str:
    result = CliRunner().invoke(capture, arguments)
    assert result.exit_code == 2
    return result.stderr


def test_without_options_the_configuration_is_the_default() -> None:
    assert config_of() == Config()


def test_a_later_source_overrides_an_earlier_one(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[gru]\nunits = 21\nlayers = 2\n[training]\nseed = 5\nepochs = 4\n", encoding="utf-8")
    config = config_of(
        "--preset", "fast", "--config", str(path), "--set", "gru.layers=3", "--set", "training.seed=6",
        "--seed", "7",
    )  # fmt: skip
    assert config.gru.embedding_size == 48  # the preset's alone
    assert config.gru.units == 21  # the file's over the preset's
    assert config.gru.layers == 3  # --set's over the file's
    assert config.training.seed == 7  # --seed over all
    assert config.training.epochs == 4


def test_named_options_become_settings() -> None:
    config = config_of("--class-weight", "balanced", "--optimize", "macro-f1")
    assert (config.training.class_weight, config.training.optimize) == ("balanced", "macro-f1")
    config = config_of("--epochs", "3", "--time-budget", "10m", "--no-gru")
    assert (config.training.epochs, config.training.time_budget) == (3, 600.0)
    assert (config.gru.enabled, config.linear.enabled) == (False, True)
    assert not config_of("--no-linear").linear.enabled


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("600", 600), ("0.5h", 1800)],
)
def test_times_are_read(text, seconds) -> None:
    assert config_of("--time-budget", text).training.time_budget == seconds


@pytest.mark.parametrize("text", ["soon", "10x", "-5", "0", "", "m", "inf", "nan", "1m 2"])
def test_a_malformed_time_is_a_usage_error(text) -> None:
    assert "is no time; write it as 90s, 10m, 1h30m" in usage_error("--time-budget", text)


@pytest.mark.parametrize("text", ["gru.units", "=3", ""])
def test_a_malformed_setting_is_a_usage_error(text) -> None:
    assert "is not KEY=VALUE" in usage_error("--set", text)


def test_a_wrong_setting_is_named_with_its_file(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[gru]\nunit = 21\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r'mine\.toml: there is no setting "gru\.unit"; did you mean "gru\.units"'
    ):
        config_of("--config", str(path))
    with pytest.raises(ConfigError, match=r"missing\.toml"):
        config_of("--config", str(tmp_path / "missing.toml"))
    with pytest.raises(ConfigError, match="must be a whole number"):
        config_of("--set", "gru.units=many")
    with pytest.raises(ConfigError, match='there is no pooling "max-mean"'):
        config_of("--set", "gru.pooling=max-mean")
    with pytest.raises(click.UsageError, match="would leave no model"):
        config_of("--no-linear", "--no-gru")


def test_values_that_only_fit_together_may_come_from_several_sources(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[linear]\nchar_min = 8\n[gru]\nenabled = false\n", encoding="utf-8")
    linear = config_of("--config", str(path), "--set", "linear.char_max=9").linear
    assert (linear.char_min, linear.char_max) == (8, 9)
    with pytest.raises(
        ConfigError, match=r"mine\.toml: linear\.char_max must be 0, or at least linear\.char_min"
    ):
        config_of("--config", str(path))
    path.write_text("[linear]\nenabled = false\n[gru]\nenabled = false\n", encoding="utf-8")
    assert config_of("--config", str(path), "--set", "gru.enabled=true").gru.enabled
    path.write_text("[gru]\nunits = 8\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^linear\.char_max must be"):
        config_of("--config", str(path), "--set", "linear.char_min=8")


def test_toml_keeps_every_setting(tmp_path) -> None:
    config = Config().override(
        {"text.tokenizer": "character", "gru.bidirectional": False, "training.learning_rate": 1.5e-7}
    )
    path = tmp_path / "all.toml"
    path.write_text(config_toml(config), encoding="utf-8")
    values = read_config(path)
    assert Config().override(values) == config
    assert len(values) == sum(
        len(dataclasses.fields(getattr(config, f.name))) for f in dataclasses.fields(config)
    )
