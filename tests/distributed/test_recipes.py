"""The recipes of docs/guide/cluster.md for Ray Data and Dask, as they stand there."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.keyword_model import build_keyword_model

PAGE = (Path(__file__).parents[2] / "docs/guide/cluster.md").read_text(encoding="utf-8")
BODIES = ["my parcel", None, "invoice", "password"] * 5
LABELS = ["delivery", "billing", "billing", "login"] * 5

pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore"),
]  # those of Ray, Dask and pandas about one another


def recipe(engine):
    """Return the code of a recipe, which has at most 15 lines."""
    (code,) = re.findall(rf"^{engine}:\n\n```python\n(.*?)```", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 15
    return code


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with the model `reviews` and the table `mails`, in two files."""
    monkeypatch.chdir(tmp_path)
    build_keyword_model(multilabel=False).save("reviews")
    Path("mails").mkdir()
    for part in range(2):
        rows = slice(part * 10, part * 10 + 10)
        table = pa.table({"id": range(20)[rows], "body": BODIES[rows]})
        parquet.write_table(table, f"mails/{part}.parquet")
    return tmp_path


def check_labelled():
    """Assert that the table `labelled` has all rows with their labels."""
    rows = parquet.read_table("labelled").sort_by("id")
    assert rows.column("id").to_pylist() == list(range(20))
    assert rows.column("body").to_pylist() == BODIES
    assert rows.column("label").to_pylist() == LABELS
    assert set(rows.column("confidence").to_pylist()) == {0.909443, 0.333333}


def test_dask(work):
    pytest.importorskip("dask.dataframe")
    exec(compile(recipe("Dask"), "recipe", "exec"), {})
    check_labelled()


def test_ray_data(work):
    ray = pytest.importorskip("ray")
    root = str(Path(__file__).parents[2])
    ray.init(
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    try:
        exec(compile(recipe("Ray Data"), "recipe", "exec"), {})
    finally:
        ray.shutdown()
    check_labelled()
