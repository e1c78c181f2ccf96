"""The verdict on a chaos run and its figures.

report.py FOLDER NAME...

FOLDER/events: lines START LABEL, nanoseconds of CLOCK_MONOTONIC; an event lasts until the next one starts.
FOLDER/NAME.history: of the client of that name. FOLDER/calm-0.json, calm-1.json, loss-0.json, loss-1.json: `pnyx status` at
the beginning and the end of the time without faults, and of that with a little loss; may be missing.
Prints a table, a row a kind of event, then one line of figures; exits with 1 when a history is not linearizable.
"""
import bisect
import json
import os
import statistics
import sys

import history

MS = 1e6
RETURN = ("return", "kill2", "killall")  # a majority may be dead: after the rounds all die and return, or those who stayed dead do


def read_events(path):
    """(label, from, to) of each event; what is after the last one is nobody's."""
    rows = [line.split() for line in open(path, encoding="ascii")]
    return [(row[1], int(row[0]), int(after[0])) for row, after in zip(rows, rows[1:])]


class Load:
    """The acknowledged operations of one client, by time."""

    def __init__(self, name, keys):
        self.name = name
        ops = sorted((o for of in keys.values() for o in of if o["status"] == "ok"), key=lambda o: o["ret"])
        self.ends = [o["ret"] for o in ops]
        self.times = [o["ret"] - o["call"] for o in ops]

    def gap(self, start, end):
        """Longest time without an answer that touches the span."""
        first = max(bisect.bisect_left(self.ends, start) - 1, 0)
        last = bisect.bisect_right(self.ends, end) + 1
        ends = self.ends[first:last]
        return max((b - a for a, b in zip(ends, ends[1:])), default=0) / MS

    def latencies(self, start, end):
        return self.times[bisect.bisect_left(self.ends, start):bisect.bisect_right(self.ends, end)]


def quantile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)] / MS if values else 0


def row(label, events, load):
    spans = [(a, b) for what, a, b in events if what == label]
    gaps = [load.gap(a, b) for a, b in spans]
    times = [t for a, b in spans for t in load.latencies(a, b)]
    return "%-28s %5d  %-12s %9d %9.1f %9.1f %9.2f %9.2f %9.1f" % (
        label, len(spans), load.name, len(times), statistics.median(gaps), max(gaps), quantile(times, 0.5), quantile(times, 0.999),
        quantile(times, 1))


def print_table(events, loads):
    print("%-28s %5s  %-12s %9s %9s %9s %9s %9s %9s" % (
        "milliseconds", "times", "keys", "answers", "gap p50", "gap max", "p50", "p99.9", "slowest"))
    for label in sorted({e[0] for e in events}):
        for load in loads:
            print(row(label, events, load))


def grew(folder, name, counter):
    """By how much a counter of the core, summed over all replicas, grew."""
    def total(nth):
        with open("%s/%s-%d.json" % (folder, name, nth), encoding="ascii") as file:
            return sum(replica["core"][counter] for replica in json.load(file)["replicas"])
    return total(1) - total(0)


def print_loss(folder):
    """A lost PreAccept leaves a hole at whoever missed it; it may hold up others no longer than a round trip."""
    if os.path.exists(folder + "/loss-1.json"):
        print()
        for name, text in (("calm", "no loss"), ("loss", "0.1 % loss on every link")):
            print("%s: %d executions met an unknown payload, %d an undecided instance; %d instances executed" % (
                text, grew(folder, name, "blocked_on_hole"), grew(folder, name, "blocked"), grew(folder, name, "executed")))


def main():
    folder = sys.argv[1]
    events = read_events(folder + "/events")
    done = unknown = keys_count = 0
    loads, violations = [], []
    for name in sys.argv[2:]:
        keys = history.load("%s/%s.history" % (folder, name))
        loads.append(Load(name, keys))
        keys_count += len(keys)
        for key, ops in keys.items():
            try:
                ok, lost_sight = history.check_key(key, ops)
                done, unknown = done + ok, unknown + lost_sight
            except history.Violation as violation:
                violations.append(violation)
    print_table(events, loads)
    print_loss(folder)
    for violation in violations[:20]:
        print(violation, file=sys.stderr)
    kinds = [v.kind for v in violations]
    gaps = " ".join("gap_%s=%.0fms" % (load.name, max((load.gap(a, b) for what, a, b in events if what not in RETURN), default=0))
                    for load in loads)
    gaps += " return=%.0fms" % max((load.gap(a, b) for load in loads for what, a, b in events if what in RETURN), default=0)
    print("appends=%d keys=%d unknown=%d lost=%d doubled=%d contradicted=%d %s" % (
        done, keys_count, unknown, kinds.count("lost"), kinds.count("doubled"),
        len(kinds) - kinds.count("lost") - kinds.count("doubled"), gaps))
    return 1 if violations or done == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
