"""One family of errors. A problem is data: a code, what is wrong, its place, and what would do.

Words are put together once, in `str()`: `file:line:column: key: what is wrong; what would do`. No code takes a sentence
apart: who has to decide looks at the code, who knows a better remedy replaces it.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple


class Place(NamedTuple):
    """Where something is wrong: a file or option, a line and column of it, a key of the spec or a part of the file."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        if self.line is None and self.column is not None:  # a number behind the file alone would be read as a line
            place = ", ".join(part for part in (self.file, f"column {self.column}") if part)
        return ": ".join(part for part in (place, self.key) if part)


NOWHERE = Place()


class Problem(NamedTuple):
    """One thing that is wrong, or in doubt: `code` names its kind for programs, the rest is for people."""

    code: str
    message: str
    remedy: str = ""
    place: Place = NOWHERE

    @property
    def sentence(self) -> str:
        """What is wrong, and what would do."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message

    def __str__(self) -> str:
        place = str(self.place)
        return f"{place}: {self.sentence}" if place else self.sentence

    def as_json(self) -> dict[str, Any]:
        """As the JSON reports have it: the place key by key, the message whole."""
        return {"code": self.code, **self.place._asdict(), "message": self.sentence, "remedy": self.remedy or None}


class NnfitError(Exception):
    """Every error that nnfit raises on purpose; `problems` lists all that was found at once.

    `code`, `place` and `remedy` are those of the first. Each class knows the exit code of its kind.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__(*problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))

    @property
    def code(self) -> str:
        """The kind of the first problem."""
        return self.problems[0].code

    @property
    def place(self) -> Place:
        """Where the first problem is."""
        return self.problems[0].place

    @property
    def remedy(self) -> str:
        """What would do about the first problem; empty if nothing is known."""
        return self.problems[0].remedy


class UsageError(NnfitError):
    """The command line, or the call, is wrong."""

    exit_code = 2


class SpecError(NnfitError):
    """The spec is wrong, in itself or for this data."""

    exit_code = 3


class DataError(NnfitError):
    """The table is wrong, in itself or for this model."""

    exit_code = 4


class ModelFileError(NnfitError):
    """The file is not a model, or checkpoint, that this nnfit can honour."""

    exit_code = 5


class TrainingError(NnfitError):
    """Training diverged."""

    exit_code = 6


class OutputError(NnfitError):
    """A file cannot be opened or written."""

    exit_code = 7


class NnfitWarning(UserWarning):
    """What is in doubt about a prediction or an evaluation from Python; `problem` is the warning as data.

    `warnings.simplefilter("error", nnfit.NnfitWarning)` makes it an error, `"ignore"` lets it pass.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return str(self.problem)

    @property
    def code(self) -> str:
        """The kind of the problem."""
        return self.problem.code
