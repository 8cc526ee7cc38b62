"""The DynamoDB console of AWS, in a notebook: every action also as boto3 code and as CLI line."""

from __future__ import annotations

import boto3

from helpers.console.shell import Shell
from helpers.console.tables import Tables

__all__ = ["console", "dynamodb_console"]


def console() -> Shell:
    """Open the console on the tables of this account and region; a cell shows it.

    Returns:
        A widget. Whatever goes wrong in it is told in it.

    The screens and their words are those of
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ConsoleDynamoDB.html.
    """
    shell = Shell(boto3.client("dynamodb"))
    shell.show(Tables(shell))
    return shell


dynamodb_console = console
