"""Start the servers that are compared."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.peers import build_features
from grutext.data import Example

ROOT = Path(__file__).parents[3]
BODY = b'{"texts": ["where is my parcel"]}'
_PATIENCE = 120  # seconds until a server answers; the Keras one traces its graph first


class RunningServer:
    """A server in a process of its own, which has answered a request.

    Attributes:
        url: The address of its route.
        port: Its port.
        process: Its process.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1/classify"
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.end()
                raise RuntimeError(f"{' '.join(command)} does not answer")
            time.sleep(0.2)

    def megabytes(self) -> float:
        """Return the memory of the process (RSS) in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_seconds(self) -> float:
        """Return the processor time that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(60)

    def _answers(self) -> bool:
        request = Request(self.url, BODY, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=_PATIENCE):
                return True
        except (URLError, ConnectionError, TimeoutError):
            return False


def start_grutext(model: Path) -> RunningServer:
    """Start our server."""
    return RunningServer([sys.executable, "-m", "grutext", "serve", "-m", str(model)], {})


def start_words_svm(examples: Sequence[Example], folder: Path) -> RunningServer:
    """Start a server with TF-IDF of words, as scikit-learn has it by default, and a LinearSVC."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return _start_svm(TfidfVectorizer(), examples, folder / "words.joblib")


def start_ngram_svm(examples: Sequence[Example], folder: Path) -> RunningServer:
    """Start a server with the TF-IDF that the benchmarks of accuracy use, and a LinearSVC."""
    return _start_svm(build_features(chinese=False), examples, folder / "ngrams.joblib")


def start_keras(examples: Sequence[Example], folder: Path) -> RunningServer:
    """Start a server with the model of a Keras tutorial; how well it is trained does not change its speed."""
    build = "from benchmarks.serve.servers import save_keras; import sys, json; save_keras(json.load(sys.stdin), sys.argv[1])"
    path, texts = folder / "model.keras", json.dumps([example.text for example in examples])
    subprocess.run([sys.executable, "-c", build, str(path)], input=texts, text=True, check=True, cwd=ROOT)
    return _start_app("keras_app", path)


def save_keras(texts: Sequence[str], path: str) -> None:
    """Write the model of a Keras tutorial, from strings on."""
    from benchmarks.speed.tutorial import Tutorial
    from grutext.engines.keras.backend import keras

    tutorial = Tutorial(texts, 5000, 64, 64, 8, chinese=False)
    keras.Sequential([keras.Input((), dtype="string"), tutorial.vectorization, tutorial.model]).save(path)


PEERS: dict[str, Callable[[Sequence[Example], Path], RunningServer]] = {
    "svm": start_words_svm,
    "ngram-svm": start_ngram_svm,
    "keras": start_keras,
}


def _start_svm(features: object, examples: Sequence[Example], path: Path) -> RunningServer:
    import joblib
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    model = make_pipeline(features, LinearSVC())
    joblib.dump(model.fit([e.text for e in examples], [e.labels[0] for e in examples]), path)
    return _start_app("svm_app", path)


def _start_app(name: str, path: Path) -> RunningServer:
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.serve.{name}:app", "--no-access-log"]
    return RunningServer(command, {"PEER": str(path)})


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
