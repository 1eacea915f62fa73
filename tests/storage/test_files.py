"""A file that nnfit writes is the old one or the new one, never a torn one."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import nnfit
from nnfit.cli.signals import Stopped
from nnfit.errors import OutputError
from nnfit.storage import files


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    files.write((tmp_path / "new", b"\x00new\r\n"))
    assert (tmp_path / "new").read_bytes() == b"\x00new\r\n"
    files.write((tmp_path / "new", b""))
    assert (tmp_path / "new").read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_until_the_end_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with files.replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1), Stopped(15)])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_writer_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, old: bytes | None, error: BaseException
) -> None:
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)

    def write() -> None:
        with files.replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ([] if old is None else ["out"])
    assert old is None or path.read_bytes() == old


def test_a_full_disk_is_an_output_error_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=f"^{path}: cannot be written: No space left on device$"):
        files.write((path, b"new"))
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_permissions_stay_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for mode in (0o600, 0o644, 0o666, 0o755):
        path.write_bytes(b"old")
        path.chmod(mode)
        files.write((path, b"new"))
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    for mask in (0o022, 0o077, 0o002):
        before = os.umask(mask)
        try:
            files.write((tmp_path / f"out{mask}", b"new"))
            assert stat.S_IMODE((tmp_path / f"out{mask}").stat().st_mode) == 0o666 & ~mask
            assert os.umask(mask) == mask
        finally:
            os.umask(before)


def test_a_symbolic_link_stays_one_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "real"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(Path("there") / "real")
    files.write((link, b"new"))
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert len(list((tmp_path / "there").iterdir())) == 1


def test_a_device_is_written_into_and_not_replaced() -> None:
    files.write((Path(os.devnull), b"new"))
    assert Path(os.devnull).is_char_device()


def test_a_disk_is_no_output(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    try:
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(259, 65_535))
    except PermissionError:
        pytest.skip("only the superuser makes such a device")
    for refuse in (lambda: files.check_outputs([path], []), lambda: files.write((path, b"new"))):
        with pytest.raises(OutputError) as caught:
            refuse()
        assert str(caught.value) == f"{path}: cannot be written: is a block device"


def test_a_link_that_leads_back_is_no_output_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "loop"
    path.symlink_to("loop")
    for refuse in (lambda: files.check_outputs([path], []), lambda: files.write((path, b"new"))):
        with pytest.raises(OutputError, match="cannot be written: Too many levels of symbolic links"):
            refuse()
    assert path.is_symlink()
    path.unlink()
    path.symlink_to("new")
    files.write((path, b"new"))
    assert path.is_symlink()
    assert (tmp_path / "new").read_bytes() == b"new"


def test_a_pipe_that_nobody_reads_does_not_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="cannot be written: nobody reads from this pipe"):
        files.write((tmp_path / "pipe", b"new"))


def test_a_missing_folder_is_an_output_error_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none" / "out"
    expected = f"{path}: cannot be written: there is no folder {tmp_path / 'none'}; make it first"
    with pytest.raises(OutputError) as caught:
        files.check_outputs([path], [])
    assert str(caught.value) == expected
    with pytest.raises(OutputError, match="cannot be written"):
        files.write((path, b"new"))
    assert not (tmp_path / "none").exists()


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    for refuse in (lambda path: files.check_outputs([path], []), lambda path: files.write((path, b"new"))):
        with pytest.raises(OutputError) as caught:
            refuse(tmp_path)
        assert str(caught.value) == f"{tmp_path}: cannot be written: is a folder"


def test_a_folder_that_is_not_writable_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: (Path(path), mode) != (tmp_path, os.W_OK))
    with pytest.raises(OutputError) as caught:
        files.check_outputs([tmp_path / "out"], [])
    assert str(caught.value) == f"{tmp_path / 'out'}: cannot be written: the folder {tmp_path} is not writable"


def test_an_output_never_replaces_an_input(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"old")
    (tmp_path / "link").symlink_to(path)
    for output in (path, tmp_path / "link", tmp_path / "." / "in.csv"):
        with pytest.raises(OutputError) as caught:
            files.check_outputs([None, output], [tmp_path / "spec.yaml", str(path)])
        assert str(caught.value) == f"{output}: cannot be written: is also an input"


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    files.check_outputs([tmp_path / "a", tmp_path / "b", Path(os.devnull), Path(os.devnull)], [])
    with pytest.raises(OutputError) as caught:
        files.check_outputs([tmp_path / "a", tmp_path / "." / "a"], [])
    assert str(caught.value) == f"{tmp_path / 'a'}: cannot be written: is given for two outputs"


def test_of_several_files_none_is_written_if_one_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(b"old")
    for outputs in (
        [(tmp_path / "first", b"new"), (tmp_path / "none" / "second", b"new")],
        [(tmp_path / "first", b"new"), (Path("/dev/full"), b"new")],
    ):
        with pytest.raises(OutputError):
            files.write(*outputs)
        assert (tmp_path / "first").read_bytes() == b"old"
        assert [path.name for path in tmp_path.iterdir()] == ["first"]
    files.write((tmp_path / "first", b"new"), (tmp_path / "second", b"more"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"first": b"new", "second": b"more"}


# --- what the system does, step by step ----------------------------------------------------------------------------


def test_no_output_takes_its_place_before_all_are_with_the_disk_and_the_first_is_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(files, "fault", steps.append)
    monkeypatch.setattr(Path, "replace", lambda path, to: (steps.append(to.name), replace(path, to)))
    files.write((tmp_path / "first", b"1"), (tmp_path / "second", b"2"))
    each = ["open", "open", "open", "open", "write", "write", "fsync", "fsync"]
    assert steps == [*each, "replace", "second", "replace", "first", "fsync", "fsync"]


def test_file_and_folder_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[bool, list[str]]] = []

    def fsync(descriptor: int) -> None:
        names = sorted(path.name for path in tmp_path.iterdir())
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), names))

    monkeypatch.setattr(os, "fsync", fsync)
    with files.replacing(tmp_path / "out") as file:
        temporary = file.temporary
        file.write(b"new")
    assert temporary is not None
    assert synced == [(False, [temporary.name]), (True, ["out"])]


def test_a_folder_that_cannot_be_synced_is_no_error_where_folders_never_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = errno.EINVAL

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    files.write((tmp_path / "out", b"new"))
    code = errno.EIO
    with pytest.raises(OutputError, match="is written, but may not survive a power failure: Input/output error"):
        files.write((tmp_path / "out", b"newer"))
    assert (tmp_path / "out").read_bytes() == b"newer"


def test_what_the_system_takes_in_parts_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    files.write((tmp_path / "out", b"0123456789"))
    assert (tmp_path / "out").read_bytes() == b"0123456789"
    monkeypatch.setattr(os, "write", lambda descriptor, data: 0)
    with pytest.raises(OutputError, match="Input/output error"):
        files.write((tmp_path / "out", b"new"))
    assert (tmp_path / "out").read_bytes() == b"0123456789"


def test_an_error_at_closing_counts_where_nothing_was_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    close = os.close

    def failing(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "close", failing)
    files.write((tmp_path / "out", b"new"))
    with pytest.raises(OutputError, match="cannot be written: Input/output error"):
        files.write((tmp_path / "pipe", b"new"))
    close(reader)
    assert (tmp_path / "out").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("order", "failed"), [("write:2", [2]), ("write:2+", [2, 3, 4]), ("fsync:1", []), ("write:3:EIO", [3])]
)
def test_a_fault_is_raised_once_or_from_then_on(order: str, failed: list[int]) -> None:
    fault = files.failing(order)
    found = []
    for number in range(1, 5):
        fault("open")
        try:
            fault("write")
        except OSError as error:
            found.append(number)
            assert error.errno == (errno.EIO if "EIO" in order else errno.ENOSPC)
    assert found == failed


@pytest.mark.process
def test_interrupted_at_any_line_there_is_the_old_or_the_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The interrupt arrives before the N-th line of the module, for N = 1, 2, …, until the writing completes.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # a thousand of them would take seconds
    found = set()
    outputs = [(tmp_path / "out", b"new"), (tmp_path / "more", b"new")]
    for number in range(1, 500):
        for path, _ in outputs:
            path.write_bytes(b"old")
        try:
            with_interrupt(number, lambda: files.write(*outputs))
            break
        except KeyboardInterrupt:
            found.update(path.read_bytes() for path, _ in outputs)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["more", "out"]
    assert 100 < number < 499
    assert found == {b"old", b"new"}


@pytest.mark.process
def test_interrupted_at_any_line_a_writer_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = 0
    for number in range(1, 500):
        monkeypatch.setattr(files, "fault", files.failing("write:2"))
        try:
            with_interrupt(number, lambda: files.write((tmp_path / "out", b"new"), (tmp_path / "more", b"new")))
        except KeyboardInterrupt:
            interrupted += 1
        except OutputError:
            break
        assert not list(tmp_path.iterdir())
    assert 100 < number < 499
    assert interrupted == number - 1


def with_interrupt(number: int, action: Callable[[], None]) -> None:
    """Ctrl-C before the line of that number that runs in the module."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename != files.__file__:
            return None
        count += event == "line"
        if event == "line" and count == number:
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.process
def test_a_signal_waits_until_all_outputs_are_in_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(step: str) -> None:
        if step == "replace":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(files, "fault", fault)
    monkeypatch.setattr(files, "placed", [])
    with pytest.raises(KeyboardInterrupt):
        files.write((tmp_path / "out", b"new"), (tmp_path / "more", b"new"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"out": b"new", "more": b"new"}
    assert set(files.placed) == {tmp_path / "out", tmp_path / "more"}


# --- names and places ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "[a-z]*.npz", "\udcff"])
def test_any_name_the_system_allows_is_written_and_swept(tmp_path: Path, name: str) -> None:
    for data in (b"old", b"new"):
        (tmp_path / f".{name[:50]}.0123456789abcdef.tmp").write_bytes(b"half")
        files.write((tmp_path / name, data))
        assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [(name, data)]


@pytest.mark.process
@pytest.mark.parametrize("redirect", ["> out", ">> out", "| cat > out"])
def test_a_stream_of_the_process_is_written_into(tmp_path: Path, redirect: str) -> None:
    code = "from pathlib import Path; from nnfit.storage import files; path = Path('/dev/stdout')"
    command = f"{code}; files.check_outputs([path], []); files.write((path, b'new\\n'))"
    shell = f'(echo before; "$0" -c "$1"; echo after) {redirect}'
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parent.parent.parent)}
    subprocess.run(["sh", "-c", shell, sys.executable, command], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert (tmp_path / "out").read_text() == "before\nnew\nafter\n"


def test_a_private_file_is_replaced_by_one_that_is_private_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with files.replacing(path) as file:
        assert file.temporary is not None
        assert stat.S_IMODE(file.temporary.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_nothing_else_in_nnfit_writes_files() -> None:
    # Models and predictions are made in memory; only these modules open files to write. Memory that processes share is
    # a file without a name, where the system knows no other.
    writing = re.compile(
        r"""write_(text|bytes)\(|savez|np\.save\(|\.tofile\(|to_csv\(.*path|tempfile|os\.(open|replace|rename)"""
        r"""|open\([^)]*["'][wax]"""
    )
    package = Path(nnfit.__file__).parent
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if writing.search(path.read_text())}
    assert found == {f"storage/{name}.py" for name in ("files", "lines", "unnamed")} | {"workers/memory.py"}


def test_a_momentary_folder_vanishes_with_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with files.momentary({"a": b"1"}) as folder:
        assert [path.read_bytes() for path in folder.iterdir()] == [b"1"]
        (folder / "b").mkdir()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(OutputError, match="no room for temporary files: No such file or directory; set TMPDIR"):
        files.momentary({}).__enter__()
