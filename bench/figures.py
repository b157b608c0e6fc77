"""From what was counted to what is printed: percentiles, medians, ratios. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True, slots=True)
class Load:
    """What one stretch of load counted.

    Attributes:
        cpu_s: CPU seconds the target's process used, threads and children included.
        seconds: Wall time from the first request sent to the last reply read.
        latencies_s: One entry for every request, each answered rightly.
    """

    cpu_s: float
    seconds: float
    latencies_s: Sequence[float]


@dataclass(frozen=True, slots=True)
class Figures:
    """One target in one round, or over all rounds.

    Attributes:
        cpu_us: CPU microseconds of the target per request.
        per_second: Requests answered per second.
        p50_ms: Half of the requests took at most this long.
        p99_ms: All but one in a hundred took at most this long.
    """

    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One target over all rounds.

    Attributes:
        target: Its name.
        figures: Medians over the rounds.
        times_floor: Median over the rounds of its CPU per request to the floor's in that round.
    """

    target: str
    figures: Figures
    times_floor: float


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank).

    Raises:
        ValueError: No values, or `share` outside 0..1.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError(f"no value covers a share of {share:g} of {len(values)} values")
    return sorted(values)[max(ceil(len(values) * share), 1) - 1]


def figures_of(load: Load) -> Figures:
    """What one stretch of load comes to.

    Raises:
        ValueError: It answered no request.
    """
    if not load.latencies_s:
        raise ValueError("no request was answered")
    requests = len(load.latencies_s)
    return Figures(
        cpu_us=load.cpu_s / requests * 1e6,
        per_second=requests / load.seconds,
        p50_ms=percentile(load.latencies_s, 0.5) * 1e3,
        p99_ms=percentile(load.latencies_s, 0.99) * 1e3,
    )


def summarise(rounds: Sequence[Mapping[str, Figures]], *, floor: str) -> list[Summary]:
    """Medians of each target, in the order of the first round's keys.

    The ratio is taken within each round and only then its median: both sides of a division have
    then seen the same weather.

    Args:
        rounds: Figures by target name; every round has the same names, `floor` among them.
        floor: The target the others are held against.
    """
    return [
        Summary(
            target=target,
            figures=Figures(
                cpu_us=median(one[target].cpu_us for one in rounds),
                per_second=median(one[target].per_second for one in rounds),
                p50_ms=median(one[target].p50_ms for one in rounds),
                p99_ms=median(one[target].p99_ms for one in rounds),
            ),
            times_floor=median(one[target].cpu_us / one[floor].cpu_us for one in rounds),
        )
        for target in rounds[0]
    ]
