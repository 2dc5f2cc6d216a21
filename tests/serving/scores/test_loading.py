"""A registry need not hold a model of lateness, but whoever does without says so."""

from __future__ import annotations

import pytest

from features.settings import FeatureSettings
from models.errors import NoChampionError
from serving.bootstrap import build
from serving.config import Settings
from serving.errors import SettingsError
from serving.scores.absent import AbsentModel

REGISTRY = "sqlite:///there"


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry hold no model of lateness, and one of arrival."""

    def none(uri: str, name: str) -> None:
        raise NoChampionError(name, uri, "it is empty")

    class Eta:
        name, version = "eta", "3"
        feature_settings = FeatureSettings(late_after_minutes=77)
        moments = ()

    monkeypatch.setattr("serving.bootstrap.load_champion", none)
    monkeypatch.setattr("serving.bootstrap.load_eta_champion", lambda *_: (Eta(), {}))


def test_a_registry_without_one_is_refused_with_what_to_do(sqlite_url: str) -> None:
    with pytest.raises(SettingsError, match="`triage train delay`") as refused:
        build(Settings(database_url=sqlite_url, tracking_uri=REGISTRY))
    assert "--model none" in str(refused.value)


def test_whoever_judges_no_shipments_needs_none(sqlite_url: str) -> None:
    container = build(Settings(database_url=sqlite_url, tracking_uri=REGISTRY, model_name=None))
    assert container.model == AbsentModel(is_meant=True)
    (model,) = [check for check in container.health.readiness() if check.name == "model"]
    assert model.ok


def test_without_a_registry_the_missing_model_is_not_meant(sqlite_url: str) -> None:
    assert build(Settings(database_url=sqlite_url)).model == AbsentModel(is_meant=False)


def test_features_are_then_those_of_the_model_of_arrival(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[FeatureSettings] = []

    class State:
        def __init__(self, settings: FeatureSettings, **_: object) -> None:
            seen.append(settings)
            raise StopIteration

    monkeypatch.setattr("serving.bootstrap.LiveState", State)
    with pytest.raises(StopIteration):
        build(Settings(database_url=sqlite_url, tracking_uri=REGISTRY, model_name=None, eta_model_name="eta"))
    assert seen == [FeatureSettings(late_after_minutes=77)]
