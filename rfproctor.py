"""The command ``rfproctor``: mounts the four packages' commands, each imported only when used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from sensors.text import Lang

COMMANDS = {
    "demo": "dashboard.commands",
    "devices": "sdr.commands",
    "doctor": "sensors.doctor_command",
    "record": "sdr.commands",
    "sweep": "sensors.sweep",
    "survey": "sensors.commands",
    "baseline": "sensors.baseline_command",
    "analyze": "sensors.analyze",
    "sensor": "sensors.commands",
    "watch": "sensors.watch_command",
    "drill": "sensors.drill_command",
    "ledger": "sensors.ledger_command",
    "monitor": "dashboard.commands",
    "outbox": "sensors.outbox_command",
    "link": "dashboard.link_command",
    "order": "dashboard.order_command",
    "report": "dashboard.report_command",
    "window": "dashboard.window",
    "keys": "dashboard.keys_command",
    "verify": "dashboard.verify_command",
    "bench": "sensors.benches",
}
"""Name -> module that defines a click command of that name; ``help.NAME`` is its line of --help."""


class Commands(click.Group):
    """A group that imports a command's module only when the command is run.

    ``rfproctor --help`` therefore answers at once: scipy and matplotlib take seconds to import.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        if ctx.obj == "zh":
            from sensors.manual import in_chinese

            return in_chinese(command, cmd_name)
        return command

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What all of this is for."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_words(ctx, "help.rfproctor"))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands first, the few options in one line: all of it fits one screen."""
        self.format_commands(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(_words(ctx, "help.more"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        with formatter.section(_words(ctx, "help.commands")):
            formatter.write_dl([(name, _words(ctx, f"help.{name}")) for name in COMMANDS])


def _words(ctx: click.Context, message_id: str) -> str:
    """Text of the help, in the language that was asked for: ``--help`` comes before ``--lang``."""
    from sensors.text import default_lang, say

    return say(message_id, ctx.obj or default_lang())


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language; default from the locale.")
@click.version_option(package_name="rfproctor")
@click.pass_context
def cli(ctx: click.Context, lang: str | None) -> None:
    """Find radio cheating at exams with RTL-SDR dongles (考场无线电作弊监测)."""
    from sensors.text import default_lang, say

    ctx.obj = lang or default_lang()
    ctx.meta["say"] = say  # for the commands of `sdr`, which lies below the catalogues


def main(args: list[str] | None = None) -> None:
    """Run the command line; bad input is one line in the user's language and an exit code."""
    from sdr.source import UserError

    arguments = sys.argv[1:] if args is None else args
    try:
        lang = _lang_of(arguments)
        status = cli.main(args=args, prog_name="rfproctor", standalone_mode=False, obj=lang)
    except UserError as error:
        _refuse(arguments, error.message_id, error.fields)
        raise SystemExit(error.exit_code) from None
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except click.UsageError as error:
        _refuse(arguments, *_wrong_usage(error))
        raise SystemExit(error.exit_code) from None
    except click.Abort:
        raise SystemExit(130) from None
    raise SystemExit(status if isinstance(status, int) else 0)


def _refuse(arguments: list[str], message_id: str, fields: Mapping[str, object]) -> None:
    """Say on stderr what is wrong, in the language that was asked for."""
    from sensors.text import say

    click.echo(f"rfproctor: {say(message_id, _lang_of(arguments), **fields)}", err=True)


def _lang_of(arguments: list[str]) -> Lang:
    """Language that the command line asks for, also where it is wrong."""
    from sensors.text import default_lang

    lang = default_lang()
    for index, argument in enumerate(arguments):
        if argument.startswith("--lang"):
            value = argument.partition("=")[2] or "".join(arguments[index + 1 : index + 2])
            lang = "zh" if value == "zh" else "en"
    return lang


def _wrong_usage(error: click.UsageError) -> tuple[str, dict[str, object]]:
    """Message id and fields of what click found wrong with the command line."""
    command = error.ctx.command_path if error.ctx else "rfproctor"
    fields: dict[str, object] = {"help": f"{command} --help"}
    if isinstance(error, click.MissingParameter) and error.param:
        name = error.param.get_error_hint(error.ctx).strip("'\"")
        return "usage.missing", fields | {"name": name}
    if isinstance(error, click.NoSuchOption):
        return "usage.no_option", fields | {"name": error.option_name}
    if isinstance(error, click.BadParameter) and error.param:
        name = error.param.get_error_hint(error.ctx).strip("'\"")
        return "usage.bad_value", fields | {"name": name, "why": error.message.rstrip(".")}
    return "usage.wrong", fields | {"why": error.format_message().rstrip(".")}


if __name__ == "__main__":
    main()
