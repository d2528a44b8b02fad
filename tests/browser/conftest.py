"""A real server on a free port, and people who visit it with a real Chromium.

Screenshots go to THIMBLE_TEST_SHOTS, or to a temporary folder.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.visitor import Visitor
from tests.running import RunningThimble

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wanted = os.environ.get("THIMBLE_TEST_SHOTS")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("shots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def thimble(home: Path) -> Iterator[RunningThimble]:
    with RunningThimble(home) as running:
        yield running


@pytest.fixture
def visit(thimble: RunningThimble, shots: Path) -> Iterator[Callable[..., Visitor]]:
    """Open a browser of its own at the running server; all are closed at the end."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )

        def open_page(
            scheme: str = "light", width: int = 1200, height: int = 900, locale: str = "en-US"
        ) -> Visitor:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale
            )
            return Visitor(context.new_page(), thimble.url, shots)

        yield open_page
        browser.close()
