"""Marks everything that the course creates with the student's name, beside the course's tag."""

import os
import re
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

from helpers.existing import COURSE

KEY = "student"
SANDBOX_STUDENT = "student"
# What all services take in the value of a tag:
# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
NOT_IN_A_TAG = re.compile(r"[^\w .:/=+@-]", re.ASCII)

_name = SANDBOX_STUDENT


def student() -> str:
    """The name in the tag `student` of what is created from now on."""
    return _name


def name_of(identity: str) -> str:
    """The student's name: the variable `LAB_STUDENT`, else the last part of the identity.

    Args:
        identity: such as "user/ann" or "assumed-role/AWSReservedSSO_Lab/ann@example.com".
    """
    name = os.environ.get("LAB_STUDENT") or identity.rpartition("/")[2]
    return NOT_IN_A_TAG.sub("-", name)[:256]


def mark_with(name: str, events: Any) -> None:
    """Have all clients of this process from now on add the tag `student`.

    It goes on what a call tags as the course's, and on nothing else. This is not left to the
    pages, because a page that forgets it would leave something that nobody claims.

    Args:
        name: the tag's value.
        events: of the boto3 session that there is already.
    """
    global _name
    _name = name
    events.register(*MARKS, unique_id="student-tag")
    # Page 3.5 makes a new session, as one does after `aws configure`: it is to do the same.
    if MARKS not in BUILTIN_HANDLERS:
        BUILTIN_HANDLERS.append(MARKS)


def _add(params: dict[str, Any], **_: Any) -> None:
    # `params` is this call's own, the lists in it are the caller's: they are not changed.
    if "Tags" in params:
        params["Tags"] = _marked(params["Tags"])
    if isinstance(params.get("TagSpecifications"), list):
        params["TagSpecifications"] = [
            {**each, "Tags": _marked(each["Tags"])} if "Tags" in each else each
            for each in params["TagSpecifications"]
        ]


def _marked(tags: Any) -> Any:
    if not isinstance(tags, list) or COURSE not in tags:
        return tags
    return [tag for tag in tags if tag.get("Key") != KEY] + [{"Key": KEY, "Value": _name}]


MARKS = ("before-parameter-build", _add)
