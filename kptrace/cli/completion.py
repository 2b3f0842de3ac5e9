# SPDX-License-Identifier: MIT
"""``kptrace completion``: what a shell needs to complete kptrace's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_VARIABLE = "_KPTRACE_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(context: click.Context, /, shell: str) -> None:
    """Print a script that teaches a shell to complete commands, options and library probes.

    \b
    Examples:
      eval "$(kptrace completion bash)"
      kptrace completion bash > /etc/bash_completion.d/kptrace
      kptrace completion fish > ~/.config/fish/completions/kptrace.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "kptrace", _VARIABLE).source())


def files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Files, such as captures."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def specifications(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Library probes by name, and files."""
    from click.shell_completion import CompletionItem

    from kptrace.cli import library

    names = (one for one in library.probes() if one.name.startswith(incomplete))
    found = [CompletionItem(one.name, help=one.title) for one in names]
    return [*found, CompletionItem(incomplete, type="file")]
