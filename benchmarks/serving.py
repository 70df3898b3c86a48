"""What MLflow's scoring server bears: python benchmarks/serving.py [--clients 50] [--requests 1000] [--write docs/scale.md].

Registers the model in a store that is thrown away, starts `mlflow models serve` on this machine alone, lets that many clients
ask at the same time, one message each (texts of the training corpus), and then sends what no client should send. Every answer
is compared with what one thread alone says. Writes one line for each figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).parents[1]
TEXT = "The handle broke off when I washed it. Cheap glue."
JSON = "application/json"


def malformed() -> dict[str, tuple[bytes, str]]:
    """Return requests that are no table with a column `text`, by what is wrong with them: body and content type."""

    def records(*rows: object) -> bytes:
        return json.dumps({"dataframe_records": list(rows)}).encode()

    return {
        "no JSON": (b"no json", JSON),
        "JSON cut off": (b'{"dataframe_records": [{"text": "abc', JSON),
        "empty body": (b"", JSON),
        "null bytes": (b"\x00" * 1000, JSON),
        "no UTF-8": (b'{"dataframe_records": [{"text": "\xff\xfe"}]}', JSON),
        "a lone surrogate": (b'{"dataframe_records": [{"text": "\\ud800 broken"}]}', JSON),
        "nested 100,000 deep": (b'{"dataframe_records": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON),
        "10 MB of noise": (b"x" * 10 * 2**20, JSON),
        "10 MB of JSON": (b'{"junk": "' + b"x" * 10 * 2**20 + b'"}', JSON),
        "a number": (b"1", JSON),
        "null": (b"null", JSON),
        "a list": (b"[1, 2, 3]", JSON),
        "an empty object": (b"{}", JSON),
        "another key": (b'{"something": "else"}', JSON),
        "two keys": (b'{"dataframe_records": [], "inputs": []}', JSON),
        "records that are no list": (b'{"dataframe_records": "text"}', JSON),
        "records that are null": (b'{"dataframe_records": null}', JSON),
        "rows that are no objects": (records(1, 2), JSON),
        "a row that is null": (records(None), JSON),
        "a column by another name": (records({"Text": TEXT}), JSON),
        "text that is a number": (records({"text": 17}), JSON),
        "text that is a list": (records({"text": ["a", "b"]}), JSON),
        "text that is an object": (records({"text": {"a": 1}}), JSON),
        "text that is true": (records({"text": True}), JSON),
        "an amount that is an object": (records({"text": TEXT, "amount": {"value": 1}}), JSON),
        "a split with too many cells": (b'{"dataframe_split": {"columns": ["text"], "data": [["a", "b"]]}}', JSON),
        "a split without data": (b'{"dataframe_split": {"columns": ["text"]}}', JSON),
        "inputs that are text": (b'{"inputs": "text"}', JSON),
        "instances that are null": (b'{"instances": null}', JSON),
        "XML": (b"<text/>", "application/xml"),
        "no content type": (b'{"dataframe_records": []}', ""),
        "another character set": (records({"text": TEXT}), f"{JSON}; charset=latin-1"),
        "a CSV without text": (b"a,b\n1,2\n", "text/csv"),
        "an empty CSV": (b"", "text/csv"),
        "a CSV that is no UTF-8": (b"text\n\xff\xfe\n", "text/csv"),
        "a broken Parquet": (b"PAR1 nothing", "application/vnd.apache.parquet"),
    }


@contextmanager
def server(home: Path, model: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Register a model and serve it as the documentation says; gives the address and the process."""
    os.environ.update(TRIAGE_HOME=str(home), MLFLOW_DISABLE_TELEMETRY="true")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    from triage_ml import model_files, registry

    registry.register(model, registry.track("benchmark", {}, {}))
    registry.point("champion", model_files.version(model))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{registry.MODEL}@champion",
               "--env-manager", "local", "-h", "127.0.0.1", "-p", port]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": registry.store_uri(), "PATH": path}
    with (home / "server.log").open("w") as log:
        running = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _when_up(f"http://127.0.0.1:{port}", running), psutil.Process(running.pid)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        running.wait(30)


def _when_up(address: str, running: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + 300
    while time.monotonic() < until and running.poll() is None:
        try:
            httpx.get(f"{address}/ping").raise_for_status()
            return address
        except httpx.HTTPError:
            time.sleep(0.2)
    raise SystemExit(f"the server is not up (exit code {running.poll()})")


def memory(process: psutil.Process) -> float:
    """Return the resident megabytes of a process and all it started."""
    return float(sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / 2**20)


def ask(address: str, body: bytes, kind: str) -> httpx.Response:
    """Send one request."""
    return httpx.post(f"{address}/invocations", content=body, headers={"Content-Type": kind} if kind else {}, timeout=120)


def one(text: str) -> bytes:
    """Return the request for one message."""
    return json.dumps({"dataframe_records": [{"text": text}]}).encode()


async def load(address: str, texts: list[str], clients: int) -> tuple[list[float], list[Any], float]:
    """Let clients ask at the same time, each for its next text when it has an answer.

    Returns
    -------
    list of float, list, float
        Seconds for each answer and what came back (the status where it was not 200), in the order of the texts; seconds in all.
    """
    took, answers = [0.0] * len(texts), [None] * len(texts)
    waiting = iter(range(len(texts)))

    async def client(connection: httpx.AsyncClient) -> None:
        for number in waiting:
            start = time.perf_counter()
            answer = await connection.post("/invocations", content=one(texts[number]), headers={"Content-Type": JSON})
            took[number] = time.perf_counter() - start
            answers[number] = answer.json()["predictions"][0] if answer.status_code == 200 else answer.status_code

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=address, timeout=300, limits=limits) as connection:
        start = time.perf_counter()
        await asyncio.gather(*(client(connection) for _ in range(clients)))
    return took, answers, time.perf_counter() - start


def measure(address: str, process: psutil.Process, clients: int, requests: int) -> Iterator[str]:
    """Load the server, then send it what no client should send; yields one line for each figure."""
    from triage_ml.corpus import load_corpus

    rows = load_corpus(ROOT / "training" / "corpus")
    texts = [row.text for row in random.Random(1).sample(rows, requests)]
    alone, told, _ = asyncio.run(load(address, texts[: max(requests // 5, 1)], 1))
    yield f"one client: p50 {_ms(alone, 50)}, p99 {_ms(alone, 99)}"
    took, answers, seconds = asyncio.run(load(address, texts, clients))
    yield f"{clients} clients: p50 {_ms(took, 50)}, p99 {_ms(took, 99)}, {requests / seconds:,.0f} messages a second"
    failed = sum(isinstance(answer, int) for answer in answers)
    changed = sum(one != other for one, other in zip(told, answers, strict=False))
    yield f"answers: {requests - failed:,} of {requests:,} with 200; {changed} of {len(told):,} other than to one client"
    before = memory(process)
    counted: dict[int, list[str]] = {}
    for name, (body, kind) in malformed().items():
        counted.setdefault(ask(address, body, kind).status_code, []).append(name)
    for status, names in sorted(counted.items()):
        yield f"malformed, answered {status}: {len(names)} ({', '.join(names)})"
    again = ask(address, one(texts[0]), JSON)
    same = again.status_code == 200 and again.json()["predictions"][0] == told[0]
    yield f"afterwards: {'the same answer as before' if same else 'ANOTHER ANSWER'}"
    yield f"memory: {before:,.0f} MB after the load, {memory(process):,.0f} MB after what was malformed"


def _ms(seconds: list[float], percent: int) -> str:
    found = statistics.quantiles(seconds, n=100, method="inclusive")[percent - 1] if len(seconds) > 1 else seconds[0]
    return f"{found * 1000:,.0f} ms"


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "default")
    parser.add_argument("--write", type=Path, help="page whose part between the marks `serving` is replaced by the figures")
    options = parser.parse_args()
    with TemporaryDirectory() as home, server(Path(home), options.model) as (address, process):
        lines = []
        for line in measure(address, process, options.clients, options.requests):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        from spark import write_part

        write_part(options.write, "serving", f"{Path(__file__).name} --requests {options.requests}", lines)


if __name__ == "__main__":
    main()
