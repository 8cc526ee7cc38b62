"""Files in the home's AWS folder that keep the calls of clients on this machine."""

import json

from sandbox import aws_cli_plugin
from sandbox.home import Home
from sandbox.private_files import write_private

# Services whose own rules name a host of Amazon's for some calls although an endpoint is set, or
# put a name before the endpoint's host: service -> API version in botocore.
OVERRIDDEN = {"kinesis": "2013-12-02", "s3control": "2018-08-20", "signin": "2023-01-01"}
# The only rule in place of theirs: the endpoint is what AWS_ENDPOINT_URL says.
# https://smithy.io/2.0/additional-specs/rules-engine/specification.html
RULES = {
    "version": "1.0",
    "parameters": {
        "Region": {"builtIn": "AWS::Region", "required": False, "type": "string"},
        "Endpoint": {"builtIn": "SDK::Endpoint", "required": False, "type": "string"},
    },
    "rules": [
        {
            "conditions": [{"fn": "isSet", "argv": [{"ref": "Endpoint"}]}],
            "endpoint": {"url": {"ref": "Endpoint"}, "properties": {}, "headers": {}},
            "type": "endpoint",
        },
        {
            "conditions": [],
            "error": "The sandbox is not connected: AWS_ENDPOINT_URL is not set. Run connect().",
            "type": "error",
        },
    ],
}


def keep_clients_here(home: Home) -> None:
    """Write what is missing of these files.

    `aws/config` names the plugin for version 1 of the AWS CLI. `aws/models`, to which
    `AWS_DATA_PATH` leads, has endpoint rules that both versions and boto3 prefer to their own.
    """
    _name_plugin(home)
    for service, version in OVERRIDDEN.items():
        file = home.aws / "models" / service / version / "endpoint-rule-set-1.json"
        if not file.exists():
            write_private(file, json.dumps(RULES))


def _name_plugin(home: Home) -> None:
    # `aws configure` and the student may change the file: what they wrote stays.
    file = home.aws / "config"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    line = f"sandbox = {aws_cli_plugin.NAME}\n"
    if line in text:
        return
    head, section, rest = text.partition("[plugins]\n")
    if not section and head and not head.endswith("\n"):
        head += "\n"
    write_private(file, f"{head}[plugins]\n{line}{rest}")
