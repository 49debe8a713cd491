"""Parse the command line and run a command; only that command's module is imported."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence

from exporter.about import version_line
from exporter.cli.flags import FLAGS

_COMMANDS = {
    "serve": "run the exporter (the default command)",
    "check": "validate the configuration; with --online, also call the API once for each account",
    "campaigns": "print the campaigns that the API returns now",
    "simulate": "run a simulated Mimecast API, or write a history of its metrics",
    "demo": "run the exporter with a simulated Mimecast API; needs no configuration",
    "healthcheck": "check that the running exporter is healthy; for containers",
}

#: Errors of writing to a pipe that is closed, or to a file on a full or broken disk.
_OUTPUT_ERRORS = frozenset((errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))


def run(arguments: Sequence[str]) -> int:
    """Run a command; return 0 for success, 1 for failure, 2 for a usage error."""
    options = parse(arguments)
    try:
        command: Callable[[argparse.Namespace], int] = importlib.import_module(f"exporter.cli.{options.command}").run
        status = command(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno not in _OUTPUT_ERRORS:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"mimecast-exporter: cannot write to standard output: {error.strerror}\n")
        return 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; exit with status 2 and a hint if the command line is invalid."""
    first = arguments[0] if arguments else "serve"
    parser = build_parser(first if first in _COMMANDS else "serve")
    if first not in _COMMANDS and not first.startswith("-"):
        hint = _suggestion(first, _COMMANDS) or f"the commands are {', '.join(_COMMANDS)}"
        parser.error(f"unknown command {first!r}: {hint}")
    named = arguments and first in (*_COMMANDS, "-h", "--help", "--version")
    given = arguments if named else ["serve", *arguments]
    options, unknown = parser.parse_known_args(given)
    if unknown:
        options.parser.error(_explained(unknown, options.parser))
    return options


def _explained(unknown: Sequence[str], parser: argparse.ArgumentParser) -> str:
    """Return the error message for unknown arguments."""
    command = next((argument for argument in unknown if argument in _COMMANDS), None)
    if command is not None:
        return f"give one command, before its flags: mimecast-exporter {command} [FLAGS]"
    flag = unknown[0].partition("=")[0]
    hint = _suggestion(flag, re.findall(r"--[a-z][a-z.-]+", parser.format_help()))
    return f"unknown argument {flag!r}: {hint or f'see {parser.prog} --help'}"


def _suggestion(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only errors need it

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def build_parser(command: str = "serve") -> argparse.ArgumentParser:
    """Return the parser, with the flags of one command."""
    parser = argparse.ArgumentParser(
        prog="mimecast-exporter",
        usage="%(prog)s [COMMAND] [FLAGS]",
        description="Prometheus exporter for Mimecast Awareness Training.",
        epilog="Without a command, serve runs. `mimecast-exporter COMMAND --help` lists the flags of a command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=version_line())
    commands = parser.add_subparsers(
        dest="command", required=True, title="commands", metavar="COMMAND", prog=parser.prog
    )
    added = {name: _add_command(commands, name, text) for name, text in _COMMANDS.items()}
    for flag in FLAGS:
        if command in flag.commands:
            added[command].add_argument(flag.name, **flag.options)
    return parser


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    description = f"{text[0].upper()}{text[1:]}."
    parser = commands.add_parser(name, usage="%(prog)s [FLAGS]", help=text, description=description, allow_abbrev=False)
    parser.set_defaults(parser=parser)
    return parser
