"""`grutext serve`: answer requests over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from grutext.cli.options import Command, complete_folder, quiet_option, read_finite, threads_option

_PACKAGES = ("fastapi", "uvicorn", "prometheus-client")


@click.command(
    "serve",
    cls=Command,
    short_help="Answer requests over HTTP, and on a page.",
    epilog="\b\nExample:\n  grutext serve -m reviews\n"
    "  grutext serve -m new=models/2026-11 -m old=models/2026-10 --port 9000",
)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=("model",),
    show_default=True,
    metavar="[NAME=]DIR",
    help="A model that answers; may be repeated, the first is the default. NAME is that of the folder.",
    shell_complete=complete_folder,
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen at."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen at; 0 takes a free one.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="A name by which clients may reach a server that has no token and listens at this machine only, besides "
    "localhost and its address; may be repeated.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="File with the bearer token that clients must send [default: none is asked for].",
)
@click.option(
    "--allow-reload", is_flag=True, help="Let POST /v1/reload load the models again, as SIGHUP does."
)
@click.option(
    "--max-body",
    type=click.IntRange(min=1),
    metavar="BYTES",
    help="Largest body of a request [default: 4194304].",
)
@click.option(
    "--max-texts", type=click.IntRange(min=1), metavar="N", help="Most texts of a request [default: 1000]."
)
@click.option(
    "--max-characters",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most characters of a request, or of a session [default: 1000000].",
)
@click.option(
    "--max-waiting", type=click.IntRange(min=1), metavar="N", help="Most requests that wait [default: 1000]."
)
@click.option(
    "--max-sessions", type=click.IntRange(min=1), metavar="N", help="Most open sessions [default: 1000]."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    callback=read_finite,
    metavar="SECONDS",
    help="Longest time for a request to arrive, and for its answer [default: 30].",
)
@click.option(
    "--log",
    type=click.Choice(("nothing", "requests", "texts")),
    default="nothing",
    show_default=True,
    help="What to write to stderr for each request: a line without its texts, or its texts as well.",
)
@threads_option
@quiet_option
def serve_command(
    models: tuple[str, ...],
    host: str,
    port: int,
    hosts: tuple[str, ...],
    token_file: Path | None,
    allow_reload: bool,
    max_body: int | None,
    max_texts: int | None,
    max_characters: int | None,
    max_waiting: int | None,
    max_sessions: int | None,
    timeout: float | None,
    log: Literal["nothing", "requests", "texts"],
    threads: int | None,
    quiet: bool,
) -> None:
    """Answer requests over HTTP, and show a page where a model can be tried.

    The page is at /, the description of the requests at /docs. SIGTERM ends the server after the requests that it has
    are answered; SIGHUP loads the models again.
    """
    from grutext.requirements import check_installed

    check_installed("grutext serve", *_PACKAGES)
    from grutext.serving import Limits, Models, ServerOptions, Service, name_folders, read_token, serve

    given = {
        "body": max_body,
        "texts": max_texts,
        "characters": max_characters,
        "waiting": max_waiting,
        "sessions": max_sessions,
        "seconds": timeout,
    }
    options = ServerOptions(
        limits=Limits(**{name: value for name, value in given.items() if value is not None}),  # type: ignore[arg-type]
        token=None if token_file is None else read_token(token_file),
        hosts=hosts,
        allow_reload=allow_reload,
        log=log,
    )

    def note(line: str) -> None:
        if not quiet:
            click.echo(f"grutext: {line}", err=True)

    serve(Service(Models(name_folders(models), threads, note), options), host, port, note)
