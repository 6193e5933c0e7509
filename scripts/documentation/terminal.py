"""`scripts/picture`: draw the terminal of the README, from commands that are run."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[2] / "docs" / "assets" / "terminal.svg"
COMMANDS = (
    "cat letter.txt",
    "grutext train sample -m helpdesk --quiet",
    "grutext classify letter.txt -m helpdesk --explain",
)
LETTER = "The parcel never came. I was charged twice, please refund one of the payments!\n"
# rich's own page fetches a font from the network; a picture must not.
PAGE = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{ font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace;
      font-size: {char_height}px; line-height: {line_height}px; }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def run_in_terminal(command: str, folder: Path) -> str:
    """Run a command whose stdout is a terminal; return what it printed, with its colours."""
    outside, inside = pty.openpty()
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "110",
    }
    with subprocess.Popen(command, shell=True, cwd=folder, env=environment, stdout=inside) as process:
        os.close(inside)
        printed = b""
        while piece := _read(outside):
            printed += piece
    os.close(outside)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # on Linux, this is how a terminal says that the process has closed it
        return b""


def draw(shown: list[tuple[str, str]]) -> str:
    """Return the picture of a terminal with these commands and what they printed, as SVG."""
    texts = [Text.from_ansi(f"\x1b[1m$ {command}\x1b[0m\n{printed}") for command, printed in shown]
    for text in texts:
        text.rstrip()
        text.append("\n")
    width = max(line.cell_len for text in texts for line in text.split())
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="256")
    for text in texts:
        console.print(text, no_wrap=True, highlight=False)
    return console.export_svg(title="grutext", code_format=PAGE, unique_id="terminal")


def main() -> None:
    """Run the commands in a new folder and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "letter.txt").write_text(LETTER, encoding="utf-8")
        shown = [(command, run_in_terminal(command, Path(folder))) for command in COMMANDS]
    PICTURE.write_text(draw(shown), encoding="utf-8")


if __name__ == "__main__":
    main()
