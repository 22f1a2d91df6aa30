"""A browser that reaches this machine alone, and keeps pictures of what it saw where somebody wants them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.service.dashboard.stack import Stack, chromium, stack

LAPTOP = {"width": 1366, "height": 768}
PATIENCE_MS = 60_000  # of a machine that is busy with the rest of the suite
expect.set_options(timeout=PATIENCE_MS)


# Not for longer than a module: while Playwright runs, no other test of this process can run an event loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium()
    arguments = ["--autoplay-policy=no-user-gesture-required", "--mute-audio"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="module")
def system(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service that anybody on this machine may ask."""
    with stack(tmp_path_factory.mktemp("system")) as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page as a new visitor on a laptop, ``dark`` or light. At the end nothing may have been asked of anybody
    else, and no script may have failed."""
    contexts, outside, faults = [], [], []

    def guard(route: Route) -> None:
        if route.request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:")):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    def opened(url: str, *, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport=LAPTOP, color_scheme="dark" if dark else "light", reduced_motion="reduce", accept_downloads=True
        )
        contexts.append(context)
        context.route("**/*", guard)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert outside == []
    assert faults == []


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], None]:
    """Keeps a screenshot, in the folder that V2V_SCREENSHOTS names if it does."""
    folder = Path(os.environ.get("V2V_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)

    def taken(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", animations="disabled")

    return taken
