"""The account's first users, and the AWS files of the one that the course works as."""

import json
from typing import Any

from moto.moto_api._internal import mock_random

from sandbox.home import Home, write_private

# The course works as `student`; `cloud_user` is the user of the guide's third lab.
USERS = ("student", "cloud_user")
WORKS_AS = USERS[0]


def create_first(iam: Any) -> None:
    """Make the users in a new account.

    Args:
        iam: a boto3 client.
    """
    for user in USERS:
        _create(iam, user)


def make_sure_of_a_key(iam: Any, home: Home, region: str) -> None:
    """See that `student` has an access key, and that `config` and `credentials` lead to it.

    The key is drawn from the home's own secret: nobody else can guess it, and it is the same again
    where it was deleted, so that an open notebook goes on.

    Args:
        iam: a boto3 client.
        home: where the files go, readable by the owner only.
        region: the region that `config` names.
    """
    names = [user["UserName"] for user in iam.list_users()["Users"]]
    if WORKS_AS not in names:
        _create(iam, WORKS_AS)
    first = home.aws / "first-credentials"
    kept = first.read_text() if first.exists() else ""
    for key in iam.list_access_keys(UserName=WORKS_AS)["AccessKeyMetadata"]:
        if key["AccessKeyId"] in kept and (home.aws / "credentials").exists():
            iam.update_access_key(
                UserName=WORKS_AS, AccessKeyId=key["AccessKeyId"], Status="Active"
            )
            return
    mock_random.seed(f"{home.token()}:access key")
    key = iam.create_access_key(UserName=WORKS_AS)["AccessKey"]
    text = (
        "[default]\n"
        f"aws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    write_private(home.aws / "credentials", text)
    # `aws configure` may put another key in the first file, and that key may be deleted.
    write_private(home.aws / "first-credentials", text)
    write_private(home.aws / "config", f"[default]\nregion = {region}\n")


def _create(iam: Any, user: str) -> None:
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user, PolicyName="everything", PolicyDocument=json.dumps(everything)
    )
