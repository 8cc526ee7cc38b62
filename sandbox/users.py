"""The account's first users, and the AWS files of the one that the course works as."""

import json
from typing import Any

from moto.moto_api._internal import mock_random

from sandbox.home import Home, write_private

# The course works as `student`; `cloud_user` is the user of the guide's third lab.
USERS = ("student", "cloud_user")


def create_first(iam: Any, home: Home, region: str) -> None:
    """Make the users in a new account, and write `config` and `credentials` for `student`.

    The student's key is drawn from the home's own secret: nobody else can guess it, and it stays
    the same when the sandbox is started again, so that an open notebook goes on.

    Args:
        iam: a boto3 client.
        home: where the files go, readable by the owner only.
        region: the region that `config` names.
    """
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    for user in USERS:
        iam.create_user(UserName=user)
        iam.put_user_policy(
            UserName=user, PolicyName="everything", PolicyDocument=json.dumps(everything)
        )
    mock_random.seed(f"{home.token()}:access key")
    key = iam.create_access_key(UserName="student")["AccessKey"]
    text = (
        "[default]\n"
        f"aws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    write_private(home.aws / "credentials", text)
    # `aws configure` may put another key in the first file, and that key may be deleted.
    write_private(home.aws / "first-credentials", text)
    write_private(home.aws / "config", f"[default]\nregion = {region}\n")
