"""`grutext show`, to the letter."""

import json
from dataclasses import replace

from grutext.config import Config


def test_the_contents_of_a_model_are_shown(run, trained_model) -> None:
    lines = run("show", "-m", "trained").stdout.splitlines()
    sizes = {file.name: file.stat().st_size for file in trained_model.iterdir()}
    assert lines == [
        "model                 trained",
        "created               2024-05-01T12:00:00+00:00",
        "labels                3, one for each text: billing, delivery, login",
        "vocabulary            3 tokens",
        "parameters            18",
        (
            f"files                 README.md {sizes['README.md'] / 1000:.1f} kB, model.json {sizes['model.json'] / 1000:.1f} kB, "
            f"weights.safetensors {sizes['weights.safetensors']} bytes"
        ),
        "training data         source mails.csv, text_column message, label_column topic",
        "versions              grutext 0.1.0, python 3.11.7",
        (
            "settings of text      tokenizer auto, case auto, min_count 2, max_vocabulary 30000, subword_min 3, subword_max 5, "
            "subword_buckets 50000"
        ),
        (
            "settings of linear    enabled yes, word_max 1, char_min 2, char_max 0, min_count 0, max_megabytes 8.5, "
            "regularization 0, label_names yes, vector_size 100"
        ),
        *(line for line in lines if line.startswith(("settings of gru", "settings of training"))),
        (
            "dev metrics           accuracy 0.5000  macro-F1 0.3333  weighted-F1 0.3333  log loss 0.5697  ECE 0.3500"
            "  (2 texts)"
        ),
        "calibration on dev    ECE 0.500 → 0.250, log loss 2.000 → 1.000",
        "",
        "weights         shape     dtype   bytes",
        "───────────────────────────────────────",
        "linear/bias         3   float32      12",
        "linear/kernel   3 x 3   float16      18",
        "linear/keys         3    uint32      12",
        "linear/scale        3   float16       6",
        "",
        "epoch     loss   dev loss   dev score   tokens per second   seconds   kept",
        "──────────────────────────────────────────────────────────────────────────",
        "    1   1.5000     1.2500      0.5000               1,000       2.0     no",
        "    2   0.7500     0.5000      0.7500               2,000       1.5    yes",
    ]


def test_json_has_the_same_contents(run, trained_model) -> None:
    values = json.loads(run("show", "-m", "trained", "--json").stdout)
    assert list(values) == [
        "model", "created", "labels", "multilabel", "vocabulary", "parameters", "weights", "files", "engine", "config",
        "data", "metrics", "gru_weight", "abstention", "early", "unfamiliar", "history", "versions",
    ]  # fmt: skip
    assert values["weights"][1] == {"name": "linear/kernel", "shape": [3, 3], "dtype": "float16", "bytes": 18}
    assert set(values["files"]) == {"README.md", "model.json", "weights.safetensors"}
    assert values["metrics"]["dev"]["accuracy"] == 0.5
    assert len(values["history"]) == 2


def test_the_engine_that_trained_the_gru_is_shown(run, build_bundle, tmp_path) -> None:
    for engine, shown in (("numba", ["numba"]), ("auto", []), ("tensorflow", ["tensorflow"])):
        bundle = replace(build_bundle({"training.engine": engine}), metrics={}, history=[])
        bundle.save("a-model", overwrite=True)
        lines = run("show", "-m", "a-model").stdout.splitlines()
        assert [line.split()[-1] for line in lines if line.startswith("engine ")] == shown
        assert json.loads(run("show", "-m", "a-model", "--json").stdout)["engine"] == "".join(shown)


def test_only_the_epoch_that_was_kept_is_marked(run, build_bundle) -> None:
    numbers = dict.fromkeys(("loss", "dev_loss", "dev_score", "tokens_per_second", "seconds"), 1.0)
    best = (True, True, False)
    history = [{"epoch": n, **numbers, "best": is_best} for n, is_best in enumerate(best, start=1)]
    replace(build_bundle(), metrics={}, history=history).save("a-model")
    lines = run("show", "-m", "a-model").stdout.splitlines()
    assert [line.split()[-1] for line in lines[-3:]] == ["no", "yes", "no"]


def test_config_prints_what_train_config_reads_back(run, model, tmp_path) -> None:
    from grutext.settings import read_config

    printed = run("show", "--config").stdout
    (tmp_path / "again.toml").write_text(printed, encoding="utf-8")
    config = Config().override(read_config(tmp_path / "again.toml"))
    assert config == Config().override({"gru.enabled": False, "linear.char_max": 0, "linear.word_max": 1})
    assert printed.startswith('[text]\ntokenizer = "auto"\n')


def test_config_and_json_exclude_each_other(run, model) -> None:
    assert "cannot be combined" in run("show", "--config", "--json", check=2).stderr


def test_a_folder_that_is_no_model_is_named(error, model, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert error("show", "-m", "nowhere").startswith("the model folder nowhere does not exist")
    assert error("show", "-m", "empty").startswith("empty is no model: it has no model.json")
    (model / "model.json").write_text('{"format": 1, "con', encoding="utf-8")
    assert "incomplete" in error("show")
    (model / "model.json").write_text('{"format": 99}', encoding="utf-8")
    assert "model format 99, newer than this grutext reads" in error("show")


def test_how_the_data_were_read_is_shown(run, make_bundle, tmp_path) -> None:
    reading = {
        "told": {"label_separator": "|", "text_column": ["title", "body"]},
        "found": {
            "text_column": ["title", "body"],
            "label_column": "topic",
            "dialect": {"delimiter": ";", "quotes": True, "escape": None, "header": False, "columns": []},
        },
    }
    bundle = replace(make_bundle(False), data={"source": "mails.csv", "reading": reading, "train": 90})
    bundle.save(tmp_path / "model")
    assert (
        "training data         source mails.csv, label_separator |, text_column title and body, label_column topic, "
        "dialect delimiter ';' quotes, train 90"
    ) in run("show").stdout.splitlines()
