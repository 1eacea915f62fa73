"""A file that nnfit writes is the old one or the new one, never a torn one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from nnfit import files
from nnfit.errors import OutputError


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
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("bug"), KeyboardInterrupt(), SystemExit(1)])
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
