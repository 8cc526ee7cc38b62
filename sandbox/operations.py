"""Which operations AWS has, by botocore's copy of its service models."""

import re
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import botocore.session
from botocore.exceptions import UnknownServiceError

# Where the models of what is signed as one service are called otherwise.
MODELS = {
    "dynamodb": ("dynamodb", "dynamodbstreams"),
    "elasticloadbalancing": ("elbv2", "elb"),
    "monitoring": ("cloudwatch",),
    "tagging": ("resourcegroupstaggingapi",),
}


@lru_cache(maxsize=1024)
def exists(service: str, operation: str) -> bool | None:
    """Whether AWS has an operation; None where the service is not known here.

    Args:
        service: its signing name, such as "rds".
        operation: such as "DescribeDBClusters".
    """
    names = [_operations(model) for model in MODELS.get(service, (service,))]
    if None in names:
        return None
    return any(operation in known for known in names if known is not None)


@lru_cache(maxsize=64)
def is_rest(service: str) -> bool | None:
    """Whether a service's operations are told by path and method; None where it is not known."""
    try:
        model = _session().get_service_model(MODELS.get(service, (service,))[0])
    except UnknownServiceError:
        return None
    return model.metadata["protocol"].startswith("rest")


@lru_cache(maxsize=64)
def _operations(model: str) -> frozenset[str] | None:
    try:
        return frozenset(_session().get_service_model(model).operation_names)
    except UnknownServiceError:
        return None


@lru_cache(maxsize=1)
def _session() -> Any:
    return botocore.session.get_session()


def fault(service: str, operation: str, body: bytes) -> str | None:
    """What is wrong with the parameters of a request of the query protocol; None for nothing.

    It is asked where moto fails: moto takes for granted what AWS's front checks.

    Args:
        service: its signing name.
        operation: one that exists.
        body: the form.
    """
    model = _session().get_service_model(MODELS.get(service, (service,))[0])
    shape = model.operation_model(operation).input_shape
    given = parse_qs(body.decode("latin-1"), keep_blank_values=True)
    unknown_text = any(not text.isprintable() for texts in given.values() for text in texts)
    if unknown_text:
        return "A value has characters that are not printable."
    if shape is None:
        return None
    for name in shape.required_members:
        word = _in_form(shape.members[name], name)
        if not any(key == word or key.startswith(f"{word}.") for key in given):
            return f"The request must contain the parameter {word}"
    for name, member in shape.members.items():
        if lacking := _lacking_in_list(_in_form(member, name), member, given):
            return f"The request must contain the parameter {lacking}"
    for key, (text, *_) in given.items():
        member = shape.members.get(key)
        if member is not None and not _fits(member.type_name, text):
            return f"Value ({text[:128]}) for parameter {key} is invalid."
        if any(part.startswith("-") or len(part) > 128 for part in key.split(".")):
            return f"The parameter {key[:128]} is not recognized"
    return None


def _lacking_in_list(word: str, member: Any, given: dict[str, list[str]]) -> str | None:
    """What a structure in a list must have and has not, such as the values of a filter."""
    if member.type_name != "list" or member.member.type_name != "structure":
        return None
    found = (re.match(rf"{re.escape(word)}\.(?:\w+\.)?[0-9]+(?=\.)", key) for key in given)
    for entry in {match[0] for match in found if match}:
        for name in member.member.required_members:
            if not any(key.startswith(f"{entry}.{name}") for key in given):
                return f"{entry}.{name}"
    return None


def _in_form(member: Any, name: str) -> str:
    return member.serialization.get("name", name)


def _fits(kind: str, text: str) -> bool:
    if kind in ("integer", "long"):
        return re.fullmatch(r"-?[0-9]{1,19}", text) is not None
    if kind == "boolean":
        return text.lower() in ("true", "false")
    return kind == "string" or text == ""
