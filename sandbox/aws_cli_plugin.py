"""A plugin for version 1 of the AWS CLI: keeps its calls on this machine.

Version 1 replaces the endpoint of some services, RDS among them, by an older name of Amazon's
(awscli/customizations/overridesslcommonname.py), and that name wins over `AWS_ENDPOINT_URL`. The
sandbox's AWS config file names this plugin, which takes the replacement out. Version 2 has no such
replacement and does not load the plugin.
"""

from typing import Any

NAME = "sandbox.aws_cli_plugin"


def awscli_initialize(cli: Any) -> None:
    """Register with the AWS CLI; it calls this function of each plugin.

    Args:
        cli: the event emitter of the AWS CLI.
    """
    # The CLI's own handlers are registered after those of a plugin: so wait for the next event.
    cli.register("building-command-table.main", keep_endpoints)


def keep_endpoints(session: Any, **_: Any) -> None:
    """Take out the handler that replaces endpoints."""
    from awscli.customizations.overridesslcommonname import update_endpoint_url

    session.unregister("before-building-argument-table-parser", update_endpoint_url)
