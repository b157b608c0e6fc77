"""Changes of tables in memory that can be taken back: what makes a transaction of them."""

from __future__ import annotations

from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Undo(list[tuple[dict[Any, Any], Any, Any]]):
    """What was there before each change of a transaction: table, key, and value or None.

    Cleared when the transaction is over. A change made elsewhere is appended by whoever makes it.
    """

    def put(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        """Set a value."""
        self.append((table, key, table.get(key)))
        table[key] = value

    def put_first(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        """Set a value unless there is one."""
        if key not in table:
            self.put(table, key, value)

    def drop(self, table: dict[Key, Value], key: Key) -> None:
        """Remove a value, if there is one."""
        if key in table:
            self.append((table, key, table.pop(key)))

    def take_back(self) -> None:
        """Make all tables what they were."""
        for table, key, before in reversed(self):
            if before is None:
                del table[key]
            else:
                table[key] = before
