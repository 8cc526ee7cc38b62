"""Which services there are at all, and what a REST request would have them do."""

import re
from functools import lru_cache
from urllib.parse import parse_qs

import botocore.session
from botocore.exceptions import UnknownRegionError, UnknownServiceError
from botocore.model import ServiceModel
from moto import backend_index, backends
from moto.moto_server.werkzeug_app import SIGNING_ALIASES

# The region does not matter: it only has to be one.
HOSTS = ("https://{}.us-east-1.amazonaws.com", "https://{}.amazonaws.com")

# Under which name the requests of an API are signed, for those that name their API.
SIGNING_NAMES = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "AWSEvents": "events",
    "AWSGlue": "glue",
    "AWSStepFunctions": "states",
    "AmazonAthena": "athena",
    "DynamoDBStreams_20120810": "dynamodb",
    "DynamoDB_20120810": "dynamodb",
    "Firehose_20150804": "firehose",
    "GraniteServiceVersion20100801": "monitoring",
    "Kinesis_20131202": "kinesis",
    "Logs_20140328": "logs",
    "ResourceGroupsTaggingAPI_20170126": "tagging",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}


def signing_name_of(target: str) -> str | None:
    """The service for which a request must be signed that names this API; None for any."""
    return SIGNING_NAMES.get(target)


@lru_cache(maxsize=256)
def is_region(name: str) -> bool:
    """Whether AWS has a region of this name, or names one so."""
    try:
        botocore.session.get_session().get_partition_for_region(name)
    except UnknownRegionError:
        return name == "aws-global"
    return True


@lru_cache
def is_known(service: str) -> bool:
    """Whether moto has a service of this signing name, in whole or in part."""
    name = SIGNING_ALIASES.get(service, service).lower()
    if name in backends.list_of_moto_modules():
        return True
    addresses = [host.format(name) for host in HOSTS]
    return any(
        pattern.match(address)
        for _, pattern in backend_index.backend_url_patterns
        for address in addresses
    )


def rest_operation(service: str, method: str, path: str, query: str) -> str:
    """The operation of a REST service that a request asks for; "" where none is found.

    Of several that fit, the one that demands most of the path and the query.
    """
    model = _model(service)
    if model is None:
        return ""
    asked = set(parse_qs(query, keep_blank_values=True))
    best, most = "", -1
    for name in model.operation_names:
        http = model.operation_model(name).http
        template, _, wanted = http.get("requestUri", "").partition("?")
        demands = {each for each in re.split("[&=]", wanted) if each}
        if http.get("method") != method or not _pattern(template).fullmatch(path):
            continue
        weight = len(re.sub(r"\{[^}]*\}", "", template)) + 100 * len(demands)
        if demands <= asked and weight > most:
            best, most = name, weight
    return best


@lru_cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]*\})", template.rstrip("/") or "/")
    fits = [
        (".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in parts
    ]
    return re.compile("".join(fits) + "/?")


@lru_cache
def _model(service: str) -> ServiceModel | None:
    try:
        return botocore.session.get_session().get_service_model(service)
    except UnknownServiceError:
        return None
