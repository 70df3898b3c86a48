"""`mlflow models serve` on this machine alone, as the documentation says."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from triage_ml import registry


@contextmanager
def served(uri, folder):
    """Give the address of a server of a registered model; what it says goes into a file of the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        uri,
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        port,
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": registry.store_uri(), "PATH": path}
    said = folder / "server.log"
    with said.open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _when_up(f"http://127.0.0.1:{port}", server, said)
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _when_up(address, server, said):
    until = time.monotonic() + 240
    while time.monotonic() < until and server.poll() is None:
        try:
            with urlopen(f"{address}/ping"):
                return address
        except (URLError, ConnectionError):
            time.sleep(0.3)
    pytest.fail(f"the server is not up (exit code {server.poll()}): {said.read_text('utf-8')[-2000:]}")
