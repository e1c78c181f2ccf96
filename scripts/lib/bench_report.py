# The table of scripts/bench.sh from what the laboratory's programs wrote.
# Usage: bench_report.py DIRECTORY JSON-FILE|''
import json
import os
import sys

# Number of the goal, what it is, goal, beyond, whether less is better, how it follows from the measurements, form.
GOALS = [
    ('1', 'cycles of a commit beyond the echo', 1100, 700, True, lambda m: m['latency']['commit_beyond_echo'], '%.0f'),
    ('2', 'commit at the replica / echo', 1.25, 1.15, True, lambda m: m['latency']['commit_ratio'], '%.2f'),
    ('3', "client's latency / echo", 2.3, 2.15, True, lambda m: m['latency']['client_ratio'], '%.2f'),
    ('4', 'cycles a command, cluster of 3, unbatched', 2400, 1200, True, lambda m: m['unbatched']['cycles_cluster'], '%.0f'),
    ('', '  in the least disturbed tenth of the run', 2400, 1200, True, lambda m: m['unbatched']['cycles_cluster_p10'], '%.0f'),
    ('5', 'the same, batched', 600, 250, True, lambda m: m['batched']['cycles_cluster'], '%.0f'),
    ('', '  in the least disturbed tenth of the run', 600, 250, True, lambda m: m['batched']['cycles_cluster_p10'], '%.0f'),
    ('6', 'commands/s, 2 processors, unbatched', 1e6, 2e6, False, lambda m: m['two-unbatched']['ops'], '%.0f'),
    ('', '  batched', 4e6, 8e6, False, lambda m: m['two-batched']['ops'], '%.0f'),
    ('7', 'throughput at 100 % / 0 % interference, n = 3', 0.6, 0.85, False, lambda m: m['hot-3']['ops'] / m['cold-3']['ops'], '%.2f'),
    ('', '  n = 5', 0.5, 0.75, False, lambda m: m['hot-5']['ops'] / m['cold-5']['ops'], '%.2f'),
    ('8', 'executed p99 / commit p99, 25 % interference', 2, 1.5, True, lambda m: m['interference']['execute_ratio_p99'], '%.2f'),
    ('9', 'cycles at 10^6 live instances / at 10^3', 1.3, 1.1, True, lambda m: m['live']['late_over_early'], '%.2f'),
    ('10', 'a chain of 10^6, us an instance', 1, 0.3, True, lambda m: m['chain']['us'], '%.2f'),
]


def read(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if name in ('log', 'curves'):
            continue
        if name == 'chain':
            found[name] = dict((word.split('=')[0], float(word.split('=')[1])) for word in open(path).read().split() if '=' in word)
        else:
            found[name] = json.load(open(path))
    return found


def print_stages(stages):
    rows = [(name[6:], value) for name, value in stages.items() if name.startswith('stage_') and value >= 1]
    rows = [row for row in rows if row[0] not in ('sum', 'stamps', 'stamp')]
    print('\nstages, cycles a command over the whole cluster (stamped program, unbatched):')
    for name, value in sorted(rows, key=lambda row: -row[1]):
        print('  %-14s %6.0f' % (name, value))
    print('  %-14s %6.0f' % ('sum', stages['stage_sum']))


def main():
    folder, target = sys.argv[1:3]
    measured = read(folder)
    reached = count = 0
    print('\n%-3s %-48s %9s %9s %12s' % ('', 'figure', 'goal', 'beyond', 'reached'))
    table = []
    for number, text, goal, beyond, is_less, figure, form in GOALS:
        try:
            value = figure(measured)
        except KeyError:
            print('%-3s %-48s %9g %9g %12s' % (number, text, goal, beyond, 'not measured'))
            continue
        is_reached = value <= goal if is_less else value >= goal
        count += 1
        reached += is_reached
        table.append({'goal': number, 'figure': text.strip(), 'value': value, 'reached': is_reached})
        print('%-3s %-48s %9g %9g %12s %s' % (number, text, goal, beyond, form % value, 'reached' if is_reached else ''))
    if 'stages' in measured:
        print_stages(measured['stages'])
    for n in ('3', '5'):
        if 'cluster-' + n in measured:
            load = next(iter(measured['cluster-' + n]['benches'].values()))
            print('\nreal processes, n = %s: %.0f ops/s, %.0f cycles a command' % (
                n, load['load']['ops_per_s'], load['replicas']['cycles_per_command']))
    states = {m['state'] for m in measured.values() if 'state' in m}
    if target:
        with open(target, 'w') as f:
            json.dump({'table': table, 'measured': measured}, f, indent=1)
            f.write('\n')
    print('PNYX bench goals=%d reached=%d state=%s' % (count, reached, 'equal' if states == {'equal'} else 'DIFFERENT'))
    return 0 if states == {'equal'} else 1


if __name__ == '__main__':
    sys.exit(main())
