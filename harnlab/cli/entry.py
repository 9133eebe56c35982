"""The ``harnlab`` command: which subcommands there are, and how an error reaches a person."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from harnlab import __version__
from harnlab.cli.judged import Judged
from harnlab.cli.plain import plain_lines
from harnlab.errors import HarnlabError, MalformedRecord, UnreadablePath, closest

EXIT_USAGE: Final = 2
EXIT_UNREADABLE: Final = 3
_EXIT_INTERRUPTED: Final = 130
_COMPLETES: Final = "_HARNLAB_COMPLETE"

#: Subcommand -> module that defines it as ``command``; loaded only when it is called or listed.
_COMMANDS: Final = {
    "show": "harnlab.cli.show",
    "parity": "harnlab.cli.parity",
    "whatif": "harnlab.cli.whatif",
    "check": "harnlab.cli.check",
    "compare": "harnlab.cli.compare",
    "report": "harnlab.cli.report",
    "convert": "harnlab.cli.convert",
    "tail": "harnlab.cli.tail",
    "schema": "harnlab.cli.schema",
    "lab": "harnlab.cli.lab",
    "new-check": "harnlab.cli.new_check",
    "cache": "harnlab.cli.cache",
    "doctor": "harnlab.cli.doctor",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(_COMMANDS[cmd_name]).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and (meant := closest(args[0], _COMMANDS)):
            ctx.fail(f"No such command {args[0]!r}. Try: {meant}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="harnlab")
@click.option("--debug", is_flag=True, help="Show a traceback when something goes wrong.")
def harnlab(debug: bool) -> None:
    """Find out what an agent run cost, which route it took, and prove it from the log line.

    Exit codes: 0 fine, 1 findings (check, doctor), 2 wrong usage, 3 something cannot be read.

    Completion: eval "$(_HARNLAB_COMPLETE=bash_source harnlab)" (or zsh_source, fish_source)

    Example: harnlab show sample_transcripts/cost-overrun
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    gate = Judged()
    try:
        code = harnlab.main(args=given, prog_name="harnlab", standalone_mode=False, obj=gate)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("harnlab: stopped", err=True)
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        return _end_quietly(gate.code)
    except SystemExit as stop:
        # Not in standalone mode, click exits by itself only after completing words for a shell, and where it met
        # the closed pipe first.
        return 0 if _COMPLETES in os.environ and not stop.code else _end_quietly(gate.code)
    except HarnlabError as error:
        if "--debug" in given:
            raise
        click.echo(plain_lines(f"harnlab: {error}"), err=True)
        return EXIT_UNREADABLE if isinstance(error, UnreadablePath | MalformedRecord) else EXIT_USAGE
    except Exception as error:
        if "--debug" in given:
            raise
        click.echo(
            plain_lines(f"harnlab: this is a bug in harnlab: {type(error).__name__}: {error}"), err=True
        )
        click.echo("Run again with `harnlab --debug …` and report what it prints.", err=True)
        return 70
    return code if isinstance(code, int) else 0


def _end_quietly(code: int) -> int:
    # `| head` has read enough: nothing more to write, and nothing to complain about at exit; a verdict still counts
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code
