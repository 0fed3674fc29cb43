"""Writes docs/cli.md from the command line's own parser; with --check, fails when the page is not current.

Started as `python mcp_server/cli/docs.py`, hence the absolute imports.
"""

from __future__ import annotations

import sys
from argparse import SUPPRESS, Action, ArgumentParser, _ArgumentGroup, _SubParsersAction
from collections.abc import Iterator, Sequence
from pathlib import Path

from memoryops.mcp_server.cli.commands import build_parser
from memoryops.mcp_server.generated import write_or_check

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

HEAD = """\
# The command line

<!-- Written by mcp_server/cli/docs.py from the commands themselves; change those, then run it. -->

{description}

The exit status is 0 when it is done, 1 for an error that the message explains, 2 for wrong usage and 130 after
Ctrl-C. Results go to standard output, messages to standard error. Whoever runs `memoryops` acts as a person: only
that may answer requests and release from quarantine. What `memoryops mcp` and `memoryops serve` let in are agents,
unless they are started with `--human`.
"""


def page() -> str:
    """The text of docs/cli.md."""
    parser = build_parser()
    lines = [HEAD.format(description=parser.description)]
    lines += ["## Options of all commands", ""]
    lines += [_option(action) for action in _actions(parser) if action.option_strings]
    for name, command in _commands(parser):
        inner = list(_commands(command))
        lines += ["", f"## memoryops {name}", "", *_about(command)]
        for each, part in inner:
            lines += ["", f"### memoryops {name} {each}", "", *_about(part)]
    return "\n".join(lines) + "\n"


def _about(parser: ArgumentParser) -> Iterator[str]:
    description = parser.description or ""
    yield description[0].upper() + description[1:].rstrip(".") + "."
    shared = {option for action in _actions(build_parser()) for option in action.option_strings}
    own = [action for action in _actions(parser) if not set(action.option_strings) & shared]
    if own:
        yield ""
        yield from (_option(action) for action in own)
    if parser.epilog:
        yield ""
        yield from (f"    {line.strip()}" for line in parser.epilog.splitlines()[1:])


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    groups: Sequence[_ArgumentGroup] = parser._action_groups
    for group in groups:
        for action in group._group_actions:
            if not isinstance(action, _SubParsersAction) and action.help != SUPPRESS:
                yield action


def _commands(parser: ArgumentParser) -> Iterator[tuple[str, ArgumentParser]]:
    """Each command with its parser; an alias is no command of its own."""
    seen = set()
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, command in action.choices.items():
                if id(command) not in seen:
                    seen.add(id(command))
                    yield name, command


def _option(action: Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else None
    if action.choices is not None and value is None:
        value = "|".join(map(str, action.choices))
    names = ", ".join(action.option_strings) or value or action.dest
    if action.option_strings and action.nargs != 0 and value is not None:
        names = f"{names} {value}"
    needed = " (required)" if action.required and action.option_strings else ""
    return f"- `{names}`: {action.help}{needed}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it."""
    return write_or_check(PAGE, page(), "mcp_server/cli/docs.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
