"""Somebody before the page without a browser: follows links, fills in forms, reads."""

from __future__ import annotations

import re
from html import unescape
from typing import Self

import httpx

from tests.serving.house import Api, House

OUR_ORIGIN = "http://triage"


class Visitor:
    """Visits the pages of a service, signed in under a name unless that is None."""

    def __init__(self, house: House, name: str | None = "dana", token: str = "") -> None:
        self._api = Api(house.container)
        if name is not None:
            answer = self.post("/sign-in", name=name, token=token)
            assert answer.status_code == 303, answer.text

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._api.get(path, headers=headers)

    def post(self, path: str, *, origin: str | None = OUR_ORIGIN, **form: str) -> httpx.Response:
        headers = {} if origin is None else {"origin": origin}
        return self._api.post(path, data=form, headers=headers)

    def shown(self, path: str) -> str:
        """Return a page that must be there."""
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def claimed(self, path: str) -> str:
        """Claim the item of a page, which must be free, and return the token in its form."""
        answer = self.post(f"{path}/claim")
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        return value_of(self.shown(path), "token")

    def cookie(self) -> str:
        """Return the cookie that says who this is."""
        return self._api._client.cookies["triage_analyst"]

    def close(self) -> None:
        self._api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def words_of(page: str) -> str:
    """Return what there is to read on a page, blanks made single."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def coded(page: str) -> list[str]:
    """Return names of the program and talk of minor units that stand where people read, ids set as code aside."""
    readable = re.sub(r'<(\w+) class="code">.*?</\1>', " ", page, flags=re.DOTALL)
    return re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b|\bminor\b", words_of(readable))


def value_of(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return unescape(found[1])


def note_of(page: str, field: str = "note") -> str:
    """Return the text in a text area."""
    found = re.search(rf'<textarea id="{field}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    assert found, f"no text area {field}"
    return unescape(found[1])


def chosen(page: str, select: str) -> str:
    """Return what is chosen in a list."""
    found = re.search(rf'<select id="{select}".*?</select>', page, re.DOTALL)
    assert found, f"no list {select}"
    option = re.search(r'value="([^"]*)" selected', found[0])
    return option[1] if option else ""
