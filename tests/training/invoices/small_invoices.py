"""A small set of invoices on a small rate card, and the audit trained on it: made once a session."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from models.audit.company import AuditConfig
from models.audit.score import AuditModel
from tests.training.simulate.billing.card import WEIGHTS, card
from training.config import Split, Trees
from training.invoices.config import InvoicesConfig, MissedConfig
from training.invoices.dataset import InvoiceDataset, make_invoice_dataset
from training.invoices.fit import fit_invoices
from training.simulate.billing.generate import bill_year
from training.simulate.billing.loads import PAYERS
from training.simulate.billing.settings import BillingSettings

SETTINGS = BillingSettings(days=150, loads=1_150, error_share=0.25, novel_after_days=100)


@cache
def small_config() -> InvoicesConfig:
    start = SETTINGS.start
    return InvoicesConfig(
        owner="tests",
        data="synthetic errors on a small rate card",
        split=Split(fit_until=start + timedelta(days=62), calibrate_until=start + timedelta(days=102)),
        label_after_days=5,
        trees=Trees(num_leaves=15, max_depth=6, learning_rate=0.1, min_child_samples=5, feature_fraction=1.0,
                    bagging_fraction=1.0, lambda_l2=0.0, max_rounds=60),
        audit=AuditConfig(payers=PAYERS),
        missed=MissedConfig(alpha=0.1, delta=0.1),
    )  # fmt: skip


@cache
def small_invoices() -> Path:
    folder = Path(mkdtemp())
    bill_year(SETTINGS, card(), WEIGHTS, np.random.default_rng(11)).write(folder)
    return folder


@cache
def small_invoice_dataset() -> InvoiceDataset:
    return make_invoice_dataset(small_invoices(), small_config())


@cache
def small_audit_model() -> AuditModel:
    return fit_invoices(small_invoice_dataset(), small_config())
