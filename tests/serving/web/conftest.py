from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from routing.loader import load_policy
from routing.policy import Policy
from serving.clock import ManualClock
from serving.config import bundled_policy
from tests.serving.house import House, copy_of
from tests.serving.web.browser import CHROMIUM, DRIVER, chromium, served
from tests.serving.web.filled import Filled, TalkativeModel, desk, fill
from tests.serving.web.visitor import Visitor


@dataclass(frozen=True)
class Morning:
    """A database with a queue in it, to be copied; when it was; and the items in it."""

    path: Path
    now: datetime
    items: dict[str, str]


@pytest.fixture(scope="session")
def policy() -> Policy:
    return load_policy(bundled_policy())


@pytest.fixture(scope="session")
def nothing_yet(migrated_sqlite: Path) -> Path:
    """A migrated database without a row, to be copied."""
    return migrated_sqlite


@pytest.fixture(scope="session")
def morning(nothing_yet: Path, policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Morning:
    """A queue of about 25 items."""
    path = Path(shutil.copy(nothing_yet, tmp_path_factory.mktemp("morning") / "triage.db"))
    with desk(f"sqlite:///{path}", policy) as house:
        filled = fill(house)
        now = house.clock.now()
    return Morning(path, now, filled.items)


@pytest.fixture
def filled(morning: Morning, policy: Policy, disk_of_memory: Path) -> Iterator[Filled]:
    """A service with that queue, for one test."""
    with (
        copy_of(morning.path, disk_of_memory / "filled.db") as url,
        House(url, policy, clock=ManualClock(morning.now), model=TalkativeModel()) as house,
    ):
        yield Filled(house, morning.items)


@pytest.fixture
def empty_url(nothing_yet: Path, disk_of_memory: Path) -> Iterator[str]:
    """A migrated database without a row, for one test."""
    with copy_of(nothing_yet, disk_of_memory / "empty.db") as url:
        yield url


@pytest.fixture
def empty(empty_url: str, policy: Policy) -> Iterator[House]:
    """A service that nothing waits at."""
    with House(empty_url, policy) as house:
        yield house


@pytest.fixture
def dana(filled: Filled) -> Iterator[Visitor]:
    """An analyst."""
    visitor = Visitor(filled.house)
    yield visitor
    visitor.close()


@pytest.fixture
def marit(filled: Filled) -> Iterator[Visitor]:
    """Another analyst."""
    visitor = Visitor(filled.house, "marit")
    yield visitor
    visitor.close()


@pytest.fixture
def passer_by(filled: Filled) -> Iterator[Visitor]:
    """Somebody who did not sign in."""
    visitor = Visitor(filled.house, None)
    yield visitor
    visitor.close()


@pytest.fixture(scope="session")
def one_chromium() -> Iterator[Chrome]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and chromedriver: apt-get install chromium chromium-driver")
    with chromium() as driver:
        yield driver


@pytest.fixture
def driver(one_chromium: Chrome) -> Chrome:
    """A browser that knows nobody yet, on a wide screen."""
    one_chromium.delete_all_cookies()
    return one_chromium


@pytest.fixture
def address(filled: Filled) -> Iterator[str]:
    """Where the filled queue is served."""
    with served(filled.house.container) as where:
        yield where
