"""DynamoDB for the sandbox: moto's, true to AWS's limits and errors, and fast at any size."""

from moto.dynamodb import urls
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodbstreams import urls as streams_urls

from sandbox.dynamodb.backend import SandboxDynamoDB
from sandbox.dynamodb.handler import SandboxDynamoHandler
from sandbox.dynamodb.table import SandboxTable
from sandbox.journal import Journal
from sandbox.pace import Pace

__all__ = ["install"]


def install(pace: Pace, journal: Journal | None = None) -> None:
    """Put this in place of moto's own DynamoDB and Streams; without a journal nothing is kept."""
    SandboxTable.journal = journal or Journal(None)
    SandboxDynamoDB.pace = SandboxTable.pace = pace
    dynamodb_backends.backend = SandboxDynamoDB
    urls.url_paths["{0}/"] = SandboxDynamoHandler.dispatch
    streams_urls.url_paths["{0}/$"] = SandboxDynamoHandler.dispatch
