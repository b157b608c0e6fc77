"""A Markdown table whose columns are aligned in plain text, too. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int] = ()
) -> str:
    """The table as text, without a newline at its end.

    Args:
        head: Names of the columns.
        rows: A cell for each of them.
        numbers: Columns, counted from 0, that are aligned to the right.
    """
    columns = range(len(head))
    widths = [max(len(line[column]) for line in (head, *rows)) for column in columns]
    rule = "|".join(
        "-" * (widths[column] + 1) + (":" if column in numbers else "-") for column in columns
    )

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(widths[column]) if column in numbers else cell.ljust(widths[column])
            for column, cell in enumerate(cells)
        )
        return f"| {' | '.join(padded)} |"

    return "\n".join((line(head), f"|{rule}|", *map(line, rows)))
