"""The bundle of RDS: where it comes from, and what is said when it does not come."""

import io
import urllib.error
from pathlib import Path
from unittest import mock

import pytest

from helpers import certificates
from helpers.certificates import BUNDLE, rds_certificates
from helpers.errors import CourseError

PEM = "-----BEGIN CERTIFICATE-----\nnot a real one\n-----END CERTIFICATE-----\n"


@pytest.fixture
def on_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_TARGET", "aws")
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys" / "aws" / "rds-certificates.pem"


def _answers(text: str) -> mock.Mock:
    return mock.Mock(side_effect=lambda *_, **__: io.BytesIO(text.encode()))


def test_on_aws_it_is_downloaded_from_amazon_once(on_aws: Path) -> None:
    with mock.patch("urllib.request.urlopen", _answers(PEM)) as opened:
        assert rds_certificates() == rds_certificates() == on_aws
    assert on_aws.read_text() == PEM
    opened.assert_called_once_with(BUNDLE, timeout=30)
    assert BUNDLE.startswith("https://")


def test_a_page_in_its_place_is_not_kept(on_aws: Path) -> None:
    with (
        mock.patch("urllib.request.urlopen", _answers("<html>log in</html>")),
        pytest.raises(CourseError, match="holds no certificates"),
    ):
        rds_certificates()
    assert not on_aws.exists()


def test_without_a_network_it_says_where_to_get_it(on_aws: Path) -> None:
    gone = mock.Mock(side_effect=urllib.error.URLError("no route to host"))
    with (
        mock.patch("urllib.request.urlopen", gone),
        pytest.raises(CourseError, match=r"no route to host.*global-bundle\.pem"),
    ):
        rds_certificates()


def test_in_the_sandbox_it_is_the_sandboxs_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_TARGET", "sandbox")
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path / "keys"))
    for text in (PEM, PEM * 2):  # another sandbox has another
        with mock.patch.object(certificates, "ask_sandbox", lambda _, text=text: {"bundle": text}):
            assert rds_certificates().read_text() == text
