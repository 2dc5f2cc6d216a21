"""Backfill on a Spark cluster: Spark brings parcels together, the functions of `parcels` do the work.

Needs PySpark on the driver, and this project with pandas and pyarrow on every worker; see `docs/scale.md`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial, reduce

import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from features.definitions import NAMES
from features.feeds import FEEDS
from features.legs import TABLES
from features.settings import FeatureSettings
from features.vocabulary import Moment
from training.backfill.parcels import Parcel, answer, assemble_part, open_feed, open_records

_PARCELS = "to string, kind string, payload binary"
_FEATURES = "shipment_id string, moment string, cutoff_at timestamp, " + ", ".join(f"`{name}` double" for name in NAMES)
_TABLE, _PART = "__table__", "__part__"


def backfill(
    spark: SparkSession, data: str, out: str, settings: FeatureSettings, moments: Sequence[Moment], parts: int
) -> int:
    """Write the features of every question of the tables under `data` into `out`; return how many there are.

    Parameters
    ----------
    data, out
        Folders that every worker reaches, in any form that Spark reads (a path, `s3a://…`, `hdfs://…`).
    parts
        Into how many parts shipments, keys and questions are parted; a part must fit a worker's memory.
    """
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.shuffle.partitions", str(parts))
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    tables = [spark.read.parquet(f"{data}/{table}.parquet").withColumn(_TABLE, f.lit(table)) for table in TABLES]
    records = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), tables)
    records = records.withColumn(_PART, f.pmod(f.crc32("shipment_id"), f.lit(parts)))
    opened = records.groupBy(_PART).applyInPandas(partial(_open_records, settings, moments, parts), _PARCELS)
    told = []
    for name, feed in FEEDS.items():
        paths = {table: f"{data}/{table}.parquet" for table in feed.tables}
        there = [
            spark.read.parquet(path).withColumn(_TABLE, f.lit(table))
            for table, path in paths.items()
            if _exists(spark, path)
        ]
        if there and feed.parted_by:
            rows = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), there)
            rows = rows.withColumn(_PART, f.pmod(f.crc32(feed.parted_by), f.lit(parts)))
            told.append(rows.groupBy(_PART).applyInPandas(partial(_open_feed_part, name, parts), _PARCELS))
        elif there:
            # Weather is small beside events, and which station tells of a place depends on all: one worker opens it.
            whole = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), there).coalesce(1)
            told.append(whole.mapInPandas(partial(_open_feed, name, parts), _PARCELS))
    sent = reduce(DataFrame.unionByName, told, opened).persist(StorageLevel.DISK_ONLY)
    homes = sent.filter(f.col("to").startswith("home/"))
    answered = (
        sent.filter(~f.col("to").startswith("home/")).groupBy("to").applyInPandas(partial(_answer, settings), _PARCELS)
    )
    features = homes.unionByName(answered).groupBy("to").applyInPandas(_assemble, _FEATURES)
    features.write.mode("error").option("compression", "zstd").parquet(out)
    count = int(spark.read.parquet(out).count())
    sent.unpersist()
    return count


def _open_records(
    settings: FeatureSettings, moments: Sequence[Moment], parts: int, records: pd.DataFrame
) -> pd.DataFrame:
    tables = {table: records[records[_TABLE] == table] for table in TABLES}
    return _frame(open_records(tables, settings, moments, int(records[_PART].iloc[0]), parts))


def _open_feed(name: str, parts: int, batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    held = list(batches)
    if held:
        yield _open_feed_part(name, parts, pd.concat(held, ignore_index=True))


def _open_feed_part(name: str, parts: int, rows: pd.DataFrame) -> pd.DataFrame:
    return _frame(open_feed(name, {str(table): own for table, own in rows.groupby(_TABLE)}, parts))


def _exists(spark: SparkSession, path: str) -> bool:
    """Tell whether there is such a file, in whatever Spark reads from."""
    jvm = spark.sparkContext._jvm
    where = jvm.org.apache.hadoop.fs.Path(path)
    return bool(where.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration()).exists(where))


def _answer(settings: FeatureSettings, parcels: pd.DataFrame) -> pd.DataFrame:
    return _frame(answer(parcels["to"].iloc[0], _pairs(parcels), settings))


def _assemble(parcels: pd.DataFrame) -> pd.DataFrame:
    features = assemble_part(_pairs(parcels))
    features["cutoff_at"] = features["cutoff_at"].dt.tz_localize(None)
    return features


def _pairs(parcels: pd.DataFrame) -> list[tuple[str, bytes]]:
    return list(zip(parcels["kind"], parcels["payload"], strict=True))


def _frame(parcels: Iterable[Parcel]) -> pd.DataFrame:
    return pd.DataFrame(list(parcels), columns=list(Parcel._fields))
