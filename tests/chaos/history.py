"""Is a recorded history of unique-element appends and reads linearizable? Nothing lost, nothing doubled, no answer contradicted.

An append answers with the new length, so the place of each acknowledged element is known, and the longest read of a key gives the
order of all of them. Then the history of that key is linearizable exactly when every answer fits that order, and the order no time:
nothing may have ended before something of an earlier place began (what has no answer never ended).
"""
import json

NEVER = float("inf")


class Violation(Exception):
    """What contradicts what."""

    def __init__(self, kind, text, *ops):
        super().__init__("\n    ".join(["%s: %s" % (kind, text)] + [json.dumps(o) for o in ops]))
        self.kind = kind


def load(path):
    """Operations by key, from JSON lines as `pnyx bench --workload append --record FILE` writes them."""
    keys = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            op = json.loads(line)
            keys.setdefault(op["key"], []).append(op)
    return keys


def places_of(key, value):
    """Where each element of a key's value ends."""
    places, end = {}, 0
    for element in value.split(",")[:-1]:
        if element in places:
            raise Violation("doubled", "key %s holds element %s twice: %s" % (key, element, value))
        end += len(element) + 1
        places[element] = end
    if end != len(value):
        raise Violation("garbage", "key %s ends in the middle of an element: %s" % (key, value))
    return places


def place_append(key, op, places):
    """Its place, or None when it has none."""
    element = op["value"].rstrip(",")
    place = places.get(element)
    if op["status"] == "ok" and place is None:
        raise Violation("lost", "key %s: acknowledged, and not there" % key, op)
    if op["status"] == "ok" and op["result"] != str(place):
        raise Violation("place", "key %s: the answer says it ends at %s, it ends at %d" % (key, op["result"], place), op)
    if op["status"] == "fail" and place is not None:
        raise Violation("refused", "key %s: refused, and there all the same" % key, op)
    return place


def check_order(key, points):
    """points: (place, is_read, op). Reads of one place may stand in any order among themselves."""
    points.sort(key=lambda p: (p[0], p[1]))
    newest, group = None, []  # newest: the latest call of an earlier place
    for at, point in enumerate(points):
        op = point[2]
        ended = op["ret"] if op["status"] == "ok" else NEVER
        if newest is not None and ended < newest["call"]:
            raise Violation("time", "key %s: the second ended before the first began, and lies behind it" % key, newest, op)
        group.append(op)
        if at + 1 == len(points) or points[at + 1][:2] != point[:2]:
            newest = max(group + [newest] if newest else group, key=lambda o: o["call"])
            group = []


def check_key(key, ops):
    """Raises Violation; returns the number of acknowledged appends and of those with an unknown outcome."""
    appends = [o for o in ops if o["op"] == "append"]
    reads = [o for o in ops if o["op"] == "get" and o["status"] == "ok"]
    acknowledged = [o for o in appends if o["status"] == "ok"]
    last = max((o["ret"] for o in acknowledged), default=0)
    if not any(o["call"] > last for o in reads):
        raise Violation("unread", "key %s was not read after its last append: nothing can be said" % key)
    value = max((o["result"] or "" for o in reads), key=len)
    places = places_of(key, value)
    points = [(place_append(key, o, places), 0, o) for o in appends]
    sent = {o["value"].rstrip(",") for o in appends}
    for element in places:
        if element not in sent:
            raise Violation("garbage", "key %s holds element %s, which nobody sent" % (key, element))
    for o in reads:
        seen = o["result"] or ""
        if not value.startswith(seen) or (seen and not seen.endswith(",")):
            raise Violation("read", "key %s: a read saw what is no prefix of the end, %s" % (key, value), o)
        points.append((len(seen), 1, o))
    check_order(key, [p for p in points if p[0] is not None])
    return len(acknowledged), sum(1 for o in appends if o["status"] == "unknown")


def check(keys):
    """All keys of one history: the sums of check_key."""
    done = unknown = 0
    for key, ops in keys.items():
        ok, lost_sight = check_key(key, ops)
        done, unknown = done + ok, unknown + lost_sight
    return done, unknown
