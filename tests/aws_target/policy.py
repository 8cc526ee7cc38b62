"""Writes docs/calls.md and docs/iam-policy.json from recorded calls.

python -m tests.aws_target.record_calls calls.json && python -m tests.aws_target.policy calls.json
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

TABLE = PROJECT / "docs" / "calls.md"
POLICY = PROJECT / "docs" / "iam-policy.json"
REGION = "us-east-1"
Calls = dict[str, list[dict[str, Any]]]

# What helpers ask on AWS only: connect(), the prices, stop_everything(), and the way back from it.
HELPERS = {
    "pricing:GetProducts",
    *("sts:GetCallerIdentity", "iam:ListAccountAliases", "rds:StopDBCluster", "rds:StartDBCluster"),
    *("ec2:StopInstances", "ec2:StartInstances"),
}
# Page 3.19 deletes the user that page 3.4 has made, but not the one that the sandbox begins with;
# page 00 offers a budget, which page 99 deletes.
ON_AWS_ONLY = {"iam:DeleteUser", "budgets:CreateBudget", "budgets:DeleteBudget"}
# No call of a service, but allowed like one: the login of page 1.7.
LOGIN = {"rds-db:connect"}
# Whoever is somebody may ask who: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = {"sts:GetCallerIdentity"}
# Operations whose permission has another name, or that need several:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_PARTIQL = tuple(f"dynamodb:PartiQL{verb}" for verb in ("Select", "Insert", "Update", "Delete"))
_COPIED_WITH = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
_COPIES = tuple(f"dynamodb:{name}" for name in _COPIED_WITH)
OTHERWISE = {
    "dynamodb:ExecuteStatement": _PARTIQL,
    "dynamodb:BatchExecuteStatement": _PARTIQL,
    "dynamodb:ExecuteTransaction": _PARTIQL,
    "dynamodb:TransactGetItems": ("dynamodb:GetItem",),
    "dynamodb:TransactWriteItems": (
        *("dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"),
        *("dynamodb:PutItem", "dynamodb:UpdateItem"),
    ),
    "dynamodb:RestoreTableFromBackup": ("dynamodb:RestoreTableFromBackup", *_COPIES),
    "dynamodb:RestoreTableToPointInTime": ("dynamodb:RestoreTableToPointInTime", *_COPIES),
    "dynamodb:CreateTable": ("dynamodb:CreateTable", "dynamodb:TagResource"),
    "rds:CreateDBCluster": (
        *("rds:CreateDBCluster", "rds:AddTagsToResource", "iam:CreateServiceLinkedRole"),
    ),
    "iam:CreateUser": ("iam:CreateUser", "iam:TagUser"),
    # RDS makes, rotates and deletes the secret on the caller's behalf:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-secrets-manager.html
    "rds:ModifyDBCluster": (
        *("rds:ModifyDBCluster", "kms:DescribeKey", "secretsmanager:CreateSecret"),
        *("secretsmanager:RotateSecret", "secretsmanager:TagResource"),
    ),
    "rds:CreateDBClusterParameterGroup": (
        *("rds:CreateDBClusterParameterGroup", "rds:AddTagsToResource"),
    ),
    "budgets:CreateBudget": ("budgets:ModifyBudget",),
    "budgets:DeleteBudget": ("budgets:ModifyBudget",),
    "budgets:DescribeBudgets": ("budgets:ViewBudget",),
    "tagging:GetResources": ("tag:GetResources",),
}
# They make a thing that is tagged as it is made.
EC2_MAKES = ("ec2:Create", "ec2:RunInstances")
NOT_A_THING = ("ec2:CreateRoute",)  # a route is part of its table
SECRETS = ("rds!cluster-", "aws-databases")  # RDS's, and any of the student's own
TABLES = ("TableName", "TargetTableName")  # the parameters that name one
# They have no resource to be named: they list, or they look at AWS's own things.
LOOKS = re.compile(r"(ec2|rds):(Describe|List|Get)|iam:(ListUsers|ListAccountAliases|GetAccount)")
LOOKS_TOO = (
    *("dynamodb:ListTables", "dynamodb:ListBackups", "ssm:GetParameter", "kms:DescribeKey"),
    *("pricing:GetProducts", "secretsmanager:ListSecrets", "tag:GetResources"),
)


def names(calls: Calls) -> dict[str, list[str]]:
    """The calls of each page, once each: page -> "service:Operation", in order."""
    return {
        page: sorted({f"{each['service']}:{each['operation']}" for each in made})
        for page, made in calls.items()
    }


def actions(called: set[str]) -> set[str]:
    """The IAM actions that calls need."""
    needed = {action for call in called for action in OTHERWISE.get(call, (call,))}
    if any(_makes(call) for call in called):
        needed.add("ec2:CreateTags")
    return needed - FREE


def document(calls: Calls) -> dict[str, Any]:
    """The policy that allows these calls, and as little else as can be said."""
    called = {name for each in names(calls).values() for name in each} | HELPERS | ON_AWS_ONLY
    left = actions(called | LOGIN)
    statements = []

    def allow(sid: str, these: set[str], resources: list[str], **condition: Any) -> None:
        nonlocal left
        left -= these
        if not these:
            return
        here = {} if sid.startswith("Iam") else {"aws:RequestedRegion": REGION}
        equals = {**here, **condition}
        statements.append(
            {"Sid": sid, "Effect": "Allow", "Action": sorted(these), "Resource": resources}
            | ({"Condition": {"StringEquals": equals}} if equals else {})
        )

    looks = {a for a in left if LOOKS.match(a) or a in LOOKS_TOO}
    allow("Look", {a for a in looks if not a.startswith("iam:")}, ["*"])
    allow("IamLook", {a for a in looks if a.startswith("iam:")}, ["*"])
    makes = sorted(action for action in left if _makes(action))
    allow("Ec2Make", set(makes), ["*"])
    created = {"ec2:CreateAction": [action.removeprefix("ec2:") for action in makes]}
    allow("Ec2TagWhatIsMade", left & {"ec2:CreateTags"}, ["arn:aws:ec2:*:*:*/*"], **created)
    tag = {"aws:ResourceTag/course": "aws-databases"}
    allow("Ec2ChangeWhatIsOurs", _of("ec2", left), ["*"], **tag)
    kinds = ("cluster:bookstore*", "db:bookstore*", "subgrp:bookstore*", "cluster-pg:bookstore*")
    kinds += ("cluster-pg:default.*", "pg:bookstore*", "pg:default.*", "og:default:*")
    kinds += ("cluster-snapshot:bookstore*", "cluster-snapshot:aws-databases*")
    allow("RdsBookstore", _of("rds", left), [f"arn:aws:rds:{REGION}:*:{kind}" for kind in kinds])
    allow("DynamoDBTables", _of("dynamodb", left), _table_arns(calls))
    secrets = [f"arn:aws:secretsmanager:{REGION}:*:secret:{n}*" for n in SECRETS]
    allow("SecretsOfTheCourse", _of("secretsmanager", left), secrets)
    allow("LoginWithAToken", left & LOGIN, [f"arn:aws:rds-db:{REGION}:*:dbuser:*/jane"])
    allow("Budget", _of("budgets", left), ["arn:aws:budgets::*:budget/*"])
    role = {"iam:AWSServiceName": "rds.amazonaws.com"}
    rds_role = "arn:aws:iam::*:role/aws-service-role/rds.amazonaws.com/*"
    allow("IamRoleOfRds", left & {"iam:CreateServiceLinkedRole"}, [rds_role], **role)
    allow("IamCloudUser", _of("iam", left), ["arn:aws:iam::*:user/cloud_user"])
    assert not left, f"the policy has no place for {left}: give it one here"
    small = ("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", "ec2:InstanceType", "InstanceType")
    statements.append(_only("Ec2SmallOnly", *small[:3], _given(calls, small[3])))
    small = ("rds:CreateDBInstance", "*", "rds:DatabaseClass", "DBInstanceClass")
    statements.append(_only("RdsSmallOnly", *small[:3], _given(calls, small[3])))
    return {"Version": "2012-10-17", "Statement": statements}


def in_markdown(calls: Calls) -> str:
    """docs/calls.md: a row for each page."""
    rows = [f"| {page} | {_by_service(made)} |" for page, made in names(calls).items()]
    rows.append(f"| 3.19, 00 and 99, on AWS only | {_by_service(sorted(ON_AWS_ONLY))} |")
    rows.append(f"| `connect()`, `stop_everything()` on AWS | {_by_service(sorted(HELPERS))} |")
    return "\n".join(
        [
            "# What each page asks of AWS",
            "",
            "Every call that a page's own cells make, the check and the solutions included, as "
            "recorded at the sandbox's door. What `catch_up()` repeats stands with the page that "
            "it comes from. `tests/aws_target/test_calls.py` records it anew, and holds it, and "
            "[the IAM policy](iam-policy.json) that is made from it, to what it finds.",
            "",
            f"Region: {REGION}. Instance classes: {', '.join(_given(calls, 'InstanceType'))} "
            f"(bastion), {', '.join(_given(calls, 'DBInstanceClass'))} (database). Engine: "
            f"{', '.join(_given(calls, 'Engine'))}, in the version that AWS takes by default.",
            "",
            "| page | calls |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def write(calls: Calls) -> None:
    """Write both files."""
    TABLE.write_text(in_markdown(calls), encoding="utf-8")
    POLICY.write_text(json.dumps(document(calls), indent=2) + "\n", encoding="utf-8")


def _makes(action: str) -> bool:
    return action.startswith(EC2_MAKES) and action not in (*NOT_A_THING, "ec2:CreateTags")


def _of(service: str, left: set[str]) -> set[str]:
    return {action for action in left if action.startswith(f"{service}:")}


def _only(sid: str, action: str, resource: str, key: str, values: list[str]) -> dict[str, Any]:
    condition = {"StringNotEquals": {key: values}}
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Action": action,
        "Resource": resource,
        "Condition": condition,
    }


def _given(calls: Calls, name: str) -> list[str]:
    found = {v for made in calls.values() for each in made for v in each["given"].get(name, [])}
    return sorted(found)


def _table_arns(calls: Calls) -> list[str]:
    # Only what was there: a page also asks for a table that there is not.
    there = [each["given"] for page in calls.values() for each in page if not each["error"]]
    named = [v for given in there for key in TABLES for v in given.get(key, [])]
    tables = {name.rpartition("/")[2] for name in named}
    roots = [t for t in sorted(tables) if not any(o != t and t.startswith(o) for o in tables)]
    # With a "*": MusicIndexed beside Music, and the indexes, streams and backups of each.
    return [f"arn:aws:dynamodb:{REGION}:*:table/{name}*" for name in roots]


def _by_service(made: list[str]) -> str:
    services: dict[str, list[str]] = {}
    for each in made:
        service, _, operation = each.partition(":")
        services.setdefault(service, []).append(operation)
    return "<br>".join(f"**{service}**: {', '.join(all_)}" for service, all_ in services.items())


def main() -> None:
    """Write both from the file of calls that the command line names."""
    write(json.loads(Path(sys.argv[1]).read_text()))


if __name__ == "__main__":
    main()
