"""The command ``rfproctor``: mounts the four packages' commands, each imported only when used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping

import click

COMMANDS = {
    "demo": ("dashboard.commands", "Simulated hall: three sensors, the centre and its page."),
    "devices": ("sdr.commands", "List the dongles by serial."),
    "doctor": ("sensors.doctor_command", "Self-test of computer and dongles: GO or NO-GO."),
    "record": ("sdr.commands", "Record IQ samples as SigMF."),
    "sweep": ("sensors.sweep", "Sweep a band; print or save levels as CSV."),
    "survey": ("sensors.commands", "Learn a site's baseline before the exam."),
    "baseline": (
        "sensors.baseline_command",
        "What a survey heard; compare two; take an emitter out.",
    ),
    "analyze": ("sensors.analyze", "Find every emission in recordings."),
    "sensor": ("sensors.commands", "The daemon of an exam site."),
    "watch": ("sensors.watch_command", "A running site in the terminal."),
    "drill": ("sensors.drill_command", "Does this site hear today what it is there for?"),
    "ledger": ("sensors.ledger_command", "What a site watched when, how deep, and every gap."),
    "monitor": ("dashboard.commands", "The central monitor and its page."),
    "outbox": ("sensors.outbox_command", "What a site's outbox holds; begin a new one."),
    "link": ("dashboard.link_command", "How every site is connected: lag, backlog, clock."),
    "order": ("dashboard.order_command", "Ask a site: retask, record, fetch, configure."),
    "window": ("dashboard.window", "Live spectrum on the desktop, from a site or the centre."),
    "keys": ("dashboard.keys_command", "Keys of monitor and sites: enrol, list, revoke, rotate."),
    "bench": ("sensors.benches", "Measure speed and quality; `bench` alone lists the names."),
}
"""Name -> (module that defines a click command of that name, one line for --help)."""


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
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Commands first, the few options in one line: all of it fits a terminal of 24 lines."""
        self.format_commands(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("Before COMMAND: --lang zh|en, --version. After it: --help.")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


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
        status = cli.main(args=args, prog_name="rfproctor", standalone_mode=False)
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
    from sensors.text import default_lang, say

    lang = default_lang()
    for index, argument in enumerate(arguments):
        if argument.startswith("--lang"):
            value = argument.partition("=")[2] or "".join(arguments[index + 1 : index + 2])
            lang = "zh" if value == "zh" else "en"
    click.echo(f"rfproctor: {say(message_id, lang, **fields)}", err=True)


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
