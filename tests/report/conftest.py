"""The models whose pictures are drawn, and the browser that pages are opened in."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pictures import Examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def examples() -> Examples:
    """Small models of every kind of target, by name."""
    return Examples()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium, as it is installed; NNFIT_CHROMIUM names another."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("NNFIT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "there is no Chromium: apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened(NamedTuple):
    """A page that was opened, what it said, and how long it took in seconds."""

    page: Any
    said: list[str]
    seconds: float


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    """Open a page; whatever it says or asks for is kept."""
    contexts = []

    def opened(html: bytes, **options: Any) -> Opened:
        path = tmp_path / "page.html"
        path.write_bytes(html)
        context = browser.new_context(**options)
        contexts.append(context)
        page, said = context.new_page(), []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on(
            "request", lambda request: None if request.url.startswith(("data:", "file:")) else said.append(request.url)
        )
        start = time.perf_counter()
        page.goto(path.as_uri(), wait_until="load")
        return Opened(page, said, time.perf_counter() - start)

    yield opened
    for context in contexts:
        context.close()
