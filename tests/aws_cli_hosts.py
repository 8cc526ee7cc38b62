"""Runs one operation of every service that an AWS CLI knows, and prints where each request goes.

A program of its own, for the Python of the CLI that it looks at: version 1 and version 2 have
different ones. Requests are stopped where botocore would send them. It prints a JSON object:
service -> [operation, the URL, or what was printed in its place].
"""

import contextlib
import io
import json
import sys

from awscli.clidriver import create_clidriver

try:  # version 2 has a botocore of its own
    from awscli.botocore import xform_name
    from awscli.botocore.awsrequest import AWSResponse
except ImportError:
    from botocore import xform_name
    from botocore.awsrequest import AWSResponse

# What the CLI calls a service, where that is not the service's name in botocore.
COMMANDS = {"s3": "s3api", "config": "configservice", "codedeploy": "deploy"}
VALUES = {"integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": True, "timestamp": "0"}


class Empty(io.BytesIO):
    """The body of an answer without a body."""

    def stream(self, **_):
        """Yield nothing."""
        yield b""


def main() -> None:
    driver = create_clidriver()
    sent = []

    def stop(request, **_):
        sent.append(request.url)
        return AWSResponse(request.url, 400, {}, Empty())

    driver.session.register("before-send", stop)
    seen = {}
    names = sys.argv[1:] or driver.session.get_available_services()
    for service in names:
        model = driver.session.get_service_model(service)
        command = COMMANDS.get(service, service)
        if command not in driver._get_command_table():
            continue  # a model for the CLI's own use
        for operation in operations(driver, command, model):
            members = model.operation_model(operation).input_shape
            arguments = [command, xform_name(operation, "-")]
            if members is not None and members.required_members:
                arguments += ["--cli-input-json", json.dumps(sample(members))]
            del sent[:]
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                driver.main(arguments)
            seen.setdefault(service, []).append(
                [operation, sent[0] if sent else said.getvalue().strip()]
            )
    json.dump(seen, sys.stdout)


def operations(driver, command: str, model) -> list[str]:
    """One operation, the one that needs least, and one for each different prefix of its host."""
    found = driver._get_command_table()[command]
    # Version 2 loads a command late, behind a property; version 1 has a method.
    lazy = hasattr(found, "subcommand_table")
    table = found.subcommand_table if lazy else found._get_command_table()
    chosen: dict[str, tuple[int, str]] = {}
    for name in model.operation_names:
        operation = model.operation_model(name)
        if xform_name(name, "-") not in table or operation.has_event_stream_input:
            continue
        needs = len(operation.input_shape.required_members) if operation.input_shape else 0
        prefix = (operation.endpoint or {}).get("hostPrefix", "")
        for kind in {prefix, "", "discovery" if operation.endpoint_discovery else ""}:
            chosen[kind] = min(chosen.get(kind, (1000, "")), (needs, name))
    return list(dict.fromkeys(name for _, name in chosen.values()))


def sample(shape):
    """A value for a shape, with its required members only."""
    if shape.type_name == "structure":
        return {name: sample(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [sample(shape.member)]
    if shape.type_name == "map":
        return {"a": sample(shape.value)}
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return VALUES.get(shape.type_name, "abc")


if __name__ == "__main__":
    main()
