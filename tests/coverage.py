"""Sums gcov's JSON over the objects that saw a file: a branch counts as taken when any of them took it."""
import json
import sys

def is_assertion(name, number, texts={}):
    if name not in texts:
        texts[name] = open(sys.argv[2] + "/" + name).read().split("\n")
    return texts[name][number - 1].strip().startswith("CHECK")


taken = {}  # (file, line, number of the branch) -> times
hit = {}
for text in sys.stdin:
    if not text.strip():
        continue
    for source in json.loads(text)["files"]:
        name = source["file"].split("../")[-1]
        if not name.startswith("consensus/") or name.startswith("consensus/app/"):
            continue
        for line in source["lines"]:
            key = (name, line["line_number"])
            hit[key] = hit.get(key, 0) + line["count"]
            for at, branch in enumerate(line.get("branches", [])):
                if branch["throw"] or is_assertion(*key):
                    continue
                one = key + (at,)
                taken[one] = taken.get(one, 0) + branch["count"]


def share(counts):
    return 100.0 * sum(1 for c in counts if c > 0) / max(len(counts), 1)


names = sorted({key[0] for key in hit})
for name in names:
    branches = [c for key, c in taken.items() if key[0] == name]
    lines = [c for key, c in hit.items() if key[0] == name]
    print("%-28s branches %5.1f%% of %3d   lines %5.1f%% of %3d" % (name, share(branches), len(branches), share(lines), len(lines)))
if sys.argv[1] == "yes":
    for key in sorted({key[:2] for key, c in taken.items() if c == 0}):
        print("%s:%d" % key)
print("PNYX coverage branches=%.1f%% lines=%.1f%%" % (share(list(taken.values())), share(list(hit.values()))))
