"""What the tests share: specs from text, small tables, and commands run in this process or in one of their own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import blas  # noqa: F401, before NumPy
import built  # noqa: F401, before any command
import numpy as np
import numpy.testing  # in older versions it starts lscpu, and so not in the middle of a test
import pytest
from hypothesis import settings
from model_files import RICH, RICH_CSV, TINY, TINY_CSV

from nnfit.cli.main import main
from nnfit.config.document import override, parse
from nnfit.config.loader import load_spec, validate
from nnfit.config.messages import name_by_default
from nnfit.config.schema import json_schema
from nnfit.config.spec import Spec
from nnfit.data.dialect import Dialect
from nnfit.data.reader import Reader
from nnfit.errors import DataError, SpecError
from nnfit.fit.prepare import Prepared, prepare
from nnfit.fit.run import epochs, start
from nnfit.fit.train import finished
from nnfit.model.model import Model

ROOT = Path(__file__).parent.parent
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is in a shell's background jobs, and every command that the tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


# --- markers -------------------------------------------------------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs PyTorch or scikit-learn, and what takes minutes, is left out, unless -m speaks of it."""
    apart = [marker for marker in ("oracle", "slow", "browser") if marker not in config.option.markexpr]
    left_out = [item for item in items if any(item.get_closest_marker(marker) for marker in apart)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


APART = {
    *("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec", "os.kill", "os.killpg"),
    *("signal.pthread_kill", "signal.raise_signal"),
}
running: list[pytest.Item] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    running.append(item)
    try:
        return (yield)
    finally:
        running.remove(item)


def marked(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail a test that starts a process or sends a signal, in whatever way, and is not marked so."""
    if event in APART and running and not running[-1].get_closest_marker("process"):
        pytest.fail(f"{event}: a test that starts a process or sends a signal needs @pytest.mark.process")


sys.addaudithook(marked)


def raise_signal(number: int, raise_signal: Callable[[int], None] = signal.raise_signal) -> None:
    sys.audit("signal.raise_signal", number)  # Python tells of the others itself
    raise_signal(number)


signal.raise_signal = raise_signal


class Ended(NamedTuple):
    """A command that ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the project."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever a test caches is not found by the next run of the tests, nor by who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


# --- specs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def read() -> Callable[..., Spec]:
    """The Spec of a text, with what --set overrides; errors name the file spec.yaml."""

    def read(text: str, *overrides: str) -> Spec:
        document = parse(text.encode(), "spec.yaml")
        for option in overrides:
            override(document, option)
        name_by_default(json_schema(), document)
        return validate(document)

    return read


@pytest.fixture(scope="session")
def refused(read: Callable[..., Spec]) -> Callable[..., str]:
    """The message of the SpecError that a text raises."""

    def refused(text: str, *overrides: str) -> str:
        with pytest.raises(SpecError) as caught:
            read(text, *overrides)
        return str(caught.value)

    return refused


# --- data and models -----------------------------------------------------------------------------------------------


class Cut(NamedTuple):
    """A file cut into cells: each column as text, and the line in which each row begins."""

    cells: dict[str, list[str]]
    lines: list[int]


def cut(path: Path, **dialect: Any) -> Cut:
    reader = Reader(str(path), Dialect(**dialect))
    try:
        blocks = list(reader.blocks(dict.fromkeys(reader.header, "text")))
    finally:
        reader.close()
    cells = {
        name: [cell for block in blocks for cell in block.columns[name].cells().tolist()] for name in reader.header
    }
    return Cut(cells, [int(line) for block in blocks for line in block.lines])


@pytest.fixture(scope="session")
def cut_csv(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Cut]:
    """Cut the text or bytes of a CSV file into cells; errors name the file data.csv in some folder."""
    path = tmp_path_factory.mktemp("csv") / "data.csv"

    def cut_csv(data: str | bytes, **dialect: Any) -> Cut:
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))
        return cut(path, **dialect)

    return cut_csv


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Prepared]:
    """A spec and its data.csv, read, split and encoded."""

    def prepared(spec: str, csv: str | bytes, *overrides: str) -> Prepared:
        (tmp_path / "data.csv").write_bytes(csv if isinstance(csv, bytes) else csv.encode())
        (tmp_path / "spec.yaml").write_text(spec, encoding="utf-8")
        return prepare(load_spec(tmp_path / "spec.yaml", list(overrides)))

    return prepared


@pytest.fixture
def complaint(prepared: Callable[..., Prepared]) -> Callable[..., str]:
    """The message of the error that a spec and its data.csv raise, files without their folder."""

    def complaint(*arguments: str) -> str:
        with pytest.raises((DataError, SpecError)) as caught:
            prepared(*arguments)
        return re.sub(r"\S*/(data\.csv|spec\.yaml)", r"\1", str(caught.value))

    return complaint


@pytest.fixture(scope="session")
def train() -> Callable[[Prepared], Model]:
    """The model of a prepared spec."""

    def train(prepared: Prepared) -> Model:
        run = start(prepared)
        for _ in epochs(run):
            pass
        return finished(run, 1)

    return train


@pytest.fixture
def trained(prepared: Callable[..., Prepared], train: Callable[[Prepared], Model]) -> Callable[..., Model]:
    """The model of a spec and its data.csv."""
    return lambda spec, csv, *overrides: train(prepared(spec, csv, *overrides))


FLOWERS = """\
data:
  train: flowers.csv
  target: species
  ignore: [id]
  test: 0.25
network:
  layers:
    - {size: 4, activation: tanh}
    - {size: auto, activation: softmax}
training:
  epochs: 30
  batch_size: 8
  optimizer: {name: adam, learning_rate: 0.05}
"""


def flowers_csv(n: int = 60) -> str:
    """A number that tells three classes apart, a text column, and an id."""
    rng = np.random.default_rng(3)  # so that the smallest and the largest number are in training rows
    lines = ["id,length,colour,species"]
    for i in range(n):
        species = ("setosa", "versicolor", "virginica")[i % 3]
        lines.append(f"{i},{rng.normal(3 * (i % 3), 0.5):.3f},{('red', 'blue')[i % 2]},{species}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """A folder with flowers.yaml and flowers.csv."""
    (tmp_path / "flowers.yaml").write_text(FLOWERS)
    (tmp_path / "flowers.csv").write_text(flowers_csv())
    return tmp_path


@pytest.fixture(scope="session")
def flower_model_bytes(tmp_path_factory: pytest.TempPathFactory, train: Callable[[Prepared], Model]) -> bytes:
    """A model file of the flowers, trained once."""
    folder = tmp_path_factory.mktemp("flowers")
    (folder / "flowers.yaml").write_text(FLOWERS)
    (folder / "flowers.csv").write_text(flowers_csv())
    return train(prepare(load_spec(folder / "flowers.yaml"))).to_bytes()


@pytest.fixture
def flower_model(flowers: Path, flower_model_bytes: bytes) -> Path:
    """The model file of the flowers, beside their spec and table."""
    path = flowers / "flowers.npz"
    path.write_bytes(flower_model_bytes)
    return path


def trained_bytes(folder: Path, train: Callable[[Prepared], Model], spec: str, csv: str) -> bytes:
    (folder / "data.csv").write_text(csv)
    (folder / "spec.yaml").write_text(spec)
    return train(prepare(load_spec(folder / "spec.yaml"))).to_bytes()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, train: Callable[[Prepared], Model]) -> bytes:
    """The smallest model."""
    return trained_bytes(tmp_path_factory.mktemp("tiny"), train, TINY, TINY_CSV)


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory, train: Callable[[Prepared], Model]) -> bytes:
    """A model with something of everything."""
    return trained_bytes(tmp_path_factory.mktemp("rich"), train, RICH, RICH_CSV)


class Trained(NamedTuple):
    """A config, its data, and its model."""

    prepared: Prepared
    model: Model

    def metrics(self, rows: str = "") -> dict[str, Any]:
        """The metrics of a set; of the test rows, or else the training rows, if it is not named."""
        found: dict[str, Any] = self.model.record["metrics"]
        return found[rows or ("test" if "test" in found else "train")]


class Configs(dict[str, Trained]):
    """The specs of configs/, each trained when it is first asked for."""

    def __init__(self, train: Callable[[Prepared], Model]) -> None:
        super().__init__()
        self.train = train

    def __missing__(self, name: str) -> Trained:
        prepared = prepare(load_spec(ROOT / "configs" / f"{name}.yaml"))
        return self.setdefault(name, Trained(prepared, self.train(prepared)))


@pytest.fixture(scope="session")
def configs(train: Callable[[Prepared], Model]) -> Configs:
    """Every config, trained once."""
    return Configs(train)


# --- commands ------------------------------------------------------------------------------------------------------


class Streams(NamedTuple):
    """Standard output and error of a command that runs in this process."""

    out: io.TextIOWrapper
    err: io.TextIOWrapper


@pytest.fixture
def restored() -> Iterator[None]:
    """The signals, arguments, streams and environment of this process, put back after the test."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    kept = sys.argv, sys.stdin, sys.stdout, sys.stderr
    environment = dict(os.environ)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    sys.argv, sys.stdin, sys.stdout, sys.stderr = kept
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def run(restored: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run a command in this process, through the entry point; a bug in nnfit surfaces as its own exception.

    What it writes to both streams comes in its order if they are one, `together`. One core is there, unless it says so:
    another process belongs to tests that are marked so. No line tells that work goes on, however slow the machine is.
    """
    monkeypatch.setattr("nnfit.cli.threads.available", lambda: 1)
    monkeypatch.setattr("nnfit.cli.progress.PATIENCE", 3600.0)

    def run(*arguments: object, stdin: str | bytes = "", together: bool = False) -> Ended:
        kept = sys.stdin, sys.stdout, sys.stderr
        streams = Streams(*(io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True) for _ in "oe"))
        streams = streams._replace(err=streams.out) if together else streams
        sys.argv = ["nnfit", *map(str, arguments)]
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin if isinstance(stdin, bytes) else stdin.encode()), "utf-8")
        sys.stdout, sys.stderr = streams
        code: Any = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            sys.stdin, sys.stdout, sys.stderr = kept
        out, err = (stream.buffer.getvalue().decode() for stream in streams)
        return Ended(code, out, "" if together else err)

    return run


@pytest.fixture(scope="session")
def spawn() -> Callable[..., Ended]:
    """Run a command in a process of its own."""

    def spawn(*arguments: object, cwd: Path | None = None, stdin: str = "") -> Ended:
        command = [sys.executable, "-m", "nnfit", *map(str, arguments)]
        ended = subprocess.run(command, input=stdin.encode(), capture_output=True, cwd=cwd, timeout=60)
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return spawn
