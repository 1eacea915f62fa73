"""Tables written block by block, in constant memory, as the ending of their file says.

.parquet           Parquet, a row group for some blocks
.arrow .feather    the Arrow file format, which is Feather's second version
.tsv               separated by tabs
anything else      CSV; .gz or .zst behind the ending packs it, and another packing is refused
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from nnfit.data.columnar import reason, spelled
from nnfit.data.dialect import separator_of
from nnfit.data.output import to_csv
from nnfit.data.unpacking import COLUMNAR, needs
from nnfit.errors import DataError, Place, Problem, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

GROUP = 1 << 16  # rows of a row group, or more
OTHERS = (".bz2", ".xz", ".zip", ".7z", ".lz4", ".xlsx", ".xls")  # what a text would not be, under such a name
LEVEL = 6  # of gzip, its own default

Block = Mapping[str, Any]  # columns by name: arrays of NumPy, texts as objects, or arrays of Arrow
Take = Callable[[bytes], object]
NO_TYPES: Mapping[str, Any] = {}


class Form(NamedTuple):
    """How a table is written."""

    kind: Literal["csv", "parquet", "arrow"] = "csv"
    separator: str = ","
    packing: Literal["", "gzip", "zstd"] = ""


def form_of(file: str) -> Form:
    """The form that the ending of a file says; a UsageError where an extra is missing that writes it."""
    ending = Path(file).suffix.lower()
    inner = Path(Path(file).stem).suffix.lower()
    if ending in OTHERS or (ending in (".gz", ".zst") and inner in COLUMNAR):
        message = f"a file is not written as {ending if ending in OTHERS else inner + ending}"
        remedy = "name it .csv.gz or .csv.zst" if ending in OTHERS else f"name it {inner}, which is packed in itself"
        raise UsageError(Problem("other-ending", message, remedy, Place(file)))
    if ending in COLUMNAR:
        name = "Parquet" if ending == ".parquet" else "Arrow"
        needs(f"{name} files need", file, "pyarrow.parquet")
        return Form("parquet" if ending == ".parquet" else "arrow")
    if ending == ".zst":
        needs("zstd files need", file, "pyarrow")
    packing: dict[str, Literal["gzip", "zstd"]] = {".gz": "gzip", ".zst": "zstd"}
    return Form("csv", separator_of(file), packing.get(ending, ""))


def write(blocks: Iterable[Block], form: Form, take: Take, types: Mapping[str, Any] = NO_TYPES) -> None:
    """Write blocks of the same columns, of which there is one at least, to what takes bytes.

    `types` are those of Arrow for columns whose type may change from block to block.
    """
    if form.kind == "csv":
        with packed(form.packing, take) as inner:
            for k, block in enumerate(blocks):
                inner(to_csv({name: plain(column) for name, column in block.items()}, not k, form.separator))
        return
    with writable(form.kind):
        write_arrow(blocks, form.kind, take, types)


def plain(column: Any) -> Any:
    """A column as NumPy has it: one of Arrow as the texts of a CSV."""
    return column if isinstance(column, np.ndarray) else np.array(spelled(column), object)


@contextmanager
def packed(packing: str, take: Take) -> Iterator[Take]:
    """What takes the bytes of a text, and hands them on packed; the same bytes for the same text."""
    if not packing:
        yield take
        return
    sink = Sink(take)
    if packing == "gzip":
        import gzip

        stream: Any = gzip.GzipFile("", "wb", LEVEL, sink, mtime=0)
    else:
        import pyarrow as pa

        stream = pa.CompressedOutputStream(pa.PythonFile(sink, mode="w"), "zstd")
    with sink.ended(stream):
        yield stream.write


class Sink:
    """What takes bytes, as a file that libraries write to; who gave it closes it."""

    def __init__(self, take: Take) -> None:
        self.take, self.n, self.closed = take, 0, False

    def write(self, data: Any) -> int:
        """Hand on some bytes."""
        whole = bytes(data)
        self.take(whole)
        self.n += len(whole)
        return len(whole)

    def tell(self) -> int:
        """How many bytes were written."""
        return self.n

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True

    def writable(self) -> bool:
        """Yes."""
        return True

    @contextmanager
    def ended(self, writer: Any) -> Iterator[None]:
        """Close what writes here behind the block; where that fails, what it still wants to write goes nowhere.

        Left open it would be closed by whoever collects it, and write to a file that is closed by then.
        """
        try:
            yield
            writer.close()
        except BaseException:
            self.take = len
            with suppress(Exception):
                writer.close()
            raise


@contextmanager
def writable(kind: str) -> Iterator[None]:
    """In the block, what Arrow cannot write is a DataError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, UnicodeEncodeError) as error:
        message = f"the predictions cannot be written as {kind.capitalize()}: {reason(str(error))}"
        raise DataError(Problem(f"not-{kind}", message, "write them as CSV")) from None


def write_arrow(blocks: Iterable[Block], kind: str, take: Take, types: Mapping[str, Any]) -> None:
    """Write blocks as Parquet or in the Arrow file format; the first says the types of the other columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = Sink(take)
    blocks = iter(blocks)
    first = table(next(blocks), kind)
    schema = pa.schema([(each.name, declared(types.get(each.name, each.type), kind)) for each in first.schema])
    file = pa.PythonFile(sink, mode="w")
    writer = pq.ParquetWriter(file, schema) if kind == "parquet" else pa.ipc.new_file(file, schema)
    with sink.ended(writer):
        waiting = [first.cast(schema)]
        for block in blocks:
            if sum(map(len, waiting)) >= GROUP:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting = []
            waiting.append(table(block, kind, schema))
        writer.write_table(pa.concat_tables(waiting).combine_chunks())


def table(block: Block, kind: str, schema: pa.Schema | None = None) -> pa.Table:
    """A block as a table of Arrow, with the types of a schema."""
    import pyarrow as pa

    arrays = {name: array(column, kind) for name, column in block.items()}
    found = pa.table(list(arrays.values()), names=list(arrays))
    return found if schema is None or found.schema == schema else found.cast(schema)


def array(column: Any, kind: str) -> pa.Array:
    """A column of Arrow; the file format has no dictionary that changes from block to block."""
    import pyarrow as pa
    import pyarrow.types as of

    if isinstance(column, np.ndarray):
        return pa.array(column.tolist(), pa.string()) if column.dtype == object else pa.array(column)
    return column.dictionary_decode() if kind == "arrow" and of.is_dictionary(column.type) else column


def declared(found: pa.DataType, kind: str) -> pa.DataType:
    """The type of a column as `array` has it."""
    import pyarrow.types as of

    return found.value_type if kind == "arrow" and of.is_dictionary(found) else found
