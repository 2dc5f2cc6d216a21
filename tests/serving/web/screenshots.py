"""Take the pictures of docs/screenshots: `python -m tests.serving.web.screenshots [folder]`. The data are made up."""

from __future__ import annotations

import sys
from base64 import b64decode
from pathlib import Path
from tempfile import TemporaryDirectory

from selenium.webdriver import Chrome
from selenium.webdriver.support.wait import WebDriverWait

from routing.loader import load_policy
from serving.config import bundled_policy
from serving.db.engine import create_engine_for
from serving.db.migrate import upgrade
from tests.serving.web.browser import DESK, PHONE, chromium, look, served
from tests.serving.web.filled import Filled, desk, fill


def main(folder: Path) -> None:
    with TemporaryDirectory() as scratch:
        url = f"sqlite:///{scratch}/triage.db"
        engine = create_engine_for(url)
        upgrade(engine)
        engine.dispose()
        with desk(url, load_policy(bundled_policy())) as house:
            filled = fill(house)
            with served(house.container) as address, chromium() as driver:
                _take_all(driver, address, filled, folder)


def _take_all(driver: Chrome, address: str, filled: Filled, folder: Path) -> None:
    driver.get(f"{address}/sign-in")
    driver.find_element("id", "name").send_keys("Dana Okafor\n")
    for dark in (False, True):
        look(driver, size=DESK, dark=dark)
        driver.get(f"{address}/queue")
        _take(driver, folder / f"queue-desk-{'dark' if dark else 'light'}.png")
        driver.get(address + filled.path("top"))
        if not dark:
            driver.find_element("id", "claim").click()
            WebDriverWait(driver, 10).until(lambda here: here.find_elements("id", "note"))
        _take(driver, folder / f"item-desk-{'dark' if dark else 'light'}.png")
    look(driver, size=PHONE)
    driver.get(f"{address}/queue")
    _take(driver, folder / "queue-phone.png")
    driver.get(address + filled.path("top"))
    _take(driver, folder / "item-phone.png")


def _take(driver: Chrome, path: Path) -> None:
    taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": False})
    path.write_bytes(b64decode(taken["data"]))
    print(f"{path}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/screenshots"))
