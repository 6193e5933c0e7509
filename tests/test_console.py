"""What the terminal shows, to the letter."""

import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

pytest.importorskip("sklearn")

from grutext.console import (
    NotebookLine,
    PlainLines,
    ProgressBars,
    clock,
    epoch_line,
    open_console,
    open_listener,
    render_facts,
    render_report,
    summary,
)
from grutext.evaluation import evaluate
from grutext.progress import EpochRecord, Silent

EPOCH = EpochRecord(
    epoch=2, loss=0.51234, dev_loss=0.4, dev_score=0.875, tokens_per_second=12345.6, seconds=3.04, best=True
)


def drawn(draw, *arguments) -> list[str]:
    """Return the lines that `draw` prints where there is no terminal, without blanks at their ends."""
    file = io.StringIO()
    draw(*arguments, open_console(file))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def report_of(count: int) -> dict:
    """A report of a model with `count` labels; each text of label i > 0 is taken for label i - 1."""
    labels = [f"l{index:02}" for index in range(count)]
    rows = [[1.0 if column == max(0, row - 1) else 0.0 for column in range(count)] for row in range(count)]
    return evaluate([(label,) for label in labels], rows, labels).to_dict()


def test_a_report_has_a_summary_a_table_of_labels_and_one_of_confusions() -> None:
    truth = [("ham",), ("ham",), ("spam",), ("eggs",)]
    report = evaluate(truth, [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.5, 0.5]], ("ham", "spam")).to_dict()
    assert drawn(render_report, report) == [
        "accuracy 0.5000  macro-F1 0.3889  weighted-F1 0.4167  log loss 4.2968  ECE 0.3500  (4 texts)",
        "",
        "label            precision   recall       F1   texts",
        "────────────────────────────────────────────────────",
        "ham                 0.5000   0.5000   0.5000       2",
        "spam                0.5000   1.0000   0.6667       1",
        "eggs (unknown)      0.0000   0.0000   0.0000       1",
        "",
        "true \\ predicted   ham   spam   eggs (unknown)",
        "──────────────────────────────────────────────",
        "ham                  1      1                .",
        "spam                 .      1                .",
        "eggs (unknown)       1      .                .",
    ]


def test_a_label_without_texts_has_dashes_at_the_end() -> None:
    report = evaluate(
        [("ham",), ("eggs",)], [[0, 0.9, 0.1], [0.1, 0, 0.9]], ("spam", "ham", "eggs")
    ).to_dict()
    assert drawn(render_report, report)[2:7] == [
        "label   precision   recall       F1   texts",
        "───────────────────────────────────────────",
        "ham        1.0000   1.0000   1.0000       1",
        "eggs       1.0000   1.0000   1.0000       1",
        "spam            —        —        —       0",
    ]
    assert report["per_label"]["spam"]["f1"] == 0.0


def test_many_labels_are_followed_by_all_confusions_the_most_frequent_first() -> None:
    assert "true \\ predicted" in "\n".join(drawn(render_report, report_of(12)))
    lines = drawn(render_report, report_of(13))
    start = lines.index("true   predicted   texts")
    assert lines[start + 2] == "l01    l00             1"
    assert len(lines[start + 2 :]) == 12
    report = report_of(13)
    report["confusion"][7][3] = 5
    assert drawn(render_report, report)[start + 2] == "l07    l03             5"


def test_several_labels_have_their_own_line_and_no_confusions() -> None:
    report = evaluate([("a", "b"), ()], [[0.8, 0.2], [0.7, 0.3]], ("a", "b"), multilabel=True).to_dict()
    assert summary(report) == (
        "micro-F1 0.5000  macro-F1 0.3333  weighted-F1 0.3333  all labels right 0.0000  log loss 0.8483"
        "  ECE 0.5000  (2 texts)"
    )
    assert "true \\ predicted" not in drawn(render_report, report)


def test_labels_cannot_control_the_terminal() -> None:
    report = evaluate([("[bold]",)], [[0.9, 0.1]], ("[bold]", "\x1b[31mred")).to_dict()
    lines = drawn(render_report, report)
    assert any(line.startswith("[bold] ") for line in lines)
    assert any(line.startswith("\\x1b[31mred") for line in lines)
    assert drawn(render_facts, {"label": "a\nb"}) == ["label  a\\nb"]


def test_colour_is_for_terminals_unless_disabled(monkeypatch) -> None:
    def coloured() -> bool:
        file = io.StringIO()
        file.isatty = lambda: True  # type: ignore[method-assign]
        render_report(report_of(2), open_console(file))
        return "\x1b[3" in file.getvalue() or "\x1b[1;3" in file.getvalue()

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()
    assert "\x1b" not in "\n".join(drawn(render_report, report_of(2)))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (125, "2:05 min"), (3723, "1:02:03 h")],
)
def test_formats_a_duration(seconds, text) -> None:
    assert clock(seconds) == text


def test_an_epoch_is_one_line() -> None:
    assert epoch_line(EPOCH, 9, None) == (
        "epoch 2/9  loss 0.5123  dev loss 0.4000  dev score 0.8750  12,346 tokens/s  3.0 s  kept so far"
    )


def test_a_log_has_one_line_per_note_and_epoch_with_the_time_left() -> None:
    file = io.StringIO()
    listener = PlainLines(file)
    listener.note("the text column is called\x1b[1m \x07")
    listener.begin(epochs=4, tokens_per_epoch=1000)
    listener.step(2, 500, 0.6)
    listener.epoch(EPOCH)
    listener.end()
    assert file.getvalue().splitlines() == [
        "the text column is called\\x1b[1m \\x07",
        (
            "epoch 2/4  loss 0.5123  dev loss 0.4000  dev score 0.8750  12,346 tokens/s  3.0 s"
            "  at most 6 s left  kept so far"
        ),
    ]


def bars(width: int = 110) -> tuple[ProgressBars, io.StringIO]:
    file = io.StringIO()
    return ProgressBars(Console(file=file, force_terminal=True, width=width, highlight=False)), file


def test_a_terminal_shows_a_bar_with_epoch_loss_score_and_speed() -> None:
    listener, file = bars()
    listener.begin(epochs=4, tokens_per_epoch=1000)
    listener.step(1, 300, 0.9)
    listener.step(1, 700, 0.8)
    listener.epoch(EPOCH)
    listener.step(3, 250, 0.7)
    assert listener._bars is not None
    listener._bars.refresh()
    task = listener._bars.tasks[0]
    assert (task.completed, task.total) == (2250, 4000)
    listener.end()
    shown = file.getvalue()
    for part in (
        "epoch 3/4",
        "loss 0.7000",
        "dev score 0.8750",
        "tokens/s",
        "epoch 2/4  loss 0.5123  dev loss 0.4000",
    ):
        assert part in shown, part


def test_bars_may_be_started_and_ended_in_any_order() -> None:
    listener, file = bars()
    listener.step(1, 5, 0.5)
    listener.epoch(EPOCH)
    listener.begin(2, 10, "pretraining")
    listener.step(2, 5, 1.5)
    listener.begin(3, 10)
    listener.end()
    listener.end()
    assert "pretraining 2/2" in file.getvalue()
    assert "epoch 1/3" in file.getvalue()


def test_the_listener_depends_on_the_terminal(monkeypatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(open_listener(), PlainLines)
    assert isinstance(open_listener(quiet=True), Silent)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert isinstance(open_listener(), ProgressBars)


def test_a_notebook_has_one_line_that_opens_to_all_lines(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("grutext.console.time.monotonic", lambda: now[0])
    shown: list[dict[str, str]] = []
    listener = NotebookLine(shown.append)

    def line() -> str:
        return shown[-1]["text/plain"]

    listener.note("labels: <b> & c")
    assert line() == "labels: <b> & c"
    listener.begin(2, 100, "pretraining")
    assert line() == "pretraining 1/2"
    now[0] += 10
    listener.step(1, 50, 5.5)
    assert line() == "pretraining 1/2  25 %  loss 5.5000  at most 30 s left"
    listener.step(1, 25, 5.25)
    assert line().endswith("loss 5.5000  at most 30 s left")  # so soon nothing is drawn again
    listener.end()
    assert line() == "labels: <b> & c"
    listener.begin(9, 1000)
    listener.epoch(EPOCH)
    listener.end()
    listener.note("linear part: fitted again")
    assert line() == epoch_line(EPOCH, 9, None)
    log = f"labels: &lt;b&gt; &amp; c\n{line()}\nlinear part: fitted again"
    assert shown[-1]["text/html"] == f"<details><summary>{line()}</summary><pre>{log}</pre></details>"


def test_a_notebook_shows_the_line_in_place_of_the_one_before(monkeypatch) -> None:
    calls = []

    class DisplayHandle:
        def display(self, output, raw):
            calls.append(("display", output["text/plain"], raw))

        def update(self, output, raw):
            calls.append(("update", output["text/plain"], raw))

    shell = SimpleNamespace(kernel=None)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(DisplayHandle=DisplayHandle))
    assert not isinstance(open_listener(), NotebookLine)  # IPython in a terminal
    shell.kernel = object()
    assert isinstance(open_listener(quiet=True), Silent)
    listener = open_listener()
    for text in ("one", "two", "three"):
        listener.note(text)
    assert calls == [("display", "one", True), ("update", "two", True), ("update", "three", True)]


class Left(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text):
        raise BrokenPipeError

    flush = write


def test_a_closed_stderr_does_not_stop_the_command():
    listener = PlainLines(Left())
    listener.note("epoch 1")
    listener.begin(3, 100, "pretraining")


def test_a_closed_stdout_is_an_error_that_the_command_line_handles():
    with pytest.raises(BrokenPipeError):
        render_facts({"labels": "3"}, open_console(Left()))
