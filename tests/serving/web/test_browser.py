"""The pages in a real browser: worked by keyboard, seen at desk and phone width, in light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urljoin

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.wait import WebDriverWait

from serving.db.tables import CauseRow, OutgoingCallRow, ReviewItemRow
from tests.serving.causes.outage import SILENT_HOURS, departed, names, told
from tests.serving.house import House
from tests.serving.web.browser import DESK, PHONE, look, served
from tests.serving.web.filled import Filled

pytestmark = pytest.mark.browser

WAIT_SECONDS = 10


@pytest.fixture
def signed_in(driver: Chrome, address: str) -> Chrome:
    look(driver)
    driver.get(f"{address}/sign-in")
    driver.find_element("id", "name").send_keys("Dana Okafor\n")
    until(driver, lambda: driver.find_elements("id", "queue"))
    return driver


def until(driver: Chrome, happened: Callable[[], object]) -> None:
    WebDriverWait(driver, WAIT_SECONDS).until(lambda _: happened())


def press(driver: Chrome, *keys: str) -> None:
    for key in keys:
        driver.switch_to.active_element.send_keys(key)


def complaints(driver: Chrome) -> list[str]:
    """Return what the browser complains of about the server it is on; of one before, a page may ask when it is gone."""
    severe = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    server = urljoin(driver.current_url, "/")
    return [message for message in severe if message.startswith(server)]


class TestByKeyboard:
    def test_the_item_worth_most_is_taken_and_accepted_with_two_keys(self, filled: Filled, signed_in: Chrome) -> None:
        press(signed_in, "n")
        until(signed_in, lambda: signed_in.find_elements("id", "do-accept"))
        assert signed_in.current_url.endswith(filled.path("top"))
        press(signed_in, "a")
        until(signed_in, lambda: signed_in.find_elements("css selector", "p.done"))
        assert [call.branch for call in filled.house.rows(OutgoingCallRow) if call.shipment_id == "SH-240817"] == [
            "rebook"
        ]

    def test_the_list_is_walked_and_an_item_opened(self, signed_in: Chrome) -> None:
        press(signed_in, "j", "j", "k")
        focused = signed_in.switch_to.active_element
        assert focused.get_attribute("class") == "open"
        assert focused.get_attribute("id") == signed_in.find_element("css selector", "a.open").get_attribute("id")
        focused.send_keys(Keys.ENTER)
        until(signed_in, lambda: signed_in.find_elements("id", "claim"))
        press(signed_in, "q")
        until(signed_in, lambda: signed_in.find_elements("id", "queue"))

    def test_keys_typed_into_a_note_are_text_and_do_nothing(self, filled: Filled, signed_in: Chrome) -> None:
        press(signed_in, "n")
        until(signed_in, lambda: signed_in.find_elements("id", "do-accept"))
        press(signed_in, "m")
        press(signed_in, "a call to NWX, no answer")
        assert signed_in.find_element("id", "note").get_attribute("value") == "a call to NWX, no answer"
        (row,) = [row for row in filled.house.rows(ReviewItemRow) if row.item_id == filled.items["top"]]
        assert row.status == "claimed"

    def test_an_answer_without_its_reason_is_not_sent(self, filled: Filled, signed_in: Chrome) -> None:
        press(signed_in, "n")
        until(signed_in, lambda: signed_in.find_elements("id", "do-dismiss"))
        signed_in.find_element("id", "do-dismiss").click()
        assert signed_in.switch_to.active_element.get_attribute("id") == "dismiss-reason"
        (row,) = [row for row in filled.house.rows(ReviewItemRow) if row.item_id == filled.items["top"]]
        assert row.status == "claimed"

    def test_on_a_low_screen_whatever_has_the_focus_is_in_sight(self, signed_in: Chrome) -> None:
        look(signed_in, size=(1280, 600))
        press(signed_in, "n")
        until(signed_in, lambda: signed_in.find_elements("id", "dismiss-reason"))
        press(signed_in, "d")
        seen = []
        for _ in range(4):
            top, bottom, name = signed_in.execute_script(
                "const it = document.activeElement, at = it.getBoundingClientRect(); return [at.top, at.bottom, it.id]"
            )
            assert 0 <= top < bottom <= 600, name
            seen.append(name)
            press(signed_in, Keys.TAB)
        assert seen == ["dismiss-reason", "do-dismiss", "release", "extend"]

    def test_the_keys_are_listed_on_demand(self, signed_in: Chrome) -> None:
        press(signed_in, "?")
        assert signed_in.find_element("id", "help").get_attribute("open") is not None

    def test_letters_are_none_once_they_are_switched_off(self, filled: Filled, signed_in: Chrome) -> None:
        before = [(row.item_id, row.status) for row in filled.house.rows(ReviewItemRow)]
        signed_in.find_element("id", "open-help").click()
        signed_in.find_element("id", "letters").click()
        signed_in.find_element("css selector", "dialog button").click()
        signed_in.refresh()
        until(signed_in, lambda: signed_in.find_elements("css selector", ".no-letters #queue"))
        assert not any(key.is_displayed() for key in signed_in.find_elements("tag name", "kbd"))
        press(signed_in, Keys.ARROW_DOWN)
        assert signed_in.switch_to.active_element.get_attribute("class") == "open"
        press(signed_in, "?", "c", "n")
        assert signed_in.find_element("id", "help").get_attribute("open") is None
        assert [(row.item_id, row.status) for row in filled.house.rows(ReviewItemRow)] == before
        signed_in.find_element("id", "open-help").click()
        signed_in.find_element("id", "letters").click()
        press(signed_in, Keys.ESCAPE)
        press(signed_in, "n")
        until(signed_in, lambda: signed_in.find_elements("id", "do-accept"))


class TestACauseByKeyboard:
    """A carrier went silent: the queue holds one cause and, below it, items."""

    @pytest.fixture
    def silent(self, empty_url: str, driver: Chrome) -> Iterator[tuple[House, Chrome]]:
        few = told(declare={"at_least": 3, "share_at_least": 0.5, "within_minutes": 120})
        with House(empty_url, few) as house, served(house.container) as address:
            departed(house, names(4))
            house.advance(hours=SILENT_HOURS)
            for name in names(4):
                house.decided(name, risk=0.5)
            complaints(driver)  # of a page that another test left open
            look(driver)
            driver.get(f"{address}/sign-in")
            driver.find_element("id", "name").send_keys("Dana Okafor\n")
            until(driver, lambda: driver.find_elements("id", "queue"))
            yield house, driver

    def test_it_is_reached_opened_noted_and_confirmed(self, silent: tuple[House, Chrome]) -> None:
        house, driver = silent
        press(driver, "j")
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        until(driver, lambda: driver.find_elements("id", "do-confirm"))
        press(driver, "m", "the feed is down", Keys.ESCAPE, "a")
        until(driver, lambda: not driver.find_elements("id", "do-confirm"))
        (cause,) = house.rows(CauseRow)
        assert (cause.status, cause.confirmed_by) == ("standing", "Dana Okafor")
        assert complaints(driver) == []

    def test_what_ends_it_takes_a_second_key(self, silent: tuple[House, Chrome]) -> None:
        house, driver = silent
        press(driver, "k")
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        until(driver, lambda: driver.find_elements("id", "do-close"))
        press(driver, "o")
        assert driver.switch_to.active_element.get_attribute("id") == "do-close"
        press(driver, "d")
        assert driver.switch_to.active_element.get_attribute("id") == "do-decline"
        assert [cause.status for cause in house.rows(CauseRow)] == ["standing"]
        press(driver, Keys.ENTER)
        until(driver, lambda: driver.find_elements("css selector", "p.done"))
        assert [cause.status for cause in house.rows(CauseRow)] == ["declined"]


class TestOnAPhone:
    @pytest.mark.parametrize("page", ["top", "long"])
    def test_no_word_is_torn_beside_a_long_id_and_what_is_pressed_is_large_enough(
        self, filled: Filled, signed_in: Chrome, address: str, page: str
    ) -> None:
        look(signed_in, size=PHONE)
        signed_in.get(address + filled.path(page))
        heights = signed_in.execute_script(
            "const kind = document.createRange(); kind.selectNode(document.querySelector('.back').childNodes[1]);"
            "const pressed = [...document.querySelectorAll('#back, summary')];"
            "return [kind, ...pressed].map((each) => each.getBoundingClientRect().height)"
        )
        word, *pressed = heights
        assert word < 24, "one line of text"
        assert len(pressed) == 3
        assert min(pressed) >= 24


class TestSeen:
    @pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    @pytest.mark.parametrize("page", ["queue", "top", "long", "script"])
    def test_nothing_runs_off_the_side_and_nothing_complains(
        self, filled: Filled, signed_in: Chrome, address: str, size: tuple[int, int], dark: bool, page: str
    ) -> None:  # fmt: skip
        look(signed_in, size=size, dark=dark)
        signed_in.get(address + ("/queue" if page == "queue" else filled.path(page)))
        assert signed_in.execute_script("return document.documentElement.scrollWidth") <= size[0]
        assert signed_in.title != "owned"
        assert complaints(signed_in) == []
