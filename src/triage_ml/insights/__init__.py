"""What a shop learns from its cases: what comes how often, what changed, what remedies brought, what to put right first.

overview                  Insights.of(store, since, until): all of it, from one walk through the record
records, rates, sums      the results; shares, rates and tests with exact intervals; sums in bounded memory
causes                    what one case says: when it began, what it claims, what it comes from, what it cost
counting, fixing          categories, causes, trends, expectation against reality; what to put right first
settling, returning       remedies and offers; buyers who come back, insurance by SKU
replying, radar           reply times against the clocks; new complaints
orders                    how many orders each SKU had, from a table
behind                    from a figure back to its cases
tables, report, charts    JSON, CSV, and a page to read
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage_ml.insights.orders import Orders, load_orders
    from triage_ml.insights.overview import Insights
    from triage_ml.insights.records import By
    from triage_ml.insights.report import write_report
    from triage_ml.insights.settling import learned, offers
    from triage_ml.insights.tables import as_json, write_tables

__all__ = ["By", "Insights", "Orders", "as_json", "learned", "load_orders", "offers", "write_report", "write_tables"]

_HOMES = {
    "By": "records",
    "Insights": "overview",
    "Orders": "orders",
    "as_json": "tables",
    "load_orders": "orders",
    "learned": "settling",
    "offers": "settling",
    "write_report": "report",
    "write_tables": "tables",
}


# Imported on first use, so that importing the package stays light.
def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"triage_ml.insights.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'triage_ml.insights' has no attribute {name!r}")
