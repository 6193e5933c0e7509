"""`grutext warmup`: compile the Numba kernels beforehand."""

from __future__ import annotations

import time

import click

from grutext.cli.options import Command, json_option, print_json, quiet_option
from grutext.errors import GrutextError, MissingExtraError


@click.command(
    "warmup",
    cls=Command,
    epilog="\b\nExample:\n  grutext warmup\n  NUMBA_CACHE_DIR=/var/cache/grutext grutext warmup --json",
)
@json_option
@quiet_option
def warmup_command(as_json: bool, quiet: bool) -> None:
    """Compile the Numba kernels for prediction, sessions and training.

    Otherwise the first command that needs them compiles them. Numba caches them beside the package or, where that may
    not be written to, in the user's cache; NUMBA_CACHE_DIR names another folder. They only work on the type of
    processor that they were compiled for. If they are cached already, nothing is done.
    """
    from grutext.console import open_listener
    from grutext.kernels import PREDICTION, SESSIONS, TRAINING, why_unavailable
    from grutext.kernels.precompile import cache_folder, compile_kernels, processor, seconds_to_compile
    from grutext.requirements import is_installed

    if not is_installed("numba"):
        raise MissingExtraError("grutext warmup", "numba", "fast")
    began, listener = time.monotonic(), open_listener(quiet)
    modules = (*PREDICTION, *SESSIONS, *TRAINING)
    expected = seconds_to_compile(*modules)
    if expected:
        listener.note(f"compiling kernels (about {expected:.0f} s, longer on a busy machine)")
        try:
            compile_kernels(
                *modules, report=lambda passed: listener.wait("compiling kernels", passed, expected)
            )
        finally:
            listener.end()
    if reason := why_unavailable(*modules):
        raise GrutextError(f"the kernels cannot be compiled: {reason}")
    seconds = round(time.monotonic() - began, 1) if expected else 0.0
    if as_json:
        print_json(
            {
                "compiled": bool(expected),
                "seconds": seconds,
                "cache": str(cache_folder()),
                "processor": processor(),
            }
        )
        return
    done = f"compiled in {seconds} s" if expected else "already compiled"
    click.echo(f"kernels: {done}, for the processor {processor()}\ncache: {cache_folder()}")
