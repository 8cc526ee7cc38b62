"""The commands: catch-up, check, progress, clean-up. `python -m helpers`."""

import sys

import click
from botocore.exceptions import BotoCoreError, ClientError

from helpers.checks import check as check_page
from helpers.cleanup import clean_up as delete_all
from helpers.cleanup import everything
from helpers.course import course_progress
from helpers.errors import CourseError
from helpers.explain import in_plain_words
from helpers.pages import catch_up as catch_up_to
from helpers.session import connect


class Command(click.Group):
    """Connects first, and shows what went wrong as a sentence or two, not as a traceback."""

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(context)
        except (CourseError, ClientError, BotoCoreError) as error:
            raise click.ClickException(in_plain_words(error)) from error


@click.group(cls=Command)
def main() -> None:
    """The course from a terminal, in the account that the pages use (LAB_TARGET)."""


@main.command("catch-up")
@click.argument("page")
def catch_up(page: str) -> None:
    """Bring the account to where PAGE begins, such as 3.9."""
    _connect()
    catch_up_to(page, tell=click.echo)


@main.command()
@click.argument("page")
def check(page: str) -> None:
    """Say what of PAGE is done; the exit code is 1 if something is not."""
    _connect()
    result = check_page(page)
    click.echo(repr(result))
    sys.exit(0 if result.passed else 1)


@main.command()
def progress() -> None:
    """Show the whole course: what you have passed, and what is there now."""
    _connect()
    click.echo(repr(course_progress()))


@main.command("clean-up")
@click.option("--yes", is_flag=True, help="Do not ask.")
def clean_up(yes: bool) -> None:
    """Delete everything of the course, and look again; the exit code is 1 if something is left."""
    _connect()
    there = everything()
    click.echo(repr(there))
    if not there.empty and not yes:
        click.confirm("Delete all of this, for ever?", abort=True)
    delete_all()


def _connect() -> None:
    click.echo(f"{connect()!r}\n")


if __name__ == "__main__":
    main(prog_name="python -m helpers")
