"""What a stranger does with the package: built, installed in fresh environments, oldest and newest, and put to work.

`make smoke` runs it; any Python from 3.11 on does, without a package. Built twice, from two folders, it must be the
same bytes, and hold what it should and nothing else. Then a fresh environment of the oldest Python that is found gets
the lowest versions that pyproject.toml allows, one of the newest Python gets the newest; PYTHONS="python3.11
python3.13" names them. Nothing is installed anywhere else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
VERSION = re.search(r'"(.+)"', (ROOT / "nnfit/version.py").read_text("utf-8").split("__version__")[1])[1]  # type: ignore[index]


class Extra(NamedTuple):
    """What proves that an extra works at the versions that are there, and which command asks for it where it is not."""

    works: tuple[tuple[str, ...], ...]
    asks: tuple[str, ...] | None


ESTIMATOR = """\
import pandas
from nnfit.sklearn import NNClassifier
flowers = pandas.read_csv("datasets/iris.csv")
X, y = flowers.drop(columns="species"), flowers["species"]
assert NNClassifier(epochs=5).fit(X, y).score(X, y) > 0.5
"""
CLUSTER = """\
import pathlib, subprocess, sys
from distributed import LocalCluster
nnfit = pathlib.Path(sys.executable).with_name("nnfit")
sweep = [nnfit, "sweep", "configs/sweeps/iris.yaml", "-o"]
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
    subprocess.run([*sweep, "by_two", "--dask", cluster.scheduler_address], check=True, timeout=120)
subprocess.run([*sweep, "by_one", "--jobs", "1"], check=True, timeout=120)
two, one = (pathlib.Path(folder, "best.npz").read_bytes() for folder in ("by_two", "by_one"))
assert two == one
"""
FIRST_OF_TWO = """\
import os, sys
os.environ |= {"PMI_RANK": "0", "PMI_SIZE": "2"}
sys.argv = ["nnfit", "train", "configs/iris.yaml"]
from nnfit.__main__ import run
run()
"""
# One row for each extra of pyproject.toml: a command of nnfit, or `python -c …`, in a folder with configs, datasets,
# iris.npz and penguins.npz. The second is a command that without the extra must name `pip install 'nnfit[…]'`.
EXTRAS = {
    "report": Extra(
        (("nnfit", "report", "iris.npz"), ("nnfit", "plot", "curves", "iris.npz", "-o", "curves.svg")),
        ("nnfit", "report", "iris.npz"),
    ),
    "sklearn": Extra((("python", "-c", ESTIMATOR),), ("python", "-c", "import nnfit.sklearn")),
    "onnx": Extra(
        (("nnfit", "export", "penguins.npz", "-o", "penguins.onnx"),),
        ("nnfit", "export", "penguins.npz", "-o", "penguins.onnx"),
    ),
    "arrow": Extra(
        (
            ("nnfit", "predict", "iris.npz", "datasets/iris.csv", "--keep", "sepal_length", "-o", "iris.parquet"),
            ("nnfit", "predict", "iris.npz", "datasets/iris.csv", "-o", "iris.csv.zst"),
            ("python", "-c", "import pandas; assert len(pandas.read_parquet('iris.parquet')) == 150"),
        ),
        ("nnfit", "predict", "iris.npz", "datasets/iris.csv", "-o", "iris.parquet"),
    ),
    "mlflow": Extra(
        (("nnfit", "train", "configs/iris.yaml", "-o", "tracked.npz", "--quiet", "--mlflow", "flowers"),),
        ("nnfit", "train", "configs/iris.yaml", "-o", "tracked.npz", "--quiet", "--mlflow", "flowers"),
    ),
    "dask": Extra(
        (("python", "-c", CLUSTER),),
        ("nnfit", "sweep", "configs/sweeps/iris.yaml", "-o", "rates", "--dask", "tcp://127.0.0.1:1"),
    ),
    "mpi": Extra((("python", "-c", "import mpi4py"),), ("python", "-c", FIRST_OF_TWO)),  # an MPI is of the machine
}

LIBRARY = """\
import nnfit, pandas
flowers = pandas.read_csv("datasets/iris.csv")
result = nnfit.train("configs/iris.yaml", flowers, overrides={"training.epochs": 5, "data.test": "none"})
result.model.save("saved.npz")
loaded = nnfit.load("saved.npz")
assert loaded.predict(flowers).equals(result.model.predict(flowers))
"""
WORKS = (
    ("nnfit", "--version"),
    ("python", "-m", "nnfit", "--help"),
    *(("nnfit", command, "--help") for command in ("train", "predict", "check", "init", "plot")),
    ("nnfit", "check", "configs/iris.yaml", "configs/penguins.yaml"),
    ("nnfit", "train", "configs/iris.yaml", "-o", "iris.npz"),
    ("nnfit", "train", "configs/penguins.yaml", "-o", "penguins.npz", "--quiet"),
    ("nnfit", "evaluate", "iris.npz", "datasets/iris.csv"),
    ("nnfit", "predict", "penguins.npz", "datasets/penguins.csv", "-o", "penguins_predicted.csv"),
    ("nnfit", "explain", "iris.npz", "datasets/iris.csv"),
    ("nnfit", "inspect", "iris.npz", "--json"),
    ("nnfit", "verify", "iris.npz", "--spec", "configs/iris.yaml"),
    ("nnfit", "init", "datasets/diabetes.csv", "--target", "progression", "-o", "mine.yaml"),
    ("nnfit", "train", "mine.yaml", "--set", "training.epochs=3", "--quiet"),
    ("nnfit", "schema"),
    ("python", "-c", LIBRARY),
)
# Of the tests, those that hold tables and models to their bytes; what they need beside nnfit.
TESTS = ("tests/data", "tests/model/test_released.py", "tests/model/test_prediction.py")
TEST_NEEDS = ("hypothesis", "jsonschema", "polars", "pytest", "threadpoolctl")


def main() -> None:
    """All of it; the last line says how many checks there were."""
    start, passed = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="nnfit-smoke-") as folder:
        work = Path(folder)
        wheel, sdist = built(work)
        passed += contents(wheel, sdist)
        pythons = found()
        for python, lowest in ((pythons[0], True), (pythons[-1], False)):
            passed += environment(work, wheel, sdist, python, lowest)
    print(f"smoke: {passed} passed, 0 failed")
    print(f"(in {time.monotonic() - start:.0f} s)")


# --- building ------------------------------------------------------------------------------------------------------


def built(work: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, the same from two folders, whose files others may read, and may not."""
    python = created(work / "build", Path(sys.executable))
    installed(python, *PROJECT["build-system"]["requires"])
    code = "import sys, hatchling.build as b; b.build_sdist(sys.argv[1]); b.build_wheel(sys.argv[1])"
    made = []
    for place, mask in (("one", 0o022), ("two/deeper", 0o077)):
        source, out = work / place / "nnfit", work / place / "dist"
        for name in tracked():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
            target.chmod(0o666 & ~mask | (ROOT / name).stat().st_mode & 0o100)
        out.mkdir()
        ran([str(python), "-c", code, str(out)], source)
        made.append({path.name: path for path in sorted(out.iterdir())})
    one, two = made
    assert list(one) == list(two) == [f"nnfit-{VERSION}-py3-none-any.whl", f"nnfit-{VERSION}.tar.gz"], one
    for name in one:
        digests = [hashlib.sha256(each[name].read_bytes()).hexdigest() for each in made]
        assert len(set(digests)) == 1, f"{name} differs between two builds"
        print(f"{digests[0]}  {name}")
    wheel, sdist = one.values()
    return wheel, sdist


def tracked() -> list[str]:
    """The files of the project: those that git knows or would, or where there is no git, as in an sdist, all."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [str(path) for path in paths if not {"__pycache__", ".venv", "PKG-INFO"} & set(path.parts)]


def contents(wheel: Path, sdist: Path) -> int:
    """The wheel holds the package and its manual, the sdist what git has; how many checks that were."""
    files = tracked()
    package = {name for name in files if name.startswith("nnfit/")}
    about = {f"nnfit-{VERSION}.dist-info/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt", "RECORD")}
    about.add(f"nnfit-{VERSION}.dist-info/licenses/LICENSE")
    manual = {name for name in files if name.startswith("docs/man/")}
    pages = {f"nnfit-{VERSION}.data/data/share/man/man1/{Path(name).name}" for name in manual}
    with zipfile.ZipFile(wheel) as archive:
        same(set(archive.namelist()), package | about | pages)
        metadata = archive.read(f"nnfit-{VERSION}.dist-info/METADATA").decode()
    for needed in ("License-Expression: MIT", "Requires-Python: >=3.11", "text/markdown", "Typing :: Typed", "# nnfit"):
        assert needed in metadata, needed
    assert {"nnfit/py.typed", "nnfit/report/templates/report.html"} <= package
    with tarfile.open(sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    same(names - {"PKG-INFO"}, set(files))
    print(f"the wheel has {len(package)} files of the package and {len(pages)} pages; the sdist {len(names)} files")
    return 4


def same(found: set[str], expected: set[str]) -> None:
    """An error that names what is too much, and what is missing."""
    assert found == expected, f"too much: {sorted(found - expected)}; missing: {sorted(expected - found)}"


# --- environments --------------------------------------------------------------------------------------------------


def found() -> list[Path]:
    """The Pythons of the versions that nnfit supports, the oldest first, one of each."""
    supported = re.findall(r":: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    by_version: dict[tuple[int, ...], Path] = {}
    for candidate in candidates(supported):
        code = "import sys, venv, ensurepip; print(*sys.version_info[:2], sys.executable)"
        try:
            said = subprocess.run(
                [candidate, "-c", code], capture_output=True, text=True, timeout=60, check=True
            ).stdout
        except (OSError, subprocess.SubprocessError):
            continue  # not there, or a placeholder of a version manager
        major, minor, path = said.split(maxsplit=2)
        if f"{major}.{minor}" in supported:
            by_version.setdefault((int(major), int(minor)), Path(path.strip()))
    assert by_version, f"no Python of {supported}"
    there = [".".join(map(str, version)) for version in sorted(by_version)]
    print(f"Python {', '.join(there)} are here, of {', '.join(supported)}", flush=True)
    return [by_version[version] for version in sorted(by_version)]


def candidates(supported: Iterable[str]) -> Iterator[str]:
    """Where a Python may be."""
    if named := os.environ.get("PYTHONS"):
        yield from named.split()
        return
    yield from (f"python{version}" for version in supported)
    yield sys.executable
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(path) for path in sorted(folder.glob("3.*/bin/python")))


def environment(work: Path, wheel: Path, sdist: Path, python: Path, lowest: bool) -> int:
    """A fresh environment with the wheel, first alone and then with each extra; how many checks passed."""
    start = time.monotonic()
    label = "lowest" if lowest else "newest"
    home = work / label
    own = created(home, python)
    bounds = home / "bounds.txt"
    bounds.write_text("\n".join(lower_bounds()) if lowest else "")
    place = home / "place"
    place.mkdir()
    for folder in ("configs", "datasets", "tests/released"):
        shutil.copytree(ROOT / folder, place / folder)
    installed(own, str(wheel), "-c", str(bounds))
    passed = 0
    for command in WORKS:
        passed += worked(own, command, place)
    for model in sorted((place / "tests/released").glob("*/iris.npz")):
        passed += worked(own, ("nnfit", "predict", str(model), "datasets/iris.csv", "-o", "released.csv"), place)
    if shutil.which("man"):
        shown = ran(["man", "nnfit-train"], place, own)
        assert "nnfit train" in shown
        passed += 1
    for name, extra in EXTRAS.items():
        if extra.asks is not None:
            refused = subprocess.run(words(own, extra.asks), cwd=place, env=clean(own), capture_output=True, text=True)
            assert refused.returncode, refused
            assert f"pip install 'nnfit[{name}]'" in refused.stderr, refused.stderr
            passed += 1
    for name, extra in EXTRAS.items():
        installed(own, f"{wheel}[{name}]", "-c", str(bounds))
        for command in extra.works:
            passed += worked(own, command, place)
    installed(own, *TEST_NEEDS, "-c", str(bounds))
    passed += tests(own, sdist, home)
    ran([str(own), "-m", "pip", "check"], place)
    versions = ran([str(own), "-m", "pip", "list", "--format=freeze"], place).split()
    direct = {name.lower() for name, _ in requirements()}
    told = ", ".join(each.replace("==", " ") for each in versions if each.partition("==")[0].lower() in direct)
    version = ran([str(own), "-c", "import sys; print(sys.version.split()[0])"], place).strip()
    print(f"{label}: Python {version}, {told}: {passed} checks in {time.monotonic() - start:.0f} s")
    return passed


def tests(python: Path, sdist: Path, home: Path) -> int:
    """Tests out of the sdist, with the package that is installed; how many passed."""
    with tarfile.open(sdist) as tar:
        tar.extractall(home, filter="data")
    source = home / sdist.name.removesuffix(".tar.gz")
    shutil.rmtree(source / "nnfit")  # so that the one that is tested is the one of the wheel
    options = ["-m", "not process and not oracle and not slow and not browser", "-p", "no:cacheprovider"]
    # Warnings of other versions of what nnfit uses are not nnfit's.
    options += ["-o", "filterwarnings=default", "-o", "addopts=", "-q"]
    said = ran([str(python), "-m", "pytest", *options, *TESTS], source)
    counted = re.search(r"(\d+) passed", said)
    assert counted, said
    return int(counted[1])


def requirements() -> Iterator[tuple[str, str]]:
    """Every package that pyproject.toml asks for, with the lowest version that it allows."""
    extras = PROJECT["project"]["optional-dependencies"]
    for each in [*PROJECT["project"]["dependencies"], *(one for name in EXTRAS for one in extras[name])]:
        name, version = re.fullmatch(r"([\w.-]+)>=([\d.]+)", each).groups()  # type: ignore[union-attr]
        yield name, version


def lower_bounds() -> list[str]:
    """The constraints that give each its lowest version."""
    return [f"{name}=={version}" for name, version in requirements()]


def created(home: Path, python: Path) -> Path:
    """The Python of a new environment."""
    ran([str(python), "-m", "venv", str(home)], ROOT)
    return home / "bin" / "python"


def installed(python: Path, *what: str) -> None:
    """Install something; a version that would have to be compiled is none."""
    quiet = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
    ran([str(python), "-m", "pip", "install", *quiet, *what], python.parent)


def worked(python: Path, command: tuple[str, ...], place: Path) -> int:
    """A command that must succeed, without a traceback."""
    ran(words(python, command), place, python)
    return 1


def words(python: Path, command: tuple[str, ...]) -> list[str]:
    """A command with the program of an environment."""
    return [str(python.parent / command[0]), *command[1:]]


def clean(python: Path | None) -> dict[str, str]:
    """The environment of a command: that of a new shell, in which an environment of Python is active."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    kept |= {"MLFLOW_TRACKING_URI": "file:runs", "MLFLOW_ALLOW_FILE_STORE": "true"}  # runs are kept in the folder
    return kept if python is None else kept | {"PATH": f"{python.parent}:{kept.get('PATH', '')}", "MANPAGER": "cat"}


def ran(command: list[str], place: Path, python: Path | None = None) -> str:
    """What a command wrote; an error with all of it where it fails."""
    ended = subprocess.run(command, cwd=place, env=clean(python), capture_output=True, text=True)
    if ended.returncode:
        print(" ".join(command), f"exit {ended.returncode}", ended.stdout[-8000:], ended.stderr[-8000:], sep="\n")
        sys.exit("smoke: 0 passed, 1 failed")
    return ended.stdout


if __name__ == "__main__":
    main()
