"""`scripts/bench spark`: prediction, checks and shards by two Spark executors beside one machine, on the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

import click

from benchmarks.bulk import iterate_rows, write_rows
from benchmarks.memory import GRUTEXT, ROOT, read_status

CORES = 2
CLUSTER = (
    f"local-cluster[{CORES},1,1024]"  # executors, processes of their own, with one core and 1,024 MB each
)
PARTS = ("prediction", "data")
ROWS, FEW = "rows.parquet", "few.parquet"
HEAD = "| what | seconds | CPU seconds | rows a second | rows a CPU second |\n|---|---|---|---|---|"
_PERIOD = 0.2  # seconds between two looks at the memory
_TICK = os.sysconf("SC_CLK_TCK")


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The folder of the sets [default: ../shared/data beside the repository].",
)
@click.option(
    "--set", "name", default="tweeteval_emotion", show_default=True, help="The set whose texts are varied."
)
@click.option("--rows", default=1_000_000, show_default=True, help="The number of rows.")
@click.option("--rounds", default=2, show_default=True, help="How often each side predicts, in turns.")
@click.option(
    "--model", type=click.Path(path_type=Path), help="The model [default: one that is trained on the set]."
)
@click.option(
    "--part", "parts", type=click.Choice(PARTS), multiple=True, help="What is measured [default: both]."
)
def main(
    data: Path | None, name: str, rows: int, rounds: int, model: Path | None, parts: tuple[str, ...]
) -> None:
    """Print seconds, CPU seconds and rows a second of Spark beside those of one machine, start-up apart.

    `prediction` labels the same rows on both sides in turns; then a tenth of the rows, and all of them, in one partition, for the
    largest memory of a worker. `data` checks the rows and writes them as shards.
    """
    wanted = parts or PARTS
    folder = (data or ROOT.parent / "shared" / "data") / name
    if not (folder / "train.jsonl.gz").exists():
        raise click.UsageError(f"{folder}: there is no train.jsonl.gz; --data and --set name it")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["SPARK_HOME"] = str(spark_home(place))
        texts = [folder / "train.jsonl.gz"]
        write_rows(place / ROWS, islice(iterate_rows(texts, 1 << 50, 1), rows))
        write_rows(place / FEW, islice(iterate_rows(texts, 1 << 50, 2), 2000))
        if model is None and "prediction" in wanted:
            model = place / "model"
            command = [*GRUTEXT, "train", str(texts[0]), "-m", str(model), "--preset", "fast", "--quiet"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        from grutext.distributed.spark.sessions import open_session

        with open_session(CLUSTER) as session:
            if "data" in wanted:
                measure_data(session, place, rows)
            if model is not None and "prediction" in wanted:
                measure_prediction(session, place, rows, model, rounds)


def measure_prediction(session: Any, place: Path, rows: int, model: Path, rounds: int) -> None:
    """Label the same rows on both sides in turns, and print the costs."""
    few, table = place / FEW, place / ROWS
    started = [
        one_machine(few, model, place / "started.jsonl"),
        on_spark(session, few, model, place / "s"),
    ]
    click.echo(HEAD)
    for turn in range(rounds):
        for side in (0, 1):
            output = place / f"{turn}-{side}.jsonl"
            run = on_spark(session, table, model, output) if side else one_machine(table, model, output)
            # A process on one machine starts and loads the model anew; the executors have done so already.
            wall, cpu = (run[n] - (0 if side else started[0][n]) for n in (0, 1))
            print_costs(("predict, 2 threads", "Spark, 2 executors")[side], wall, cpu, rows)
    compare(place / "0-0.jsonl", place / "0-1.jsonl")
    measure_memory(session, table, model, rows)


def measure_data(session: Any, place: Path, rows: int) -> None:
    """Check the rows, and write them as shards, on Spark and in this process, and print the costs."""
    from grutext.data import ReadOptions
    from grutext.data_quality import check_data
    from grutext.distributed import spark, write_shards

    # Of the 200 partitions that are its default most would be empty.
    session.conf.set("spark.sql.shuffle.partitions", 2 * CORES)
    reading, few, table = ReadOptions(text_column="text", label_column="label"), place / FEW, place / ROWS
    # Starts the Python workers, and compiles what Java runs often.
    spark.check(session.read.parquet(str(few)), reading)
    spark.write_shards(session.read.parquet(str(few)), place / "few", reading)
    click.echo(HEAD)
    for what, work in (
        ("check, one process", lambda: check_data(str(table), reading=reading)),
        ("check, Spark, 2 executors", lambda: spark.check(session.read.parquet(str(table)), reading)),
        ("write_shards, one process", lambda: write_shards(str(table), place / "here", reading)),
        (
            "write_shards, Spark, 2 executors",
            lambda: spark.write_shards(session.read.parquet(str(table)), place / "there", reading),
        ),
    ):
        print_costs(what, *timed(work), rows)


def print_costs(what: str, wall: float, cpu: float, rows: int) -> None:
    """Print a row of the table of costs."""
    click.echo(f"| {what} | {wall:.1f} | {cpu:.1f} | {rows / wall:,.0f} | {rows / cpu:,.0f} |")


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Do something; return its seconds, and the CPU seconds of this process and of all that it has started."""

    def total() -> float:
        return time.process_time() + sum(map(cpu_seconds, descendants()))

    begin, before = time.monotonic(), total()
    work()
    return time.monotonic() - begin, total() - before


def spark_home(folder: Path) -> Path:
    """Make a home of Spark that links to the installed one; executors write to their home."""
    import pyspark

    home = folder / "home"
    home.mkdir()
    for part in ("bin", "jars"):
        (home / part).symlink_to(Path(pyspark.__file__).parent / part)
    return home


def one_machine(table: Path, model: Path, output: Path) -> tuple[float, float]:
    """Run `grutext predict`; return its seconds and CPU seconds."""
    begin, before = time.monotonic(), os.times()
    command = [
        *GRUTEXT,
        "predict",
        str(table),
        "-m",
        str(model),
        "-o",
        str(output),
        "--threads",
        "2",
        "--quiet",
    ]
    subprocess.run(command, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - begin, cpu


def on_spark(session: Any, table: Path, model: Path, output: Path) -> tuple[float, float]:
    """Label a table on the cluster; return the seconds and the CPU seconds of all its processes."""
    from grutext.distributed.spark import predict

    return timed(lambda: predict(session.read.parquet(str(table)), model, "text").write.json(str(output)))


def compare(one: Path, folder: Path) -> None:
    """Print how many rows are equal on both sides."""
    with one.open(encoding="utf-8") as lines:
        expected = {row["id"]: (row["predicted_label"], row["confidence"]) for row in map(json.loads, lines)}
    rows = equal = 0
    furthest = 0.0
    for part in folder.glob("part-*"):
        with part.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                label, confidence = expected.pop(row["id"])
                rows += 1
                equal += label == row["predicted_label"]
                furthest = max(furthest, abs(confidence - row["confidence"]))
    left = f", {len(expected):,} are missing" if expected else ""
    click.echo(f"\n{rows:,} rows, {equal:,} labels equal{left}; confidences differ by {furthest:.6f} at most")


def measure_memory(session: Any, table: Path, model: Path, rows: int) -> None:
    """Print the largest resident memory of a Python worker and of an executor for two sizes of a partition."""
    from grutext.distributed.spark import predict

    click.echo("\n| rows in the partition | MB of a Python worker | MB of an executor |\n|---|---|---|")
    for size in (rows // 10, rows):
        part = session.read.parquet(str(table)).where(f"id <= {size}").coalesce(1)
        with watch() as peaks:
            predict(part, model, "text").write.format("noop").mode("overwrite").save()
        click.echo(f"| {size:,} | {peaks['python']:.0f} | {peaks['java']:.0f} |")


@contextmanager
def watch() -> Iterator[dict[str, float]]:
    """Measure the largest resident memory of the Python workers and of the executors, in MB."""
    peaks, over = {"python": 0.0, "java": 0.0}, Event()

    def look() -> None:
        while not over.wait(_PERIOD):
            for pid in descendants():
                command = read_command(pid)
                kind = "java" if "CoarseGrainedExecutorBackend" in command else "python"
                if kind == "java" or "pyspark" in command:
                    peaks[kind] = max(peaks[kind], read_status(pid).get("VmRSS", 0.0))

    thread = Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def descendants() -> list[int]:
    """Return the processes that this one has started, directly or not."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    parents = {pid: int(fields[1]) for pid in pids if (fields := read_stat(pid))}
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found[1:]


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process; 0 if it has ended."""
    fields = read_stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def read_stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name of the command; none if it has ended."""
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        return []


def read_command(pid: int) -> str:
    """Return the command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(ROOT)
    main(prog_name="scripts/bench spark")
