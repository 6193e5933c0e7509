"""Draw reports, models and the progress of a training on a terminal. The only module that uses rich.

Results go to stdout, progress and notes to stderr. Colours and progress bars appear only on terminals (no colours if
NO_COLOR is set); files and pipes get plain text of any width.
"""

from __future__ import annotations

import contextlib
import errno
import html
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, TextIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from grutext.messages import escape
from grutext.progress import EpochRecord, Listener, Silent, epochs_in_words

WIDEST_MATRIX = 12
_REDRAW_SECONDS = 0.2  # between two updates of a line in a notebook
_UNLIMITED = 10_000  # columns: lines are wrapped on terminals only


class PipeConsole(Console):
    """A console that raises a BrokenPipeError if its reader is gone, instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Raise the error, for the one place that decides exit codes."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def open_console(file: TextIO | None = None) -> Console:
    """Return a console on `file`, or on stdout."""
    file = file or sys.stdout or StringIO()  # stdout may be closed
    return PipeConsole(file=file, highlight=False, width=None if file.isatty() else _UNLIMITED)


def summary(report: Mapping[str, Any]) -> str:
    """Return the metrics of a report over all labels as one line.

    Args:
        report: A report as plain values, as `Report.to_dict` returns it and a bundle stores it; the report on the dev set may
            have the number of `folds` of a cross-validation.
    """
    f1 = f"macro-F1 {report['macro_f1']:.4f}  weighted-F1 {report['weighted_f1']:.4f}"
    if report["multilabel"]:
        scores = f"micro-F1 {report['micro_f1']:.4f}  {f1}  all labels right {report['accuracy']:.4f}"
    else:
        scores = f"accuracy {report['accuracy']:.4f}  {f1}"
    texts = "1 text" if report["n"] == 1 else f"{report['n']:,} texts"
    if "folds" in report:
        texts += f", {report['folds']:d}-fold cross-validation"
    return f"{scores}  log loss {report['log_loss']:.4f}  ECE {report['ece']:.4f}  ({texts})"


def render_report(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Draw a report: the metrics over all labels, a row for each label, those without texts last, and the confusions.

    Args:
        report: A report as plain values.
        console: Where to draw; stdout if left out.
    """
    console = console or open_console()
    names = [f"{name} (unknown)" if name in report["unknown"] else name for name in report["labels"]]
    rows = []
    scored = zip(names, report["per_label"].values(), strict=True)
    for name, score in sorted(scored, key=lambda pair: not pair[1]["support"]):
        numbers = (f"{score[key]:.4f}" if score["support"] else "—" for key in ("precision", "recall", "f1"))
        rows.append((name, *numbers, f"{score['support']:,}"))
    console.print(Text(summary(report)))
    render_rows(("label", "precision", "recall", "F1", "texts"), rows, console=console)
    confusion = report["confusion"]
    if confusion is not None and len(names) <= WIDEST_MATRIX:
        render_rows(("true \\ predicted", *names), _matrix(names, confusion), console=console)
    elif confusion is not None:
        from grutext.evaluation.diagnostics import list_confusions

        rows = [
            (pair.actual, pair.predicted, f"{pair.texts:,}") for pair in list_confusions(names, confusion)
        ]
        render_rows(("true", "predicted", "texts"), rows, texts=2, console=console)


def _matrix(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> Iterator[Sequence[str | Text]]:
    for row, counts in enumerate(confusion):
        styles = ["bold green" if row == column else "red" for column in range(len(counts))]
        cells = [
            Text(str(n), style) if n else Text(".", "dim") for n, style in zip(counts, styles, strict=True)
        ]
        yield [names[row], *cells]


_METRICS = {"accuracy": "accuracy", "macro_f1": "macro-F1", "micro_f1": "micro-F1", "log_loss": "log loss"}


def render_comparison(comparison: Mapping[str, Any], console: Console | None = None) -> None:
    """Draw the metrics of models side by side, and below them how each other model differs from the first.

    Args:
        comparison: A comparison as plain values, as `Comparison.to_dict` returns it.
        console: Where to draw; stdout if left out.
    """
    console = console or open_console()
    models = comparison["models"]
    metrics = list(next(iter(models.values())))
    names = [_METRICS[metric] for metric in metrics]
    if comparison["multilabel"]:
        names[0] = "all labels right"
    rows = [(name, *(f"{values[metric]:.4f}" for metric in metrics)) for name, values in models.items()]
    console.print(Text(f"{comparison['n']:,} texts"))
    render_rows(("model", *names), rows, console=console)
    for pair in comparison["pairs"]:
        model, against = escape(pair["model"]), escape(pair["against"])
        rows = []
        for metric, name in zip(metrics, names, strict=True):
            found = pair["differences"][metric]
            rows.append((name, *(f"{found[key]:+.4f}" for key in ("difference", "low", "high"))))
        render_rows((f"{model} against {against}", "difference", "from", "to (95 %)"), rows, console=console)
        console.print(
            Text(
                f"right only by {model}: {pair['only_model_right']:,}, only by {against}: {pair['only_against_right']:,} "
                f"(McNemar's exact test: p = {pair['p_value']:.2g})"
            )
        )


def render_facts(facts: Mapping[str, str], console: Console | None = None) -> None:
    """Draw names and values, one pair a line."""
    console = console or open_console()
    width = max(map(len, facts))
    for name, value in facts.items():
        console.print(Text.assemble((name.ljust(width), "bold"), "  ", escape(value)))


def render_rows(
    heads: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    texts: int = 1,
    console: Console | None = None,
) -> None:
    """Draw a table whose first `texts` columns hold words and whose other columns hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for index, head in enumerate(heads):
        table.add_column(Text(escape(head)), justify="left" if index < texts else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape(cell)) if isinstance(cell, str) else cell for cell in row))
    (console or open_console()).print(Text(), table, sep="\n")


def epoch_line(record: EpochRecord, epochs: int, left: float | None) -> str:
    """Return an epoch's results as one line.

    Args:
        record: The epoch.
        epochs: The maximum number of epochs.
        left: Seconds until the last of them ends, if known.
    """
    parts = [
        f"epoch {record.epoch}/{epochs}",
        f"loss {record.loss:.4f}",
        f"dev loss {record.dev_loss:.4f}",
        f"dev score {record.dev_score:.4f}",
        f"{record.tokens_per_second:,.0f} tokens/s",
        f"{record.seconds:.1f} s",
    ]
    if left:
        parts.append(f"at most {clock(left)} left")
    return "  ".join([*parts, "kept so far"] if record.best else parts)


def clock(seconds: float) -> str:
    """Return a time in seconds as `9 s`, `1:05 min` or `1:02:03 h`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02} h"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


class PlainLines:
    """The listener for logs and pipes: one line for each note and each epoch, on stderr."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        self._epochs = 0
        self._spent: list[float] = []

    def note(self, text: str) -> None:
        """Write the line; ignore that the reader of stderr is gone, which must not stop a training."""
        with contextlib.suppress(BrokenPipeError):
            self._file.write(f"{escape(text)}\n")
            self._file.flush()

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        """Remember the number of epochs; write a line for a phase whose epochs get none."""
        self._epochs, self._spent = epochs, []
        if name != "epoch":
            self.note(f"{name}: at most {epochs_in_words(epochs)} of {tokens_per_epoch:,} tokens")

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        """Write nothing: a log has lines for epochs only."""

    def epoch(self, record: EpochRecord) -> None:
        """Write the epoch's line."""
        self._spent.append(record.seconds)
        left = (self._epochs - record.epoch) * sum(self._spent) / len(self._spent)
        self.note(epoch_line(record, self._epochs, left))

    def end(self) -> None:
        """Write nothing."""

    def wait(self, name: str, passed: float, seconds: float) -> None:
        """Write nothing: a note has announced the wait."""


class ProgressBars:
    """The listener for terminals: a bar over all epochs on stderr, and above it a line for each finished epoch."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._bars: Progress | None = None
        self._task = TaskID(0)
        self._epochs = self._tokens_per_epoch = self._number = self._tokens = 0

    def note(self, text: str) -> None:
        """Print the line above the bar."""
        self._console.print(Text(escape(text)))

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        """Draw the bar."""
        self.end()
        self._epochs, self._tokens_per_epoch, self._number = epochs, tokens_per_epoch, 0
        self._bars = Progress(
            TextColumn("{task.description} {task.fields[number]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn(
                "loss {task.fields[loss]}  dev score {task.fields[score]}  {task.fields[speed]} tokens/s"
            ),
            TimeRemainingColumn(compact=True),
            TextColumn("left at most"),
            console=self._console,
            transient=True,
        )
        self._task = self._bars.add_task(
            name, total=epochs * tokens_per_epoch, number=1, epochs=epochs, loss="-", score="-", speed="-"
        )
        self._bars.start()

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        """Advance the bar."""
        if self._bars is None:
            return
        if epoch != self._number:
            self._number, self._tokens = epoch, 0
        self._tokens += tokens
        task = self._bars.tasks[0]
        self._bars.update(
            self._task,
            completed=(epoch - 1) * self._tokens_per_epoch + self._tokens,
            number=epoch,
            loss=f"{loss:.4f}",
            speed=f"{task.speed:,.0f}" if task.speed else task.fields["speed"],
        )

    def epoch(self, record: EpochRecord) -> None:
        """Print the epoch's line above the bar."""
        self.note(epoch_line(record, self._epochs, None))
        if self._bars is not None:
            self._bars.update(
                self._task,
                completed=record.epoch * self._tokens_per_epoch,
                score=f"{record.dev_score:.4f}",
                speed=f"{record.tokens_per_second:,.0f}",
            )

    def end(self) -> None:
        """Remove the bar."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def wait(self, name: str, passed: float, seconds: float) -> None:
        """Draw a bar, which stays just short of its end if the work takes longer than expected."""
        if self._bars is None:
            columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
            self._bars = Progress(*columns, console=self._console, transient=True)
            self._task = self._bars.add_task(name, total=1.0)
            self._bars.start()
        self._bars.update(self._task, completed=min(0.99, passed / seconds))


class NotebookLine:
    """The listener for notebooks: one line, which is replaced as the training goes on, and opens to all lines so far.

    Args:
        show: Shows an output by its MIME types in place of the one before; that of IPython, if left out.
    """

    def __init__(self, show: Callable[[dict[str, str]], None] | None = None) -> None:
        self._show = show or _show_in_notebook()
        self._log: list[str] = []
        self._line = self._name = self._result = ""
        self._epochs = self._tokens_per_epoch = self._number = self._tokens = 0
        self._began = self._drawn = 0.0

    def note(self, text: str) -> None:
        """Add the line to the log; show it, unless a phase runs or there are results of an epoch."""
        self._log.append(escape(text))
        if not self._epochs and not self._result:
            self._line = self._log[-1]
        self._draw()

    def begin(self, epochs: int, tokens_per_epoch: int, name: str = "epoch") -> None:
        """Show the name of the phase."""
        self._epochs, self._tokens_per_epoch, self._name = epochs, max(1, tokens_per_epoch), name
        self._number, self._began, self._result = 0, time.monotonic(), ""
        self._line = f"{name} 1/{epochs}"
        self._draw()

    def step(self, epoch: int, tokens: int, loss: float) -> None:
        """Show how far the phase is, a few times a second."""
        if epoch != self._number:
            self._number, self._tokens = epoch, 0
        self._tokens += tokens
        now = time.monotonic()
        if now < self._drawn + _REDRAW_SECONDS or not self._epochs:
            return
        done = (epoch - 1 + min(1.0, self._tokens / self._tokens_per_epoch)) / self._epochs
        left = clock((now - self._began) * (1 - done) / done) if done else "-"
        self._line = (
            f"{self._name} {epoch}/{self._epochs}  {100 * done:.0f} %  loss {loss:.4f}  at most {left} left"
        )
        self._draw()

    def epoch(self, record: EpochRecord) -> None:
        """Show the results of the epoch."""
        self._line = self._result = epoch_line(record, self._epochs, None)
        self._log.append(self._line)
        self._draw()

    def end(self) -> None:
        """Show the results of the last epoch, or the last note, instead of the progress."""
        last = "".join(self._log[-1:])
        self._epochs, self._line = 0, self._result or last
        self._draw()

    def wait(self, name: str, passed: float, seconds: float) -> None:
        """Show the name and the share of the time."""
        if time.monotonic() >= self._drawn + _REDRAW_SECONDS:
            self._line = f"{name}  {100 * min(0.99, passed / seconds):.0f} %"
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        log = "\n".join(self._log)
        page = f"<details><summary>{html.escape(self._line)}</summary><pre>{html.escape(log)}</pre></details>"
        self._show({"text/plain": self._line, "text/html": page})


def _show_in_notebook() -> Callable[[dict[str, str]], None]:
    """Return a function that shows an output of the cell that runs, in place of the one that it showed before."""
    from IPython.display import DisplayHandle

    handle = DisplayHandle()
    show = handle.display

    def show_or_update(output: dict[str, str]) -> None:
        nonlocal show
        show(output, raw=True)
        show = handle.update

    return show_or_update


def is_notebook() -> bool:
    """Return whether the code runs in the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def open_listener(quiet: bool = False) -> Listener:
    """Return the listener for stderr: bars on a terminal, one line in a notebook, lines elsewhere, nothing if `quiet`."""
    if quiet:
        return Silent()
    if is_notebook():
        return NotebookLine()
    return ProgressBars() if sys.stderr.isatty() else PlainLines()
