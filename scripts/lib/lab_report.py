# The last line of scripts/lab.sh, and its JSON object, from what the laboratory's programs wrote.
# Usage: lab_report.py DIRECTORY JSON-FILE|''
import json
import os
import sys


def main():
    folder, target = sys.argv[1:3]
    parts = {name: json.load(open(os.path.join(folder, name))) for name in sorted(os.listdir(folder))}
    words = []

    def word(label, part, name, form):
        if name in parts.get(part, {}):
            words.append('%s=%s' % (label, form % parts[part][name]))

    word('cycles', 'load', 'cycles_cluster', '%.0f')
    word('ops', 'load', 'ops', '%.0f')
    word('beyond_echo', 'latency', 'commit_beyond_echo', '%.0f')
    word('commit_ratio', 'latency', 'commit_ratio', '%.2f')
    word('client_ratio', 'latency', 'client_ratio', '%.2f')
    word('commands', 'long', 'commands', '%.0f')
    for part in ('hot', 'dead', 'loss'):
        word('commands', part, 'commands', '%.0f')
    word('virtual_seconds', 'hot', 'seconds', '%.0f')
    word('longest_search', 'hot', 'chain_longest', '%.0f')
    word('bound', 'hot', 'search_bound', '%.0f')
    word('gap_apart_us', 'dead', 'gap_apart_us', '%.0f')
    word('gap_others_us', 'dead', 'gap_us', '%.0f')
    word('p999_us', 'loss', 'client_p999_us', '%.0f')
    word('p999_spared_us', 'loss', 'spared_p999_us', '%.0f')
    states = {part['state'] for part in parts.values()}
    words.append('state=' + ('equal' if states == {'equal'} else 'DIFFERENT'))
    if target:
        with open(target, 'w') as f:
            json.dump(parts, f, indent=1)
            f.write('\n')
    print('PNYX lab ' + ' '.join(words))


main()
