# The report of scripts/run.sh: one table and one line of figures, or JSON, from what the programs printed.
# Usage: report.py text|json RUN-DIRECTORY REPLICAS PORT STATE GROUND HUGE HOT...
import json
import os
import sys


def last_object(path):
    """The JSON object on the last line that is one; programs print warnings before it."""
    found = None
    with open(path) as lines:
        for line in lines:
            if line.startswith('{'):
                found = json.loads(line)
    if found is None:
        sys.exit('report.py: no result in ' + path)
    return found


def percent(part, whole):
    """100 only when it is all of them."""
    if whole == 0:
        return '-'
    if part == whole:
        return '100%'
    return '%.1f%%' % min(99.9, 100 * part / whole)


def gather(run, hots):
    benches = {hot: last_object(os.path.join(run, 'bench-%s.log' % hot)) for hot in hots}
    status = last_object(os.path.join(run, 'status.json'))
    return benches, status


def totals(status):
    cores = [replica['core'] for replica in status['replicas'] if replica['answers']]
    fast = sum(core['fast_commits'] for core in cores)
    return fast, fast + sum(core['slow_commits'] for core in cores)


def print_table(benches):
    print()
    print('               one at a time                     |  %s at a time' %
          next(iter(benches.values()))['parameters']['outstanding'])
    print('on one key     p50      p99  echo p50  p50/echo  |    ops/s      p50      p99   fast path  commands/commit  cycles/command')
    for hot, bench in benches.items():
        one, load, replicas = bench['latency'], bench['load'], bench['replicas']
        print('%8s %%  %6.1fus %6.1fus  %6.1fus  %8.2f  | %8.0f %6.0fus %6.0fus   %9s  %15.1f  %14.0f' % (
            hot, one['p50_us'], one['p99_us'], one.get('echo_p50_us', 0), one.get('ratio', 0),
            load['ops_per_s'], load['p50_us'], load['p99_us'],
            percent(replicas['fast'], replicas['commits']), replicas['commands'] / max(replicas['commits'], 1), replicas['cycles_per_command']))
    print()


def print_line(benches, status, n, port, state):
    fast, commits = totals(status)
    one = next(iter(benches.values()))['latency']
    print('PNYX n=%s port=%s commits=%d fast=%s p50=%.1fus p99=%.1fus echo_p50=%.1fus ratio=%.2f state=%s' % (
        n, port, commits, percent(fast, commits), one['p50_us'], one['p99_us'], one['echo_p50_us'],
        one['p50_us'] / one['echo_p50_us'] if one['echo_p50_us'] else 0, state))


def main():
    form, run, n, port, state, ground, huge = sys.argv[1:8]
    benches, status = gather(run, sys.argv[8:])
    if form == 'text':
        print_table(benches)
        print_line(benches, status, n, port, state)
        return
    fast, commits = totals(status)
    digest = last_object(os.path.join(run, 'digest.json'))
    json.dump({'n': int(n), 'port': port, 'ground': ground, 'hugepages': huge == 'yes', 'cpus': os.cpu_count(),
               'commits': commits, 'fast_commits': fast, 'state': state, 'benches': benches,
               'digest': digest, 'status': status}, sys.stdout, indent=1)
    print()


if __name__ == '__main__':
    main()
