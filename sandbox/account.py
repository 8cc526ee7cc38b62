"""Looks at the account from inside: describe calls that go straight to moto's app.

They travel over no socket, need no access key, and do not count as a look at a passing state.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from werkzeug.test import EnvironBuilder, run_wsgi_app

from helpers.network import Account, describe_account


class Insider:
    """boto3 clients for the sandbox itself.

    Args:
        app: moto's WSGI application, without the sandbox's front door.
        region: the region to look at.
    """

    def __init__(self, app: Callable, region: str):
        session = boto3.Session(
            aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name=region
        )
        config = Config(retries={"max_attempts": 0}, parameter_validation=False)
        self._app = app
        self.ec2, self.rds, self.iam = (
            session.client(name, endpoint_url="http://inside", config=config)
            for name in ("ec2", "rds", "iam")
        )
        for client in (self.ec2, self.rds, self.iam):
            client.meta.events.register("before-send", self._send)

    def account(self) -> Account:
        """The network of the account, in the shape of boto3's describe calls."""
        return describe_account(self.ec2, self.rds)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        builder = EnvironBuilder(
            path="/",
            method=request.method,
            base_url="http://inside",
            headers=headers,
            data=request.body,
        )
        chunks, status, answered = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        body = _Body(b"".join(chunks))
        return AWSResponse(request.url, int(status.split()[0]), dict(answered.items()), body)


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
