"""Drift: week by week, whether what buyers write, and how surely the model judges it, is still what it was.

records   the frozen results: Drift, Week, Check, Alarm
limits    from when on a change counts, each number with its reason
counting  one walk through the case record, added up by week
checking  each week against those before it: change or noise
telling   what is found, as sentences
"""

from triage_ml.drift.records import Alarm, Check, Drift, Measure, Week

__all__ = ["Alarm", "Check", "Drift", "Measure", "Week"]
