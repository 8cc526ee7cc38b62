"""S3 with boto3, as a student would use it from a notebook; and it is there after a restart."""

import http.client
import io
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import RunningSandbox, sandbox_command

KEY = "exports/2026/é ü + $ %20 ~ &=?.csv"
VERSION_4 = Config(signature_version="s3v4")


@pytest.fixture
def bucket(sandbox: RunningSandbox) -> str:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="a-bucket")
    return "a-bucket"


def send(method: str, address: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """What a browser or curl would do with a presigned URL."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.netloc, timeout=30)
    connection.request(method, f"{url.path}?{url.query}", body or None, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_a_bucket_and_its_objects(bucket) -> None:
    s3 = boto3.client("s3")
    assert bucket in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    # boto3 adds a checksum to this by itself.
    put = s3.put_object(
        Bucket=bucket,
        Key=KEY,
        Body=b"id,title\n",
        ContentType="text/csv",
        Metadata={"by_": "me  x"},
    )
    assert put["ChecksumCRC32"]
    got = s3.get_object(Bucket=bucket, Key=KEY)
    assert got["Body"].read() == b"id,title\n"
    assert (got["ContentType"], got["Metadata"]) == ("text/csv", {"by_": "me  x"})
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="exports/")
    assert [found["Key"] for found in listed["Contents"]] == [KEY]
    assert s3.head_object(Bucket=bucket, Key=KEY)["ContentLength"] == 9
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": KEY})
    s3.delete_object(Bucket=bucket, Key=KEY)
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=KEY)
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "copy"}]})
    assert [each["Key"] for each in deleted["Deleted"]] == ["copy"]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_file_larger_than_a_part(bucket) -> None:
    s3, data = boto3.client("s3"), bytes(range(256)) * 40_000
    s3.upload_fileobj(io.BytesIO(data), bucket, "large")
    received = io.BytesIO()
    s3.download_fileobj(bucket, "large", received)
    assert received.getvalue() == data
    s3.delete_object(Bucket=bucket, Key="large")


@pytest.mark.parametrize("config", [None, VERSION_4], ids=["version 2", "version 4"])
def test_presigned_urls(bucket, config) -> None:
    s3 = boto3.client("s3", config=config)
    where = {"Bucket": bucket, "Key": KEY}
    put = s3.generate_presigned_url("put_object", where)
    assert send("PUT", put, b"data")[0] == 200
    get = s3.generate_presigned_url("get_object", where)
    assert send("GET", get) == (200, b"data")
    status, said = send("GET", get.replace("exports", "export"))
    assert status == 403 and b"SignatureDoesNotMatch" in said
    assert send("DELETE", get)[0] == 403
    named = s3.generate_presigned_url(
        "get_object", {**where, "ResponseContentDisposition": 'attachment; filename="a b.csv"'}
    )
    assert send("GET", named) == (200, b"data")
    delete = s3.generate_presigned_url("delete_object", where)
    assert send("DELETE", delete)[0] == 204


def test_a_presigned_upload_whose_data_passes_for_a_form(bucket) -> None:
    """As Python's urllib sends it."""
    s3 = boto3.client("s3", config=VERSION_4)
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "form"})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert send("PUT", put, b"a=1&b=2", **kind)[0] == 200
    assert s3.get_object(Bucket=bucket, Key="form")["Body"].read() == b"a=1&b=2"


def test_a_stranger_gets_nothing(bucket) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key="private", Body=b"data")
    good = boto3.Session().get_credentials()
    stranger = boto3.Session(good.access_key, "b" * 40, region_name="us-east-1").client("s3")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stranger.get_object(Bucket=bucket, Key="private")
    endpoint = s3.meta.endpoint_url
    assert send("GET", f"{endpoint}/{bucket}/private")[0] == 403


def test_s3_is_kept_when_the_sandbox_stops(start_sandbox) -> None:
    running = start_sandbox()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key=KEY, Body=b"x" * 100_000, Metadata={"a": "b"})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    for text in (b"one", b"two"):
        s3.put_object(Bucket="kept", Key="versions", Body=text)
    assert sandbox_command(running.home, "stop").returncode == 0
    import helpers

    helpers.connect()
    s3 = boto3.client("s3")
    got = s3.get_object(Bucket="kept", Key=KEY)
    assert (len(got["Body"].read()), got["Metadata"]) == (100_000, {"a": "b"})
    versions = s3.list_object_versions(Bucket="kept", Prefix="versions")["Versions"]
    bodies = [
        s3.get_object(Bucket="kept", Key="versions", VersionId=each["VersionId"])["Body"].read()
        for each in versions
    ]
    assert bodies == [b"two", b"one"]
