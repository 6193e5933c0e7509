"""Settings: what may be said, in what type and range, and what a wrong one is answered."""

import dataclasses
import functools
import json
import math
import re
from pathlib import Path

import pytest

from grutext.config import Config, GRUConfig, LinearConfig, TextConfig, TrainingConfig
from grutext.errors import ConfigError
from grutext.settings import PRESETS, preset, read_config

DEFAULTS = {
    f"{section}.{name}": value for section, part in Config().to_dict().items() for name, value in part.items()
}
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def value_of(config: Config, name: str):
    section, _, key = name.partition(".")
    return getattr(getattr(config, section), key)


def check_refused(settings, *said: str) -> None:
    """Assert that settings are refused in one line that says certain things."""
    with pytest.raises(ConfigError) as caught:
        Config().override(settings)
    line = str(caught.value)
    assert "\n" not in line
    for words in said:
        assert words in line, line


def test_the_sections_and_their_settings():
    assert {name.partition(".")[0] for name in DEFAULTS} == {"text", "linear", "gru", "training"}
    assert len(DEFAULTS) == 48


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_default_is_in_its_own_range_and_type(name):
    config = Config().override({name: DEFAULTS[name]})
    assert config == Config()
    assert type(value_of(config, name)) is type(DEFAULTS[name])
    as_text = str(DEFAULTS[name])
    assert Config().override({name: as_text}) == Config()


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("gru.units", "96", 96),
        ("gru.units", 96, 96),
        ("training.epochs", "0", 0),
        ("training.learning_rate", "1e-3", 0.001),
        ("training.learning_rate", 1, 1.0),
        ("training.time_budget", "600", 600.0),
        ("linear.enabled", "false", False),
        ("linear.enabled", "No", False),
        ("linear.enabled", "0", False),
        ("gru.bidirectional", "TRUE", True),
        ("gru.bidirectional", "yes", True),
        ("gru.bidirectional", "1", True),
        ("gru.enabled", False, False),
        ("text.tokenizer", "character", "character"),
        ("gru.pooling", "attention", "attention"),
    ],
)
def test_a_string_is_read_as_the_type_of_the_setting(name, given, value):
    changed = Config().override({name: given})
    assert value_of(changed, name) == value
    assert type(value_of(changed, name)) is type(value)
    others = {other: value_of(changed, other) for other in DEFAULTS if other != name}
    assert others == {other: DEFAULTS[other] for other in others}


def test_override_returns_a_copy_and_applies_settings_in_order():
    config = Config()
    changed = config.override({"gru.units": 9, "text.min_count": "3"}).override({"gru.units": 8})
    assert (changed.gru.units, changed.text.min_count) == (8, 3)
    assert config == Config()
    assert Config().override({}) == Config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.gru.units = 9


@pytest.mark.parametrize("shortest", ["linear.char_min", "text.subword_min"])
def test_settings_that_depend_on_each_other_may_be_given_in_any_order(shortest):
    settings = {shortest: 6, shortest.replace("min", "max"): 7}
    for order in (settings, dict(reversed(settings.items()))):
        config = Config().override(order)
        assert {name: value_of(config, name) for name in settings} == settings
        assert Config.from_dict(config.to_dict()) == config
    parts = {"linear.enabled": True, "gru.enabled": False}
    without_linear = Config().override({"linear.enabled": False})
    for order in (parts, dict(reversed(parts.items()))):
        assert without_linear.override(order).linear.enabled


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: TextConfig(subword_min=6), "text.subword_max must be 0, or at least text.subword_min"),
        (lambda: LinearConfig(word_max=0, char_max=0), "needs word or character n-grams"),
        (lambda: GRUConfig(convolution=2), "gru.convolution must be 0, or an odd number of at least 3"),
        (lambda: TrainingConfig(word_dropout=1.0), "training.word_dropout must be at least 0 and below 1"),
        (lambda: TrainingConfig(learning_rate=math.nan), "training.learning_rate must be at least 0"),
        (
            lambda: dataclasses.replace(Config().gru, units=0),
            "gru.embedding_size, gru.units and gru.layers must be at least 1",
        ),
        (
            lambda: Config(linear=LinearConfig(enabled=False), gru=GRUConfig(enabled=False)),
            "a model needs its linear part, its GRU part, or both",
        ),
    ],
)
def test_checks_a_section_that_is_built_directly(build, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        build()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("gru.unit", "gru.units"),
        ("modle.units", "gru.units"),
        ("training.lerning_rate", "training.learning_rate"),
        ("text.max_vocab", "text.max_vocabulary"),
        ("units", "gru.units"),
        ("seed", "training.seed"),
        ("training.units", "gru.units"),
        ("linea.enabled", "linear.enabled"),
        ("modl.enabled", "gru.enabled"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_known_one(name, nearest):
    check_refused({name: 1}, f'there is no setting "{name}"; did you mean "{nearest}"?')


@pytest.mark.parametrize("name", ["", ".", "xyzzy", "gru.", "model", ".units.", "#", "\ud800"])
def test_refuses_a_name_unlike_any_other(name):
    check_refused(
        {name: 1},
        f'there is no setting "{name}"',
        "?" if name.strip(".") in {"gru", "units"} else "lists them",
    )


NO_NUMBERS = ["", "many", "1,5", "0x10", None, [], {}, [1], True, False]
WRONG = {
    "gru.units": [*NO_NUMBERS, "3.0", 3.0, "1e3", 96.5, math.nan, math.inf],
    "training.learning_rate": [*NO_NUMBERS, "nan", "inf", "-inf", math.nan, math.inf, 10**400, "1e999"],
    "linear.enabled": ["", "maybe", "2", 2, 0, 1, 1.0, None, [], [True]],
    "text.tokenizer": [None, 3, 1.5, True, [], ["word"], {"word": 1}],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values], ids=repr
)
def test_refuses_a_value_of_the_wrong_type_and_names_the_right_one(name, value):
    check_refused({name: value}, f'the setting "{name}" must be {KINDS[type(DEFAULTS[name])]}, not ')


OUT_OF_RANGE = {
    "text.tokenizer": ["sentence", "", "Word"],
    "text.min_count": [0, -1],
    "text.max_vocabulary": [0],
    "text.subword_min": [0, 6],
    "text.subword_max": [-1, 1, 2, 65],
    "text.subword_buckets": [0],
    "linear.word_max": [-1, 65],
    "linear.char_min": [0, 6],
    "linear.char_max": [-1, 1, 65],
    "linear.min_count": [-1],
    "linear.max_megabytes": [0, -1],
    "linear.vector_size": [-1],
    "linear.regularization": [-1, -1e-9],
    "gru.embedding_size": [0],
    "gru.convolution": [-1, 1, 2, 4],
    "gru.units": [0],
    "gru.layers": [0],
    "training.epochs": [-1],
    "training.pretraining_epochs": [-2],
    "training.patience": [-1],
    "training.window": [-1],
    "training.batch_size": [-1],
    "training.token_budget": [0],
    "training.learning_rate": [-1, -1e-9],
    "training.table_rate": [0, -1],
    "training.clip_norm": [0, -1],
    "training.prefixes": [-0.1, 1],
    "training.warmup": [-0.1, 1],
    "training.word_dropout": [-0.1, 1],
    "training.embedding_dropout": [-0.1, 1],
    "training.pooled_dropout": [-0.1, 1],
    "training.label_smoothing": [-0.1, 1],
    "training.adversarial_radius": [-0.1, -2],
    "training.time_budget": [-1],
    "training.checkpoint_seconds": [-1],
    "training.in_memory_megabytes": [-1],
    "training.seed": [-1],
}
AT_THE_EDGE = {
    "text.min_count": 1, "text.max_vocabulary": 1, "text.subword_min": 5, "text.subword_max": 0, "text.subword_buckets": 1,
    "linear.word_max": 0, "linear.char_min": 5, "linear.char_max": 0, "linear.min_count": 0, "linear.max_megabytes": 1e-9, "linear.vector_size": 0,
    "linear.regularization": 0.0, "gru.embedding_size": 1, "gru.convolution": 0, "gru.units": 1, "gru.layers": 1, "training.epochs": 0, "training.pretraining_epochs": -1,
    "training.patience": 0, "training.batch_size": 0, "training.window": 0, "training.token_budget": 1, "training.learning_rate": 0.0,
    "training.table_rate": 1e-9, "training.clip_norm": 1e-9, "training.warmup": 0.0, "training.prefixes": 0.999, "training.word_dropout": 0.999,
    "training.embedding_dropout": 0.0, "training.pooled_dropout": 0.999, "training.label_smoothing": 0.0,
    "training.adversarial_radius": -1.0, "training.time_budget": 0.0, "training.checkpoint_seconds": 0.0, "training.in_memory_megabytes": 0.0, "training.seed": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, some in OUT_OF_RANGE.items() for value in some]
)
def test_refuses_a_value_out_of_range_and_names_the_setting(name, value):
    check_refused({name: value}, name.partition(".")[2])


@pytest.mark.parametrize("name", AT_THE_EDGE)
def test_accepts_a_value_at_the_edge_of_its_range(name):
    assert value_of(Config().override({name: AT_THE_EDGE[name]}), name) == AT_THE_EDGE[name]


def test_every_number_has_a_range():
    numbers = {name for name, value in DEFAULTS.items() if type(value) in {int, float}}
    assert numbers == set(AT_THE_EDGE)
    assert numbers <= set(OUT_OF_RANGE)


@pytest.mark.parametrize(
    ("shortest", "longest"),
    [("text.subword_min", "text.subword_max"), ("linear.char_min", "linear.char_max")],
)
def test_the_smallest_length_is_limited_even_without_ngrams(shortest, longest):
    Config().override({shortest: 64, longest: 0})
    check_refused({shortest: 65, longest: 0}, f"{longest} must be at most 64")


def test_a_model_needs_at_least_one_enabled_part():
    check_refused({"linear.enabled": False, "gru.enabled": False}, "its linear part, its GRU part, or both")
    check_refused({"linear.word_max": 0, "linear.char_max": 0}, "needs word or character n-grams")
    Config().override({"linear.word_max": 0, "linear.char_max": 0, "linear.enabled": False})


def test_converts_to_dictionaries_and_json_and_back():
    config = Config().override({"gru.units": 9, "linear.enabled": False, "training.learning_rate": 0.1})
    assert Config.from_dict(config.to_dict()) == config
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert Config.from_dict({}) == Config()
    assert Config.from_dict({"gru": {"units": 9}}) == Config().override({"gru.units": 9})


def test_checks_dictionaries():
    for values, said in [
        ({"gru": 3}, '"gru" is a section of settings'),
        ({"units": 3}, '"units" is a section of settings'),
        ({"gru": {"unit": 3}}, 'did you mean "gru.units"?'),
        ({"modle": {"units": 3}}, 'did you mean "gru.units"?'),
        ({"gru": {"units": "x"}}, "must be a whole number"),
        ({"gru": {"units": {"a": 1}}}, "must be a whole number"),
    ]:
        with pytest.raises(ConfigError, match=re.escape(said)):
            Config.from_dict(values)


def test_presets_have_the_documented_settings():
    assert tuple(PRESETS) == ("fast", "balanced", "accurate", "streaming")
    configs = [Config().override(preset(name)) for name in PRESETS]
    assert configs[1] == Config()
    sizes = [config.gru.units for config in configs[:3]]
    assert sizes == sorted(set(sizes))
    assert not configs[3].gru.bidirectional
    assert configs[0].training.adversarial_radius == 0.0
    with pytest.raises(
        ConfigError, match='no preset "best"; the presets are fast, balanced, accurate, streaming'
    ):
        preset("best")


def test_a_preset_is_a_fresh_dictionary():
    preset("fast").clear()
    assert preset("fast")


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "settings.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_reads_settings_from_a_toml_file(tmp_path):
    path = write(
        tmp_path, '# mine\n[gru]\nunits = 9\nbidirectional = false\n[text]\ntokenizer = "character"\n'
    )
    settings = read_config(path)
    assert settings == {"gru.units": 9, "gru.bidirectional": False, "text.tokenizer": "character"}
    assert Config().override(settings).gru.units == 9
    assert read_config(write(tmp_path, "")) == {}
    assert read_config(write(tmp_path, "\ufeff[gru]\r\nunits = 9\r\n")) == {"gru.units": 9}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("units = 9", '"units" is outside a section; put it into one, such as [gru]'),
        ("gru = [1]", '"gru" is outside a section; put it into one, such as [gru]'),
        ("[gru", "at end of document"),
        ("[gru]\nunits = \n", "line 2"),
        ("[gru]\nunits = 1\nunits = 2\n", "line 3"),
        (b"[gru]\npooling = '\xff'", "utf-8"),
        ("[gru]\nunits = " + "9" * 5000, "digits"),
        ("a = " + "[" * 10_000, ""),
        ('["a\\nb\\u2028c"]', "there is no section [a\\nb c]; the sections are"),
        ('"a\\nb" = 1', '"a\\nb" is outside a section'),
        ("#" * 16_385, "is longer than 16,384 characters, so it is not a file of settings"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_refuses_a_malformed_file_and_names_it(tmp_path, content, said):
    path = write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_names_an_unreadable_file_once(tmp_path):
    for path, said in [(tmp_path / "none.toml", "No such file or directory"), (tmp_path, "Is a directory")]:
        with pytest.raises(ConfigError) as caught:
            read_config(path)
        assert str(caught.value) == f"{path}: {said}"


@pytest.mark.parametrize(
    "content", ["[gru]\nunits = 2024-05-01\n", "[gru.units]\nx = 1\n", "[gru]\nunits = nan\n"]
)
def test_refuses_toml_types_that_no_setting_has(tmp_path, content):
    check_refused(read_config(write(tmp_path, content)), 'the setting "gru.units" must be a whole number')


@pytest.mark.parametrize("section", sorted(Config().to_dict()))
def test_every_section_stands_in_the_reference(section):
    page = (Path(__file__).parents[1] / "docs/reference/settings.md").read_text(encoding="utf-8")
    assert f"\n::: settings {section}\n" in page


def test_a_section_that_does_not_exist_is_an_error_even_if_it_is_empty(tmp_path):
    (tmp_path / "s.toml").write_text("[modle]\n", encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"there is no section \[modle\]; the sections are text, linear, gru, training"
    ):
        read_config(tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (16**5000, "not a very large int"),
        ("x\u2028y" * 100, 'not "x y'),
        (["x" * 1000], f'not ["{"x" * 78}…'),
        (functools.reduce(lambda inner, _: {"a": inner}, range(5000), 1), "not a very large dict"),
    ],
    ids=["number", "lines", "long", "gru"],
)
def test_refuses_a_value_of_any_size_in_one_short_line(value, said):
    with pytest.raises(ConfigError) as caught:
        Config().override({"gru.enabled": value})
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200
