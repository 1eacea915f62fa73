"""`nnfit train --mlflow` keeps a training as a run of MLflow, which is read back through its client."""

from __future__ import annotations

import http.server
import json
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import Ended

import nnfit
from nnfit.cli import signals, tracking
from nnfit.version import __version__

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

Run = Callable[..., Ended]

platform.processor()  # which asks another process, once; MLflow wants to know it when it is loaded

pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning"), pytest.mark.usefixtures("restored")]


@pytest.fixture
def store(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for runs, named by MLflow's variables; the flowers lie beside it, and work is done there."""
    monkeypatch.chdir(flowers)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{flowers / 'store'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return flowers / "store"


def client() -> Any:
    """The class of MLflow's clients, loaded where it is asked for: it takes seconds."""
    with tracking.quietly():
        from mlflow import MlflowClient

    return MlflowClient


def runs(experiment: str = "flowers") -> list[MlflowRun]:
    """The runs of an experiment, the last first."""
    with tracking.quietly():
        found = client()().get_experiment_by_name(experiment)
        return [] if found is None else list(client()().search_runs([found.experiment_id]))


def files_of(run: MlflowRun) -> dict[str, bytes]:
    """The files of a run, by name."""
    folder = Path(run.info.artifact_uri.removeprefix("file://").removeprefix("file:"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_holds_the_spec_the_costs_the_metrics_and_the_files(run: Run, store: Path) -> None:
    done = run("train", "flowers.yaml", "--mlflow", "flowers", "--set", "training.epochs=7", "--history", "h.csv")
    assert done.code == 0, done.err
    assert "epochs in" in done.out.splitlines()[-1]
    assert "mlflow" not in (done.out + done.err).lower()
    (found,) = runs()
    model = nnfit.load("flowers.npz")
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "flowers"
    assert found.data.params["training.epochs"] == "7"
    assert found.data.params["training.optimizer.learning_rate"] == "0.05"
    assert found.data.params["network.layers.0.activation.name"] == "tanh"
    assert json.loads(found.data.params["data.target"]) == ["species"]
    assert set(json.loads(found.data.params["data.columns"])) == {"length", "colour"}
    tags = {name: value for name, value in found.data.tags.items() if name.startswith("nnfit.")}
    assert tags == {
        "nnfit.version": __version__,
        "nnfit.seed": "0",
        "nnfit.spec": "flowers.yaml",
        "nnfit.data_sha256": model.record["data_sha256"],
    }
    with tracking.quietly():
        curve = client()().get_metric_history(found.info.run_id, "cost")
    assert [(each.step, each.value) for each in curve] == list(enumerate(model.record["history"]["cost"], 1))
    assert found.data.metrics["test/accuracy"] == model.metrics["test"]["accuracy"]
    assert found.data.metrics["train/log_loss"] == model.metrics["train"]["log_loss"]
    assert found.data.metrics["linear/test/log_loss"] == model.record["linear"]["test"]["log_loss"]
    assert found.data.metrics["trivial/test/log_loss"] == model.record["trivial"]["test"]["log_loss"]
    assert "test/confusion" not in found.data.metrics
    kept = files_of(found)
    assert set(kept) == {"flowers.npz", "spec/flowers.yaml", "spec/resolved.json"}
    assert kept["flowers.npz"] == Path("flowers.npz").read_bytes()
    assert kept["spec/flowers.yaml"] == Path("flowers.yaml").read_bytes()
    assert json.loads(kept["spec/resolved.json"])["training"]["epochs"] == 7


def test_the_bytes_of_the_model_are_those_of_a_training_that_nobody_tracks(run: Run, store: Path) -> None:
    assert run("train", "flowers.yaml", "-o", "a.npz", "--mlflow", "flowers", "--quiet") == Ended(0, "", "")
    assert run("train", "flowers.yaml", "-o", "b.npz", "--quiet") == Ended(0, "", "")
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    assert len(runs()) == 1


def test_validation_costs_and_the_report_are_kept_where_they_are(
    run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnfit.cli.train.page_of", lambda *arguments: b"<!doctype html>")  # which takes seconds
    sets = ["--set", "data.validation=0.2", "--set", "training.epochs=3"]
    assert run("train", "flowers.yaml", "--mlflow", "flowers", "--report", "page.html", *sets).code == 0
    (found,) = runs()
    model = nnfit.load("flowers.npz")
    assert found.data.metrics["validation_cost"] == model.record["history"]["validation"][-1]
    assert found.data.metrics["validation/accuracy"] == model.metrics["validation"]["accuracy"]
    assert files_of(found)["page.html"] == Path("page.html").read_bytes()


def test_without_the_option_mlflow_is_never_loaded(run: Run, flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert run("train", str(flowers / "flowers.yaml"), "--quiet").code == 0


def test_without_the_package_the_extra_is_named_before_anything_is_done(
    run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    done = run("train", "flowers.yaml", "--mlflow", "flowers")
    assert done == Ended(2, "", "nnfit: --mlflow needs mlflow; pip install 'nnfit[mlflow]'\n")


@pytest.mark.parametrize("name", ["", " ", "x" * 501])
def test_an_experiment_without_a_name_is_refused(name: str, run: Run, store: Path) -> None:
    done = run("train", "flowers.yaml", "--mlflow", name)
    assert (done.code, done.out) == (2, "")
    assert "an experiment has a name of 1 to 500 characters" in done.err


def test_a_tracker_that_is_not_there_is_an_error_before_the_training(
    run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    done = run("train", "flowers.yaml", "--mlflow", "flowers")
    assert done.code == 7
    assert "nnfit: --mlflow flowers (http://127.0.0.1:9): there is no MLflow run: " in done.err
    assert "is a server of MLflow running at this address?" in done.err
    assert "secret" not in done.err
    assert "\n" not in done.err.strip()
    assert not Path("flowers.npz").exists()


@pytest.mark.parametrize("call", ["log_batch", "log_artifacts", "set_terminated"])
def test_a_tracker_that_fails_later_costs_nothing_but_its_run(
    call: str, run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = getattr(client(), call)

    def failing(self: Any, *arguments: Any, **named: Any) -> Any:
        if call == "log_batch" and "params" in named:
            return own(self, *arguments, **named)
        raise OSError("the server is gone\nand more")

    monkeypatch.setattr(client(), call, failing)
    done = run("train", "flowers.yaml", "--mlflow", "flowers", "--json", "r.json")
    assert done.code == 7
    assert done.out.splitlines()[-1].endswith("model written to flowers.npz")
    assert done.err.count("the server is gone; nothing more is sent to it") == 1
    assert done.err.splitlines()[-1].startswith("nnfit: --mlflow flowers")
    assert "the MLflow run is not whole: the server is gone" in done.err.splitlines()[-1]
    assert nnfit.load("flowers.npz").metrics == json.loads(Path("r.json").read_text())["metrics"]
    if call != "set_terminated":
        assert runs()[0].info.status == "FAILED"


def test_a_tracker_that_fails_twice_is_told_once(run: Run, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Any, *arguments: Any, **named: Any) -> Any:
        raise OSError("the server is gone")

    for call in ("log_artifacts", "set_terminated"):
        monkeypatch.setattr(client(), call, failing)
    done = run("train", "flowers.yaml", "--mlflow", "flowers")
    assert done.code == 7
    assert done.err.count("the server is gone; nothing more is sent to it") == 1


@pytest.fixture
def asked(store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A server that has an experiment, and does with a kind of request what is put under it; `seen` are all."""
    state: dict[str, Any] = {"seen": []}
    answers = {"get-by-name": {"experiment": {"experiment_id": "1", "name": "flowers", "lifecycle_stage": "active"}}}
    info = {
        "run_id": "r1",
        "run_uuid": "r1",
        "experiment_id": "1",
        "status": "RUNNING",
        "artifact_uri": "mlflow-artifacts:/1",
    }
    answers["create"] = {"run": {"info": info, "data": {}}}
    ended = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            """Nothing is printed."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = self.path.partition("?")[0].rpartition("/")[2]
            kind = "metrics" if b'"metrics"' in body else "params" if b'"params"' in body else call
            state["seen"].append((kind, body.decode()))
            if state.get(kind) == "hang":
                ended.wait(30)
                return
            said = json.dumps(answers.get(call, {})).encode()
            self.send_response(state.get(kind, 200))
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PATCH = do_PUT = answer

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    yield state
    ended.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_tracker_that_hangs_is_waited_for_once(run: Run, asked: dict[str, Any]) -> None:
    asked |= {"metrics": "hang", "update": "hang"}
    began = time.monotonic()
    done = run("train", "flowers.yaml", "--mlflow", "flowers")
    assert time.monotonic() - began < 15
    assert done.code == 7
    assert "the MLflow run is not whole" in done.err
    assert nnfit.load("flowers.npz").metrics
    assert [kind for kind, _ in asked["seen"]][-1] == "metrics"
    assert [kind for kind, _ in asked["seen"]].count("metrics") == 1


def test_nobody_waits_two_minutes_for_a_tracker_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT", raising=False)
    with tracking.quietly():
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
    with tracking.quietly():
        assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "60"


def test_a_run_that_cannot_begin_does_not_stay_running(run: Run, asked: dict[str, Any]) -> None:
    asked["params"] = 400
    done = run("train", "flowers.yaml", "--mlflow", "flowers")
    assert done.code == 7
    assert "there is no MLflow run: " in done.err
    kind, body = asked["seen"][-1]
    assert kind == "update"
    assert json.loads(body)["status"] == "FAILED"


def test_a_run_that_is_interrupted_as_it_begins_was_killed(
    run: Run, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> None:
        raise signals.Stopped(signal.SIGINT)

    monkeypatch.setattr(tracking.Tracked, "send", interrupted)
    assert run("train", "flowers.yaml", "--mlflow", "flowers").code == 130
    assert json.loads(asked["seen"][-1][1])["status"] == "KILLED"


@pytest.mark.parametrize(
    ("where", "shown", "secrets"),
    [
        ("http://me:pa/ss@word@host:5000/x", "http://host:5000/x", ["pa/ss@word", "ss@word"]),
        ("foo://x?token=SECRET-1&a=b", "foo://x?token=…&a=…", ["SECRET-1"]),
        ("http://host/x#key=SECRET-1", "http://host/x#key=…", ["SECRET-1"]),
        ("file:///home/me@corp/runs", "file:///home/me@corp/runs", []),
    ],
)
def test_what_is_secret_in_an_address_is_not_shown(
    where: str, shown: str, secrets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "SECRET-2")
    secrets = [*secrets, "SECRET-2"]
    found = str(tracking.failure("no", "flowers", OSError(f"cannot reach '{where}', {', '.join(secrets)}")))
    assert f"({shown})" in found
    assert f"cannot reach '{shown}', " in found
    assert [secret for secret in secrets if secret in found] == []


@pytest.mark.parametrize(
    ("where", "line", "remedy"),
    [
        ("", "no module sqlalchemy", "set MLFLOW_TRACKING_URI to the address of a server"),
        ("http://host:5000", "Connection refused", "is a server of MLflow running at this address?"),
        (
            "http://host:5000",
            "API request failed with error code 401",
            "MLFLOW_TRACKING_USERNAME with MLFLOW_TRACKING_P",
        ),
        ("file:runs", "the filesystem is in maintenance mode", "a folder needs MLFLOW_ALLOW_FILE_STORE=true"),
        ("runs", "permission denied", "a folder needs MLFLOW_ALLOW_FILE_STORE=true"),
        ("sqlite:///mlflow.db", "no module sqlalchemy", "the address of a server, http://HOST:PORT"),
    ],
)
def test_each_way_to_fail_has_its_remedy(where: str, line: str, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", where)
    assert remedy in tracking.failure("no", "flowers", OSError(line)).remedy


def test_a_training_that_diverges_is_a_run_that_failed(run: Run, store: Path) -> None:
    changes = ("data.target=length", "network.layers=[{size: 1, activation: linear}]")
    changes += ("training.optimizer={name: sgd, learning_rate: 1.5}",)
    sets = [word for change in changes for word in ("--set", change)]
    done = run("train", "flowers.yaml", "--mlflow", "flowers", *sets)
    assert done.code == 6
    (found,) = runs()
    assert found.info.status == "FAILED"
    assert files_of(found) == {}


@pytest.mark.process
def test_a_training_that_is_interrupted_is_a_run_that_was_killed_and_goes_on_as_another(
    run: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tracking.Tracked.epoch

    def interrupted(self: tracking.Tracked, epoch: Any) -> None:
        own(self, epoch)
        if epoch.number == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(tracking.Tracked, "epoch", interrupted)
    monkeypatch.setattr(signals, "pending", [])
    done = run("train", "flowers.yaml", "--mlflow", "flowers")
    assert done.code == 130
    assert "--mlflow flowers --resume" in done.err
    (found,) = runs()
    assert found.info.status == "KILLED"
    with tracking.quietly():
        assert len(client()().get_metric_history(found.info.run_id, "cost")) == 3
    monkeypatch.setattr(tracking.Tracked, "epoch", own)
    monkeypatch.setattr(signals, "pending", [])
    assert run("train", "flowers.yaml", "--mlflow", "flowers", "--resume").code == 0
    last = next(each for each in runs() if each.info.status == "FINISHED")
    assert last.data.tags["nnfit.resumed_after_epoch"] == "3"
    with tracking.quietly():
        curve = client()().get_metric_history(last.info.run_id, "cost")
    assert [each.step for each in curve] == list(range(1, 31))


def test_names_and_values_that_mlflow_would_refuse_are_kept_within_its_limits(run: Run, store: Path) -> None:
    columns = ",".join(f"c{i} (m²)" for i in range(300))
    rows = "".join(f"{','.join(str((i * k) % 7) for k in range(300))},{'ab'[i % 2]}\n" for i in range(20))
    Path("wide.csv").write_text(f"{columns},the class\n{rows}")
    Path("wide.yaml").write_text(
        "data: {train: wide.csv, target: the class}\nnetwork: {layers: [{size: auto, activation: logistic}]}\n"
        "training: {epochs: 2, class_weight: {a: 2}, optimizer: {name: sgd, learning_rate: 0.01}}\n"
    )
    done = run("train", "wide.yaml", "--mlflow", "many words: ü/✓", "--quiet")
    assert done.code == 0, done.err
    (found,) = runs("many words: ü/✓")
    assert len(found.data.params["data.columns"]) == tracking.LONGEST
    assert found.data.params["training.class_weight"].startswith('{"a": 2')


def test_a_spec_from_standard_input_is_kept_as_it_was_resolved(run: Run, store: Path) -> None:
    spec = Path("flowers.yaml").read_text()
    assert run("train", "-", "-o", "piped.npz", "--mlflow", "flowers", "--quiet", stdin=spec).code == 0
    assert set(files_of(runs()[0])) == {"piped.npz", "spec/resolved.json"}
