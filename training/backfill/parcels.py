"""The feature build in three steps that know nothing of each other, so that many machines can share them.

1. `open_records`: the legs of some shipments, and the questions about them, packed up by key.
2. `answer`: what is known by one set of key fields, for the keys of one part.
3. `assemble_part`: the features of some questions, from what was answered by each key.

What goes from step to step is a *parcel*: where it is to go, and a table in Arrow's format. Whoever calls the steps has
to bring together the parcels of one `to`, and nothing else; the functions of `features` do the work, so the numbers are
those of `features.build`, to the last bit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features import course, rests, tracking
from features.arrow import arrow_table
from features.course import Courses
from features.definitions import NAMES
from features.facts import facts_of
from features.feeds import FEEDS
from features.feeds import asked as asked_of_feeds
from features.history import WINDOWS
from features.keyed import KEYS, LONGEST_WINDOW, Key, Keyed, assemble, codes_of
from features.legs import KEYS as FIELDS
from features.legs import TABLES, Legs, Time
from features.moments import questions_about
from features.numbers import Number
from features.rests import Rests, RestsByKey, rests_of_many
from features.settings import FeatureSettings
from features.tables import SCHEMAS, RecordTables, frame_of
from features.timeline import NEVER, Ints
from features.tracking import Reports, Scans
from features.vocabulary import Moment
from features.way import FEEDS_ASKED, WAY, Ways, unknown, worst_of

_SPAN = LONGEST_WINDOW // 3
_TIMES = [f"t{column}" for column in Time]
_NUMBERS = [f"n{column}" for column in Number]
_KIND = ("place", "status")
_REST = ("occurred", "known", "until", "minutes")
_TRACKED = [feature.name for feature in (*tracking.FEATURES, *course.FEATURES)]
_ANYWHERE = rests.WIDTH * 2
_RESTED = {"rests_anywhere": slice(0, _ANYWHERE), "rests": slice(_ANYWHERE, _ANYWHERE + rests.WIDTH)}
"""Where the answers of rests stand side by side: of all and of a status, then of a place and status."""


class Parcel(NamedTuple):
    """What is sent from one step to the next: `to` names the part that it goes to, `kind` what it holds."""

    to: str
    kind: str
    payload: bytes


def part_of(texts: Iterable[str], parts: int) -> Ints:
    """Return the part, 0 to `parts` - 1, that each text belongs to, the same on every machine: int64 [n]."""
    return np.array([zlib.crc32(text.encode()) % parts for text in texts], dtype=np.int64)


def open_records(
    tables: Mapping[str, pd.DataFrame], settings: FeatureSettings, moments: Sequence[Moment], home: int, parts: int
) -> Iterator[Parcel]:
    """Make the legs of one part of the shipments and the questions about them, and send them to each of their keys.

    Parameters
    ----------
    tables
        Each of `TABLES`, with all rows of these shipments and of no others.
    home
        The part, 0 to `parts` - 1: where the answers to its questions come together.
    """
    frames = {table: _canonical(table, tables[table]) for table in TABLES}
    legs = Legs.of_tables(RecordTables(**frames, weather=frame_of("weather", [])), currency=settings.currency)
    asked = questions_about(legs, moments)
    # A question is known by its home and its place there, in whatever order a machine that opens it anew gets the rows.
    asked = asked.sort_values(["shipment_id", "moment", "cutoff_at"], ignore_index=True)
    cutoffs = asked["cutoff_at"].dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    shipments = pd.Index(legs.shipment_ids).get_indexer(pd.Index(asked["shipment_id"]))
    rows = legs.rows_at(shipments, cutoffs)

    told = pd.DataFrame({**legs.keys, **dict(zip(_TIMES, legs.times.T, strict=True))})
    numbers = dict(zip(_NUMBERS, legs.numbers[rows].T, strict=True))
    times = dict(zip(_TIMES, legs.times[rows].T, strict=True))
    reports = Reports.of(legs)
    scanned = Scans(legs, reports)
    last = scanned.last_at(shipments, cutoffs)
    scans = scanned.values(last, shipments, legs.plan[rows], legs.times[rows], cutoffs)
    courses = Courses(legs).values(shipments, legs.keys["transfer"][rows], legs.times[rows], cutoffs)
    tracked = dict(zip(_TRACKED, np.concatenate([scans, courses], axis=1).T, strict=True))
    asked = asked[["shipment_id", "moment"]].assign(cutoff=cutoffs, **times, **numbers, **tracked)
    if not asked.empty:
        yield Parcel(f"home/{home}", "question", _packed(_arrow_of(asked)))

    own = pd.DataFrame({"home": home, "question": np.arange(len(asked)), "cutoff": cutoffs})
    yield from _sent_rests(legs, reports, own[last >= 0], last[last >= 0], parts)
    planned_of = own.assign(planned=times[_TIMES[Time.PLANNED]])
    fields_asked = {field: legs.keys[field][rows] for field in FIELDS}
    for key in KEYS:
        name, of_key = _name(key), {field: fields_asked[field] for field in key}
        if key:
            complete = told[list(key)].notna().all(axis=1)
            some = {field: legs.keys[field][complete] for field in key}
            yield from _sent(name, _part_of_key(some, parts), "legs", told.loc[complete, [*key, *_TIMES]])
            part = _part_of_key(of_key, parts)
        else:
            for stretch, chosen in _stretches(legs.times):
                yield Parcel(f"{name}/{stretch}", "legs", _packed(_arrow_of(told.loc[chosen, _TIMES])))
            part = cutoffs // _SPAN
        yield from _sent(name, part, "questions", planned_of.assign(**of_key))
    for table, field, ahead in asked_of_feeds():
        subject = FEEDS[table].subjects(field, fields_asked)
        put = own.assign(subject=subject, target=times[_TIMES[ahead]])
        yield from _sent(table, _part_of_key({"subject": subject}, parts), field, put)
    of, places, planned = Ways(legs.stops).ahead(legs.plan[rows], cutoffs)
    for name in FEEDS_ASKED:
        subject = FEEDS[name].subjects(WAY, {WAY: places})
        put = own.iloc[of].assign(subject=subject, target=planned)
        yield from _sent(name, _part_of_key({"subject": subject}, parts), WAY, put)


def open_feed(name: str, tables: Mapping[str, pd.DataFrame], parts: int) -> Iterator[Parcel]:
    """Send what the tables of a feed tell to those they tell of; a table that is not there is empty.

    The tables are whole, or hold all rows of some values of the column by which the feed may be parted.
    """
    feed = FEEDS[name]
    frames = {
        table: _canonical(table, tables[table]) if table in tables else frame_of(table, []) for table in feed.tables
    }
    rows = feed.prepare(frames)
    yield from _sent(name, _part_of_key({"subject": rows["subject"].to_numpy(object)}, parts), "told", rows)


def answer(to: str, parcels: Iterable[tuple[str, bytes]], settings: FeatureSettings) -> Iterator[Parcel]:
    """Answer the questions of one part from the facts of one part; `parcels` are (kind, payload)."""
    held = _unpacked(parcels)
    name = to.rpartition("/")[0]
    if name in _RESTED:
        yield from _answered_of_rests(name, held)
        return
    if name in FEEDS:
        feed = FEEDS[name]
        nothing = {table: frame_of(table, []) for table in feed.tables}
        told = feed.told(held["told"] if "told" in held else feed.prepare(nothing))
        for field in (*(field for field, _ in feed.asked), WAY):
            if field in held:
                asked = held[field]
                target, cutoff = (asked[column].to_numpy(dtype=np.int64) for column in ("target", "cutoff"))
                yield from _answered(
                    f"{name}:{field}", asked, told.at(asked["subject"].to_numpy(object), target, cutoff)
                )
        return
    key = next(key for key in KEYS if _name(key) == name)
    if "questions" not in held:
        return
    asked = held["questions"]
    legs = held.get("legs", pd.DataFrame(columns=[*key, *_TIMES]))
    both = {field: np.concatenate([legs[field].to_numpy(object), asked[field].to_numpy(object)]) for field in key}
    codes = codes_of(key, both) if key else np.zeros(len(legs) + len(asked), dtype=np.int64)
    times = legs[_TIMES].to_numpy(dtype=np.int64)
    keyed = Keyed(key, codes[: len(legs)], times, facts_of(times, settings))
    planned, cutoffs = (asked[column].to_numpy(dtype=np.int64) for column in ("planned", "cutoff"))
    yield from _answered(name, asked, keyed.at(codes[len(legs) :], planned, cutoffs))


def assemble_part(parcels: Iterable[tuple[str, bytes]]) -> pd.DataFrame:
    """Return the features of the questions of one part.

    Returns
    -------
    DataFrame
        shipment_id, moment, cutoff_at, and a column for each of `NAMES`; ordered by the first three.
    """
    parcels = list(parcels)
    asked = _unpacked(one for one in parcels if one[0] == "question").get("question")
    if asked is None:
        return features_frame([], [], np.empty(0, dtype=np.int64), np.empty((0, len(NAMES))))
    answers: dict[str, NDArray[np.float64]] = {}
    on_the_way = {name: unknown(name, len(asked)) for name in FEEDS_ASKED}
    rested = np.full((len(asked), rests.WIDTH * len(rests.LEVELS)), np.nan)
    for kind, frame in _unpacked(one for one in parcels if one[0] != "question").items():
        place = frame.pop("question").to_numpy(dtype=np.int64)
        values = np.ascontiguousarray(frame.to_numpy(dtype=np.float64))
        name, _, field = kind.rpartition(":")
        if kind in _RESTED:
            rested[place, _RESTED[kind]] = values
            continue
        if field == WAY:
            on_the_way[name] = worst_of(name, place, values, len(asked))
            continue
        found = np.empty_like(values)
        found[place] = values
        answers[kind] = found
    cutoffs = asked["cutoff"].to_numpy(dtype=np.int64)
    values = assemble(
        {key: answers[_name(key)] for key in KEYS},
        [answers[f"{table}:{field}"] for table, field, _ in asked_of_feeds()],
        [on_the_way[name] for name in FEEDS_ASKED],
        asked[_TRACKED].to_numpy(dtype=np.float64),
        rested,
        asked[_TIMES].to_numpy(dtype=np.int64),
        asked[_NUMBERS].to_numpy(dtype=np.float64),
        cutoffs,
    )
    return features_frame(asked["shipment_id"], asked["moment"], cutoffs, values)


def features_frame(
    shipment_ids: Iterable[str], moments: Iterable[str], cutoffs: Ints, values: NDArray[np.float64]
) -> pd.DataFrame:
    """Return what a backfill writes: shipment_id, moment, cutoff_at, and a column for each of `NAMES`."""
    asked = pd.DataFrame({"shipment_id": list(shipment_ids), "moment": list(moments)}, dtype="str")
    asked["cutoff_at"] = pd.to_datetime(cutoffs, unit="us", utc=True).astype("datetime64[us, UTC]")
    return pd.concat([asked, pd.DataFrame(values, columns=list(NAMES))], axis=1)


def _stretches(times: Ints) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield each stretch of time with the legs that can be asked about in it: a fact goes wherever a window shows it.

    So questions are parted where all legs have one key.
    """
    happened = times[:, [Time.DEPARTED, Time.DELIVERED]]
    first = happened.min(axis=1)
    last = np.where(happened == NEVER, -NEVER, happened).max(axis=1)
    some = first < NEVER
    if some.any():
        for one in range(int(first[some].min() // _SPAN), int((last[some].max() + LONGEST_WINDOW) // _SPAN) + 1):
            chosen = some & (first // _SPAN <= one) & (one <= (np.where(some, last, 0) + LONGEST_WINDOW) // _SPAN)
            if chosen.any():
                yield one, chosen


def _part_of_key(fields: Mapping[str, NDArray[np.object_]], parts: int) -> Ints:
    """Return the part of each row by the values of its fields, of which one that is missing counts as empty."""
    frame = pd.DataFrame(fields, dtype=object).fillna("")
    by_key = frame.groupby(list(fields), sort=False)
    texts = ("\x1f".join(values) for values in frame.drop_duplicates().itertuples(index=False))
    return np.asarray(part_of(texts, parts)[by_key.ngroup()], dtype=np.int64)


def _sent_rests(legs: Legs, reports: Reports, asked: pd.DataFrame, last: Ints, parts: int) -> Iterator[Parcel]:
    """Send rests to their place and status, and there too the questions of shipments that were last reported so.

    Where a status anywhere and where all are asked about, time is parted instead, as in `_stretches`.
    """
    found = rests_of_many(legs, reports)
    kinds = legs.told.frame[[*_KIND]].astype("str").reset_index(drop=True)
    told = kinds.iloc[found.event].assign(**{name: getattr(found, name) for name in _REST})
    asked = asked.reset_index(drop=True).assign(**{name: kinds[name].to_numpy()[last] for name in _KIND})
    for kind, frame in (("told", told), ("questions", asked)):
        fields = {name: frame[name].to_numpy(object) for name in _KIND}
        yield from _sent("rests", _part_of_key(fields, parts), kind, frame)
    yield from _sent("rests_anywhere", asked["cutoff"].to_numpy(dtype=np.int64) // _SPAN, "questions", asked)
    first, end = found.occurred // _SPAN, (found.occurred + WINDOWS[rests.WINDOW]) // _SPAN
    for step in range(LONGEST_WINDOW // _SPAN + 1):
        some = (found.known // _SPAN <= first + step) & (first + step <= end)
        yield from _sent("rests_anywhere", (first + step)[some], "told", told[some])


def _answered_of_rests(name: str, held: Mapping[str, pd.DataFrame]) -> Iterator[Parcel]:
    """Answer the questions of one part about rests."""
    if "questions" not in held:
        return
    asked = held["questions"]
    told = held.get("told", pd.DataFrame(columns=[*_KIND, *_REST]))
    status = pd.factorize(np.concatenate([told["status"].to_numpy(object), asked["status"].to_numpy(object)]))[0]
    levels = [np.zeros_like(status), status]
    if name == "rests":
        place = pd.factorize(np.concatenate([told["place"].to_numpy(object), asked["place"].to_numpy(object)]))[0]
        levels = [(place + 1) * len(status) + status]
    columns = {column: told[column].to_numpy(dtype=np.int64) for column in _REST}
    rested = Rests(event=np.arange(len(told)), **columns)
    cutoffs = asked["cutoff"].to_numpy(dtype=np.int64)
    answers = [RestsByKey(codes[: len(told)], rested).at(codes[len(told) :], cutoffs) for codes in levels]
    yield from _answered(name, asked, np.concatenate(answers, axis=1))


def _answered(kind: str, asked: pd.DataFrame, values: NDArray[np.float64]) -> Iterator[Parcel]:
    frame = pd.DataFrame(values).rename(columns=str)
    frame.insert(0, "question", asked["question"].to_numpy(dtype=np.int64))
    yield from _sent("home", asked["home"].to_numpy(dtype=np.int64), kind, frame)


def _sent(to: str, part: Ints, kind: str, frame: pd.DataFrame) -> Iterator[Parcel]:
    """Yield the rows of a frame, packed by the part that each goes to."""
    if frame.empty:
        return
    order = np.argsort(part, kind="stable")
    present, first = np.unique(part[order], return_index=True)
    table = _arrow_of(frame.iloc[order])
    for one, start, end in zip(present.tolist(), first.tolist(), [*first[1:].tolist(), len(order)], strict=True):
        yield Parcel(f"{to}/{one}", kind, _packed(table.slice(start, end - start)))


def _name(key: Key) -> str:
    return "+".join(key) or "all"


def _canonical(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    schema = SCHEMAS[table]
    typed: pd.DataFrame = arrow_table(frame, schema).to_pandas()
    return typed


def _arrow_of(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _unpacked(parcels: Iterable[tuple[str, bytes]]) -> dict[str, pd.DataFrame]:
    """Return the tables of each kind, joined."""
    held: dict[str, list[pa.Table]] = {}
    for kind, payload in parcels:
        held.setdefault(kind, []).append(pa.ipc.open_stream(payload).read_all())
    # A column that holds nothing in one part has no type there.
    return {
        kind: pa.concat_tables(tables, promote_options="default").to_pandas(use_threads=False)
        for kind, tables in held.items()
    }
