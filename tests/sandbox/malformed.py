"""Malformed requests by the thousand: a seed makes them, a raw connection sends them.

    python -m tests.sandbox.malformed --count 10000

starts a sandbox of its own, sends it so many, and says what was answered.
"""

import hashlib
import hmac
import json
import random
import socket
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import click
import psutil

SEED = 20_261
SENDERS = 6
JSON_TYPE, FORM_TYPE = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"
TARGET = "DynamoDB_20120810."
OPERATIONS = ["GetItem", "PutItem", "Query", "Scan", "CreateTable", "BatchWriteItem", "UpdateItem"]
# Services of the query protocol, and the version of their API.
FORMS = {"rds": "2014-10-31", "ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}
ACTIONS = {
    "rds": ["DescribeDBClusters", "CreateDBCluster", "CreateDBInstance", "ModifyDBCluster"],
    "ec2": ["RunInstances", "CreateSecurityGroup", "DescribeInstances", "CreateTags"],
    "iam": ["CreateUser", "PutUserPolicy", "ListUsers", "GetUser"],
    "sts": ["GetCallerIdentity", "AssumeRole"],
}
NOISE = [
    "",
    "null",
    "-1",
    "x" * 3000,
    "\x00",
    "가" * 40,
    "🪣",
    "%ZZ",
    "../..",
    "1e999",
    "<a>&b",
    "'",
]


@dataclass(frozen=True)
class Signer:
    """Signs what is sent, so that it comes past the check of the signature.

    Attributes:
        key: the access key.
        secret: its secret.
        host: where the sandbox listens, as the Host header has it.
    """

    key: str
    secret: str
    host: str

    def headers(
        self, service: str, body: bytes, signed: dict[str, str], method: str = "POST"
    ) -> dict[str, str]:
        """The headers of a request to `/`, with a good signature of now."""
        moment = now()
        day = moment[:8]
        signed = {"host": self.host, "x-amz-date": moment, **signed}
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"{method}\n/\n\n{lines}\n{names}\n{digest}"
        scope = f"{day}/us-east-1/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n" + _digest(canonical.encode())
        secret = f"AWS4{self.secret}".encode()
        for part in (day, "us-east-1", service, "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        signature = hmac.digest(secret, text.encode(), "sha256").hex()
        return {
            **signed,
            "authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}",
        }


def now() -> str:
    """The time, as a signature has it."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def raw(
    headers: dict[str, str], body: bytes, start: str = "POST / HTTP/1.1", length: bool = True
) -> bytes:
    """A request as bytes; Content-Length as it should be, where it is wanted."""
    lines = [start, *(f"{name}: {value}" for name, value in headers.items())]
    if length:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def dynamodb(sign: Signer, operation: str, body: bytes) -> bytes:
    """A signed request to DynamoDB."""
    signed = {"x-amz-target": TARGET + operation, "content-type": JSON_TYPE}
    return raw(sign.headers("dynamodb", body, signed), body)


def good_body(random: random.Random) -> dict[str, Any]:
    """Parameters that some operation takes."""
    key = {"p": {"S": random.choice("abc")}, "s": {"N": str(random.randrange(9))}}
    return {
        "TableName": "malformed",
        "Key": key,
        "Item": key,
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
    }


# -- the kinds: each makes the bytes of one request -----------------------------------------------


def truncated_json(random: random.Random, sign: Signer) -> bytes:
    """JSON that ends in the middle."""
    body = json.dumps(good_body(random)).encode()
    return dynamodb(sign, random.choice(OPERATIONS), body[: random.randrange(1, len(body))])


def wrong_types(random: random.Random, sign: Signer) -> bytes:
    """A parameter of another type than the service model has it."""
    body = good_body(random)
    wrong = [
        1,
        -1,
        True,
        None,
        [],
        {},
        "x",
        1e300,
        [[[]]],
        {"S": 1},
        {"X": {}},
        [None],
        {"a": None},
    ]
    for name in random.sample(sorted(body), 2):
        body[name] = random.choice(wrong)
    return dynamodb(sign, random.choice(OPERATIONS), json.dumps(body).encode())


def odd_json(random: random.Random, sign: Signer) -> bytes:
    """What Python's reader takes and JSON does not have, or has only just."""
    odd = [
        b'{"TableName": NaN}',
        b'{"Limit": -Infinity, "TableName": "malformed"}',
        b'{"Limit": 1' + b"0" * 5000 + b', "TableName": "malformed"}',
        b'{"Limit": 1e400, "TableName": "malformed"}',
        b'{"TableName": "a", "TableName": "malformed", "Key": {}, "Key": {"p": {"S": "a"}}}',
        b'\xef\xbb\xbf{"TableName": "malformed"}',
        '{"TableName": "malformed"}'.encode("utf-16"),
        b'{"TableName": "\\ud800"}',
        b'{"TableName": "malformed", "Item": {"p": {"N": "' + b"9" * 50_000 + b'"}}}',
        b'{"TableName": "malformed", "Item": {"p": {"N": "1e' + b"9" * 400 + b'"}}}',
        b"[]",
        b'"x"',
        b"1",
    ]
    return dynamodb(sign, random.choice(OPERATIONS), random.choice(odd))


def bad_utf8(random: random.Random, sign: Signer) -> bytes:
    """Bytes that are no text, within a string and anywhere."""
    body = bytearray(json.dumps(good_body(random)).encode())
    for _ in range(3):
        body[random.randrange(len(body))] = random.randrange(0x80, 0x100)
    return dynamodb(sign, random.choice(OPERATIONS), bytes(body))


def deep_nesting(random: random.Random, sign: Signer) -> bytes:
    """Thousands of brackets, in JSON, in a value, in an expression, in a statement."""
    depth = random.choice([33, 500, 900, 5_000, 50_000])
    value = b'{"M": {"a": ' * depth + b'{"S": "x"}' + b"}}" * depth
    terms = random.choice([" OR ", " AND "]).join(["a=b"] * min(depth, 600))
    bodies = {
        "PutItem": b'{"TableName": "malformed", "Item": {"p": {"S": "a"}, "x": ' + value + b"}}",
        "GetItem": b"[" * depth,
        "BatchWriteItem": b'{"RequestItems": ' + b'{"a": ' * depth + b"1" + b"}" * depth + b"}",
        "Scan": json.dumps({"TableName": "malformed", "FilterExpression": terms}).encode(),
        "ExecuteStatement": json.dumps(
            {"Statement": "SELECT * FROM malformed WHERE " + "(" * min(depth, 7000)}
        ).encode(),
    }
    operation = random.choice(sorted(bodies))
    return dynamodb(sign, operation, bodies[operation])


def huge_body(random: random.Random, sign: Signer) -> bytes:
    """Megabytes; or a Content-Length beyond all measure and few bytes."""
    if random.random() < 0.5:
        signed = {"x-amz-target": TARGET + "PutItem", "content-type": JSON_TYPE}
        headers = sign.headers("dynamodb", b"", signed)
        headers["content-length"] = str(10 ** random.randrange(9, 30))
        return raw(headers, b"{}", length=False)
    item = {"p": {"S": "a"}, "x": {"S": "x" * random.randrange(500_000, 3_000_000)}}
    body = json.dumps({"TableName": "malformed", "Item": item}).encode()
    return dynamodb(sign, "PutItem", body)


def unknown_operation(random: random.Random, sign: Signer) -> bytes:
    """No such operation, no such service, no such target."""
    name = random.choice(["GetItems", "x" * 2000, "..", "Get Item", "__init__", "_dispatch", "가"])
    service = random.choice(["dynamodb", "dynamodb", "rds", "iam", "nonsense", "logs", "s3"])
    body = json.dumps(good_body(random)).encode()
    if random.random() < 0.5 and service in FORMS:
        body = f"Action={name}&Version={FORMS[service]}".encode()
        return raw(sign.headers(service, body, {"content-type": FORM_TYPE}), body)
    target = random.choice([TARGET + name, name, "a.b.c." + name, ".", "Foo_1." + name])
    signed = {"x-amz-target": target, "content-type": JSON_TYPE}
    return raw(sign.headers(service, body, signed), body)


def bad_signature(random: random.Random, sign: Signer) -> bytes:
    """A key that nobody has, a wrong signature, or an Authorization that is none."""
    body = json.dumps(good_body(random)).encode()
    headers = sign.headers("dynamodb", body, {"x-amz-target": TARGET + "GetItem"})
    good = headers["authorization"]
    headers["authorization"] = random.choice(
        [
            good[:-3] + "000",
            good.replace(sign.key, "NOBODY"),
            good.replace("Signature=", "Signature"),
            good.replace("SignedHeaders=host", "SignedHeaders=;;host;;x-no-such"),
            good.replace("/us-east-1/", "/////"),
            "Bearer " + "x" * 500,
            "AWS4-HMAC-SHA256 " + "Credential=" * 300,
            "Basic \x80\xff",
            "",
        ]
    )
    return raw(headers, body)


def presigned(random: random.Random, sign: Signer) -> bytes:
    """A signature in the address, good for nothing."""
    query = "&".join(
        [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            f"X-Amz-Credential={sign.key}%2F{now()[:8]}%2Fus-east-1%2Frds%2Faws4_request",
            f"X-Amz-Date={random.choice([now(), '', 'x'])}",
            f"X-Amz-Expires={random.choice(['-1', '999999999999', 'x'])}",
            f"X-Amz-Signature={'0' * random.choice([64, 1, 5000])}",
            f"Action={random.choice(ACTIONS['rds'])}",
        ]
    )
    start = f"{random.choice(['GET', 'POST', 'PUT'])} /?{query} HTTP/1.1"
    return raw({"host": sign.host}, b"", start)


def wrong_lengths(random: random.Random, sign: Signer) -> bytes:
    """A Content-Length that is false, doubled, no number, or not there."""
    body = json.dumps(good_body(random)).encode()
    headers = sign.headers("dynamodb", body, {"x-amz-target": TARGET + "GetItem"})
    given = random.choice(
        ["abc", "-1", "+5", "0x10", "1 2", "", "1e3", "١", str(len(body) - 3), None]
    )
    if given is not None:
        headers["content-length"] = given
        if random.random() < 0.2:
            headers["Content-Length"] = str(len(body))
    return raw(headers, body, length=False)


def chunked(random: random.Random, sign: Signer) -> bytes:
    """Chunks: good ones, with false sizes, without end, beside a Content-Length."""
    body = json.dumps(good_body(random)).encode()
    headers = sign.headers("dynamodb", body, {"x-amz-target": TARGET + "GetItem"})
    headers["transfer-encoding"] = random.choice(["chunked", "chunked", "gzip", "chunked, x", "x"])
    size = f"{len(body):x}".encode()
    chunks = random.choice(
        [
            size + b"\r\n" + body + b"\r\n0\r\n\r\n",
            size + b"\r\n" + body[:5],
            b"-5\r\n" + body + b"\r\n0\r\n\r\n",
            b"zz\r\n" + body + b"\r\n0\r\n\r\n",
            b"fffffffffffffff\r\n" + body,
            b"1;" + b"x" * 5000 + b"\r\n{\r\n0\r\n\r\n",
            b"0\r\n\r\n",
        ]
    )
    return raw(headers, chunks, length=random.random() < 0.3)


def half_closed(random: random.Random, sign: Signer) -> bytes:
    """The beginning of a good request; the sender says no more."""
    whole = dynamodb(sign, "GetItem", json.dumps(good_body(random)).encode())
    return whole[: random.randrange(1, len(whole))]


def bad_http(random: random.Random, sign: Signer) -> bytes:
    """No HTTP, or hardly."""
    host = f"host: {sign.host}\r\n".encode()
    return random.choice(
        [
            random.randbytes(random.randrange(1, 300)),
            b"\r\n\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n" + host + b"\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"GET  /  HTTP/1.1\r\n" + host + b"\r\n",
            b"POST " + b"/x" * 20_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(60),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host * 2 + b"\r\n",
            b"GET / HTTP/1.1\r\nhost: [::1\r\n\r\n",
            b"GET / HTTP/1.1\r\nhost: 127.0.0.1:99999999\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"no colon here\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b": no name\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"a: b\r\n c\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"x-\xff\xfe: \x00\x80\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"x: y\r\n" * 2000 + b"\r\n",
            b"GET / HTTP/1.1\r\n" + host + b"expect: 100-continue\r\nexpect: x\r\n\r\n",
        ]
    )


def wrong_paths(random: random.Random, sign: Signer) -> bytes:
    """Paths and methods that nobody has."""
    path = random.choice(
        [
            *("/moto-api/", "/_sandbox/", "/_sandbox/x", "/%00", "/%ff%fe", "//", "/../../x", "*"),
            *("/a?b=%", "/" + "a/" * 500, "/2015-03-31/functions", "/?Action=GetUser", "/;x"),
        ]
    )
    method = random.choice(
        ["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "FOO", "a"]
    )
    service = random.choice(["dynamodb", "rds", "s3", "lambda", "x"])
    headers = sign.headers(service, b"", {}, method)
    return raw(headers, b"", f"{method} {path} HTTP/1.1")


def form_garbage(random: random.Random, sign: Signer) -> bytes:
    """The query protocol with parameters that make no sense."""
    service = random.choice(sorted(FORMS))
    names = ["UserName", "DBClusterIdentifier", "Engine", "Filters.Filter.1.Name", "MaxRecords"]
    names += [
        "InstanceId.1",
        "Filter.1.Value.1",
        "GroupName",
        "a.b.c.-1",
        "Tag.99999.Key",
        "X" * 500,
    ]
    action = random.choice([*ACTIONS[service], "", "NoSuchAction", "\x00", "a" * 3000])
    pairs = [("Action", action), ("Version", random.choice([FORMS[service], "", "x"]))]
    pairs += [(random.choice(names), random.choice(NOISE)) for _ in range(random.randrange(5))]
    random.shuffle(pairs)
    body = "&".join(f"{name}={value}" for name, value in pairs).encode()
    if random.random() < 0.2:
        body = random.randbytes(200)
    return raw(sign.headers(service, body, {"content-type": FORM_TYPE}), body)


KINDS: list[Callable[[random.Random, Signer], bytes]] = [
    *(truncated_json, wrong_types, odd_json, bad_utf8, deep_nesting, huge_body),
    *(unknown_operation, bad_signature, presigned, wrong_lengths, chunked, half_closed),
    *(bad_http, wrong_paths, form_garbage),
]


# -- sending --------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What was answered.

    Attributes:
        statuses: how often, by kind and status; None where the connection was just closed.
        wrong: kind, number and beginning of each answer that should not have been.
        memory: resident memory of the sandbox, in bytes, after each tenth of the requests.
    """

    statuses: Counter[tuple[str, int | None]] = field(default_factory=Counter)
    wrong: list[tuple[str, int, bytes]] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def grown(self) -> int:
        """Bytes that the second half of the requests left behind."""
        return self.memory[-1] - self.memory[len(self.memory) // 2]


def exchange(address: tuple[str, int], data: bytes) -> bytes:
    """Send, say that there is no more, and read to the end."""
    with socket.create_connection(address, timeout=60) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # Refused in the middle; what was answered can be there all the same.
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
        return answer


def make_table() -> None:
    """The table that the requests name, so that they come as far as they can."""
    db = boto3.client("dynamodb")
    if "malformed" in db.list_tables()["TableNames"]:
        return
    kinds = {"p": "S", "s": "N"}
    db.create_table(
        TableName="malformed",
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in kinds.items()],
        KeySchema=[
            {"AttributeName": "p", "KeyType": "HASH"},
            {"AttributeName": "s", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    db.get_waiter("table_exists").wait(TableName="malformed")


def attack(endpoint: str, pid: int, count: int, seed: int = SEED) -> Outcome:
    """Send so many malformed requests, of every kind in turn.

    Args:
        endpoint: the sandbox's address.
        pid: its process.
        count: how many.
        seed: the same seed makes the same requests.
    """
    keys = boto3.Session().get_credentials()
    url = urlsplit(endpoint)
    assert keys is not None and url.hostname and url.port
    sign = Signer(keys.access_key, keys.secret_key, url.netloc)
    address = (url.hostname, url.port)
    outcome = Outcome()
    make_table()

    def one(number: int) -> tuple[str, int, bytes]:
        kind = KINDS[number % len(KINDS)]
        data = kind(random.Random(f"{seed} {number}"), sign)
        return kind.__name__, number, exchange(address, data)

    process = psutil.Process(pid)
    with ThreadPoolExecutor(SENDERS) as pool:
        for place, (kind, number, answer) in enumerate(pool.map(one, range(count))):
            line = answer.split(b"\r\n", 1)[0].split()
            status = int(line[1]) if len(line) > 1 and line[1].isdigit() else None
            outcome.statuses[kind, status] += 1
            if (status or 0) >= 500 or b"Traceback" in answer or b"  File" in answer:
                outcome.wrong.append((kind, number, answer[:300] + b" ... " + answer[-300:]))
            if (place + 1) % (count // 10) == 0:
                outcome.memory.append(process.memory_info().rss)
    return outcome


@click.command()
@click.option("--count", default=10_000, help="How many requests.")
@click.option("--seed", default=SEED)
def main(count: int, seed: int) -> None:
    """Attack a sandbox that is started for it, and say what it answered."""
    from tests.conftest import running_sandbox

    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder) / "home") as sandbox:
        status = sandbox.status()
        outcome = attack(status["endpoint_url"], status["pid"], count, seed)
        sandbox.client("dynamodb").list_tables()
    for (kind, code), times in sorted(outcome.statuses.items(), key=str):
        click.echo(f"{kind:20} {code or 'closed'!s:8} {times:6}")
    click.echo("memory, MB: " + " ".join(f"{rss / 1e6:.0f}" for rss in outcome.memory))
    for kind, number, answer in outcome.wrong[:40]:
        click.echo(f"WRONG {kind} {number}: {answer!r}")
    raise SystemExit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
