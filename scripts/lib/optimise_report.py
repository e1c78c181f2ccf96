# What an optimised build saves, from the runs of scripts/optimise.sh.
# Usage: optimise_report.py DIRECTORY
import glob
import json
import os
import sys

# How often each step happens for one command of a cluster of three (tests/lab/instructions.txt has the steps).
STEPS = {'request': 1, 'submit': 1, 'preaccept': 2, 'preaccept_ok': 2, 'commit': 2, 'execute': 3, 'check': 7, 'seal': 7}


def instructions(path):
    words = (line.split() for line in open(path) if line.startswith('n3 '))
    return sum(STEPS.get(name, 0) * float(count) for _, name, count in words)


def cycles(folder, load, kind):
    return min(json.load(open(path))['cycles_cluster_p10'] for path in glob.glob(os.path.join(folder, '%s-%s-*' % (load, kind))))


def main():
    folder = sys.argv[1]
    rows = []
    if os.path.exists(os.path.join(folder, 'instructions-fast')):
        rows.append(('instructions', 'instructions of the handlers a command') +
                    tuple(instructions(os.path.join(folder, 'instructions-' + kind)) for kind in ('plain', 'fast')))
    for load in ('unbatched', 'batched'):
        rows.append((load, 'cycles a command, ' + load) + tuple(cycles(folder, load, kind) for kind in ('plain', 'fast')))
    print('\n%-40s %10s %10s %7s' % ('', 'ordinary', 'optimised', ''))
    for _, text, plain, fast in rows:
        print('%-40s %10.0f %10.0f %7.2f' % (text, plain, fast, fast / plain))
    print('PNYX optimise state=built ' + ' '.join('%s=%.2f' % (name, fast / plain) for name, _, plain, fast in rows))


main()
