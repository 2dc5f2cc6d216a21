"""The app on a port of its own, and a Chromium to look at it with."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from serving.app import create_app
from serving.bootstrap import Container

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
DESK, PHONE = (1280, 900), (390, 844)


@contextmanager
def served(container: Container) -> Iterator[str]:
    """Serve a container's app from another thread; yield its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # from now on whoever comes waits, until the server takes them
    server = uvicorn.Server(uvicorn.Config(create_app(container), log_level="error", lifespan="off"))
    thread = Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start a Chromium without a window."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def look(driver: Chrome, *, size: tuple[int, int] = DESK, dark: bool = False, still: bool = True) -> None:
    """Set the size of the window, the colours and whether things may move."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
