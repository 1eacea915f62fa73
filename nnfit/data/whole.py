"""Whether a Parquet or Arrow file is one whole file: what breaks off, or was written behind another, loses rows.

Their readers do not mind: a stream that is cut between two batches ends there, and so does one behind which another
follows; of two files in one the places that the second names are looked up in the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from nnfit.errors import DataError, Place, Problem

if TYPE_CHECKING:
    import pyarrow as pa

END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream of Arrow
SEAM = b"PAR1PAR1"  # where one Parquet file ends and another begins
MAGIC = 10  # bytes of the length of an Arrow file's footer, and of the name behind it
SLACK = 64  # bytes that may lie between the last batch and the footer: the end mark of its stream, aligned
PIECE = 1 << 20

BROKEN = "breaks off: the mark of its end is missing", "was it written to its end?"
MORE = "goes on behind its end", "files that were joined are read one by one: name them, or a glob"


def refuse(told: tuple[str, str], file: str) -> None:
    """A DataError for a file that is not whole, or more than one."""
    raise DataError(Problem("unreadable", *told, Place(file)))


def of_stream(running: Any, stream: BinaryIO, file: str) -> Iterator[pa.RecordBatch]:
    """The batches of an Arrow stream, up to the mark of its end, behind which nothing may follow."""
    start = stream.tell()
    for batch in running:
        yield batch
        start = stream.tell()
    end = stream.tell()
    stream.seek(max(end - len(END), 0))
    mark, more = stream.read(len(END)), stream.read(1)
    if end == start or mark != END:
        refuse(BROKEN, file)
    if more:
        refuse(MORE, file)


def of_file(whole: Any, stream: BinaryIO, file: str) -> Iterator[pa.RecordBatch]:
    """The batches of an Arrow file; its footer follows the last of them."""
    end = 0
    for i in range(whole.num_record_batches):
        batch = whole.get_batch(i)
        end = stream.tell()
        yield batch
    size = stream.seek(0, 2)
    stream.seek(size - MAGIC)
    footer = size - MAGIC - int.from_bytes(stream.read(4), "little")
    if end and footer - end > SLACK:
        refuse(MORE, file)


def refuse_joined(metadata: Any, stream: BinaryIO, file: str) -> None:
    """A DataError for a Parquet file behind another; nothing but indexes lies between its columns and its footer."""
    end = 0
    for k in range(metadata.num_row_groups):
        group = metadata.row_group(k)
        chunks = [group.column(i) for i in range(group.num_columns)]
        begin = [min(c.data_page_offset, c.dictionary_page_offset or c.data_page_offset) for c in chunks]
        end = max([end, *(at + c.total_compressed_size for at, c in zip(begin, chunks, strict=True))])
    stream.seek(end)
    before = b""
    while piece := stream.read(PIECE):
        if SEAM in before + piece:
            refuse(MORE, file)
        before = piece[1 - len(SEAM) :]
    stream.seek(0)
