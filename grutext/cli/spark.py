"""The options of commands that can run on a Spark cluster."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Spark cluster, as the command line names it.

    Attributes:
        master: The URL of its manager; None is the one that Spark is configured for.
        remote: The URL of its Spark Connect server, instead of a master.
    """

    master: str | None
    remote: str | None


_OPTIONS = (
    click.option(
        "--on", type=click.Choice(["spark"]), help="Run on a Spark cluster [default: this machine]."
    ),
    click.option(
        "--master",
        metavar="URL",
        help="The cluster: spark://HOST:PORT, yarn, k8s://URL, local[N] [default: as Spark is configured].",
    ),
    click.option("--remote", metavar="URL", help="A Spark Connect server: sc://HOST:PORT."),
)


def cluster_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a cluster; the command gets a `Cluster` as `cluster`, or None to run on this machine."""

    @functools.wraps(function)
    def collected(on: str | None, master: str | None, remote: str | None, **values: Any) -> Any:
        if master is not None and remote is not None:
            raise click.UsageError("Give --master or --remote, not both.")
        if on is None and (master is not None or remote is not None):
            raise click.UsageError(f"--{'remote' if master is None else 'master'} needs --on spark.")
        return function(cluster=None if on is None else Cluster(master, remote), **values)

    for option in reversed(_OPTIONS):
        option(collected)
    return collected


def check_options(supported: set[str]) -> None:
    """Raise a UsageError if the command line has an option that a command does not have on a cluster.

    Args:
        supported: The names of the parameters that it has.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name not in supported:
            raise click.UsageError(f"{max(parameter.opts, key=len)} does not work with --on spark.")
