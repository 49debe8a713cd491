"""Certificates and applications for the tests of serving."""

from __future__ import annotations

import pytest
import trustme

from tests.http.serving import SampleApp


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The certificate authority of the tests."""
    return trustme.CA()


@pytest.fixture
def app() -> SampleApp:
    """The application that is served."""
    return SampleApp()
