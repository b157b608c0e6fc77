"""A stdio server that does what its name says; run as `python child.py HABIT`.

It needs nothing but the standard library, so that it is up at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Frame = Mapping[str, Any]


def say(**members: object) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **members}) + "\n")
    sys.stdout.flush()


def echo(frame: Frame) -> None:
    """Answer with what the server sees of itself."""
    if "id" in frame:
        about = {
            "pid": os.getpid(),
            "env": dict(os.environ),
            "cwd": str(Path.cwd()),
            "args": sys.argv,
        }
        say(id=frame["id"], result={**about, "method": frame["method"]})


def mute(frame: Frame) -> None:
    """Never answer; write what was heard to the file named by the environment."""
    with Path(os.environ["HEARD"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(frame) + "\n")


def dies(frame: Frame) -> None:
    """Die in the middle of a reply."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": frame["id"], "result": {}})[:-5])
    sys.stdout.flush()
    os._exit(3)


def dies_once(frame: Frame) -> None:
    """Die at the first request of the first process, answer in the next."""
    mark = Path(os.environ["HEARD"])
    if mark.exists():
        echo(frame)
    else:
        mark.touch()
        os._exit(3)


def rolls_back(frame: Frame) -> None:
    """Be modern in the first process, which dies at a read, and of an older revision afterwards."""
    mark = Path(os.environ["HEARD"])
    found = {"supportedVersions": ["2026-07-28"]}
    welcome = {"protocolVersion": "2025-11-25", "serverInfo": {"name": "depot", "version": "1"}}
    match frame["method"], mark.exists():
        case ("server/discover", False) | ("initialize", True):
            about = {**found, **welcome, "capabilities": {}}
            say(id=frame["id"], result=about)
        case "resources/read", False:
            mark.touch()
            os._exit(3)
        case "tools/list", _:
            say(id=frame["id"], result={"tools": []})
        case _ if "id" in frame:
            say(id=frame["id"], error={"code": -32601, "message": "no such method"})
        case _:
            pass


def tells(frame: Frame) -> None:
    """Acknowledge a subscription and die; in a later process tell of a change as well."""
    meta = {"io.modelcontextprotocol/subscriptionId": frame["id"]}
    wanted = frame["params"]["notifications"]
    about = {"_meta": meta, "notifications": wanted}
    say(method="notifications/subscriptions/acknowledged", params=about)
    mark = Path(os.environ["HEARD"])
    if not mark.exists():
        mark.touch()
        os._exit(3)
    say(method="notifications/tools/list_changed", params={"_meta": meta})


def babbles(frame: Frame) -> None:
    """Say things that are no messages, then answer."""
    sys.stdout.write("Server ready!\n\n{broken\n")
    echo(frame)


def floods(frame: Frame) -> None:
    """Write a megabyte to stderr before the answer."""
    for _ in range(10_000):
        sys.stderr.write("x" * 99 + "\n")
    sys.stderr.flush()
    echo(frame)


def whispers(frame: Frame) -> None:
    """Write one line to stderr before the answer."""
    sys.stderr.write("shelf \x1b[31mempty\n")
    sys.stderr.flush()
    echo(frame)


def stays(frame: Frame) -> None:
    """Answer; what makes it stay is in `main`."""
    echo(frame)


def breeds(frame: Frame) -> None:
    """Answer with the pid of a child of its own that ignores everything."""
    born = os.fork()
    if not born:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    say(id=frame["id"], result={"pid": born})


HABITS: Mapping[str, Callable[[Frame], None]] = {
    each.__name__: each
    for each in (
        echo,
        mute,
        dies,
        dies_once,
        rolls_back,
        tells,
        babbles,
        floods,
        whispers,
        stays,
        breeds,
    )
}


def main() -> None:
    habit = sys.argv[1]
    if habit == "stays":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        HABITS[habit](json.loads(line))
    while habit == "stays":
        signal.pause()


if __name__ == "__main__":
    main()
