"""Signature Version 2 of S3's presigned URLs, which boto3 still makes unless told otherwise.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
"""

import base64
import hmac
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

# The parameters that are part of what is signed.
SUBRESOURCES = {
    *("accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption"),
    *("inventory", "lifecycle", "location", "logging", "metrics", "notification", "object-lock"),
    *("partNumber", "policy", "replication", "requestPayment", "restore", "select", "select-type"),
    *("storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning"),
    *("versions", "website", "response-cache-control", "response-content-disposition"),
    *("response-content-encoding", "response-content-language", "response-content-type"),
    "response-expires",
}


class Presigned(NamedTuple):
    """What a presigned URL says.

    Attributes:
        key: the id of the access key.
        signature: in Base64.
        expires: seconds since 1970, as it was written.
        token: of a session; None without one.
    """

    key: str
    signature: str
    expires: str
    token: str | None


def read_query(query: str) -> Presigned | None:
    """Read a query; None where it is not presigned in this way."""
    if "AWSAccessKeyId=" not in query:
        return None
    fields = dict(parse_qsl(query, keep_blank_values=True))
    wanted = [fields.get(name) for name in ("AWSAccessKeyId", "Signature", "Expires")]
    key, signature, expires = wanted
    if key is None or signature is None or expires is None:
        return None
    return Presigned(key, signature, expires, fields.get("x-amz-security-token"))


def signature(secret: str, method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    """The signature of a presigned request, in Base64.

    Args:
        secret: of the access key.
        method: such as "GET".
        path: as the request line has it, still percent-encoded.
        query: likewise.
        headers: by name in lower case; repeated ones are joined with commas.
    """
    fields = parse_qsl(query, keep_blank_values=True)
    amazon = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    amazon |= {name.lower(): value for name, value in fields if name.lower().startswith("x-amz-")}
    resource = sorted((name, value) for name, value in fields if name in SUBRESOURCES)
    named = "&".join(f"{name}={value}" if value else name for name, value in resource)
    text = "\n".join(
        [
            method,
            headers.get("content-md5", ""),
            headers.get("content-type", ""),
            dict(fields).get("Expires", ""),
            *(f"{name}:{value}" for name, value in sorted(amazon.items())),
            path + (f"?{named}" if named else ""),
        ]
    )
    digest = hmac.digest(secret.encode(), text.encode("latin-1", "replace"), "sha1")
    return base64.b64encode(digest).decode()
