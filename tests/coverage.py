"""Sums gcov's JSON over the objects that saw a file: a branch counts as taken when any of them took it.

coverage.py LINES ROOT <gcov.json: prints each file, with LINES=yes also each line with an untaken branch, and compares those lines with
docs/coverage.md: "- `text of the line`: reason" below "### file". Exit status 0: at least 95 % taken, and each other one is listed.
"""
import json
import re
import sys

WANTED = 95.0
root = sys.argv[2]
texts = {}


def text(name, number):
    if name not in texts:
        texts[name] = open(root + "/" + name).read().split("\n")
    return texts[name][number - 1].strip()


taken = {}  # (file, line, number of the branch) -> times
hit = {}
for document in sys.stdin:
    if not document.strip():
        continue
    for source in json.loads(document)["files"]:
        name = source["file"].split("../")[-1]
        if not name.startswith("consensus/") or name.startswith("consensus/app/"):
            continue
        for line in source["lines"]:
            key = (name, line["line_number"])
            hit[key] = hit.get(key, 0) + line["count"]
            for at, branch in enumerate(line.get("branches", [])):
                if branch["throw"] or text(*key).startswith("CHECK"):
                    continue
                one = key + (at,)
                taken[one] = taken.get(one, 0) + branch["count"]


def share(counts):
    return 100.0 * sum(1 for c in counts if c > 0) / max(len(counts), 1)


def listed():
    """Lines that docs/coverage.md gives a reason for: {(file, text)}."""
    found, name = set(), None
    for line in open(root + "/docs/coverage.md"):
        if line.startswith("### "):
            name = "consensus/" + line[4:].strip()
        reason = re.match(r"- `(.*?)`: .", line)
        if reason:
            found.add((name, reason.group(1)))
    return found


for name in sorted({key[0] for key in hit}):
    branches = [c for key, c in taken.items() if key[0] == name]
    lines = [c for key, c in hit.items() if key[0] == name]
    print("%-28s branches %5.1f%% of %3d   lines %5.1f%% of %3d" % (name, share(branches), len(branches), share(lines), len(lines)))

untaken = sorted({key[:2] for key, c in taken.items() if c == 0})
reasons = listed()
unlisted = 0
for name, number in untaken:
    is_listed = (name, text(name, number)) in reasons
    unlisted += not is_listed
    if sys.argv[1] == "yes" or not is_listed:
        ways = [c for key, c in taken.items() if key[:2] == (name, number)]
        print("%s:%d: %d of %d%s: %s" % (name, number, sum(1 for c in ways if c > 0), len(ways), "" if is_listed else ", no reason given",
                                         text(name, number)))
branches = share(list(taken.values()))
count = sum(1 for c in taken.values() if c == 0)
print("PNYX coverage branches=%.1f%% lines=%.1f%% untaken=%d unlisted=%d" % (branches, share(list(hit.values())), count, unlisted))
sys.exit(branches < WANTED or unlisted > 0)
