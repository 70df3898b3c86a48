"""A whole export: messages in, one result row out for each, in order, with memory that does not grow.

run         read, judge, write: `score`
rows        an assessment becomes one flat row
files       rows become CSV, JSON Lines, Parquet or Excel
checkpoint  what an unfinished run has done, so that it can go on after a kill
workers     processes that judge chunks; judging: what is done with one chunk
"""

from triage_ml.batch.checkpoint import Summary
from triage_ml.batch.files import ENDINGS
from triage_ml.batch.rows import COLUMNS, to_row
from triage_ml.batch.run import CHUNK, chunks, score
from triage_ml.batch.workers import jobs_for

__all__ = ["CHUNK", "COLUMNS", "ENDINGS", "Summary", "chunks", "jobs_for", "score", "to_row"]
