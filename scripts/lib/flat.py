"""Memory of real replicas over a run. flat.py sample COMMANDS FILE LOAD-PID NAME=PID... -- STATUS-COMMAND
writes a line twice a second until so many commands are executed, then ends the load; flat.py report FILE STATUS-COMMAND judges it."""
import json, os, signal, subprocess, sys, time

FIELDS = ('seconds', 'commands', 'resident_kib', 'units', 'sessions', 'live')


def resident(pid):
    """RSS and hugepages: an arena on hugetlbfs is not in the RSS."""
    kib = 0
    for line in open('/proc/%d/status' % pid):
        if line.startswith(('VmRSS:', 'HugetlbPages:')):
            kib += int(line.split()[1])
    return kib


def counters(command):
    """The core counters of all members; None when one does not answer in time."""
    said = subprocess.run(command, capture_output=True, text=True)
    members = json.loads(said.stdout)['replicas'] if said.stdout else []
    return [m['core'] for m in members] if members and all('core' in m for m in members) else None


def sample(want, path, load, pids, command):
    began = time.monotonic()
    with open(path, 'w') as out:
        print(*FIELDS, sep='\t', file=out)
        done = 0
        while done < want:
            try:
                if os.waitid(os.P_PID, load, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                    return 1
            except ChildProcessError:  # the load is not ours: a signal tells whether it is there
                try:
                    os.kill(load, 0)
                except ProcessLookupError:
                    return 1
            cores = counters(command)
            if cores:
                done = max(c['executed'] for c in cores)
                print('%.1f' % (time.monotonic() - began), done, sum(map(resident, pids)) // len(pids),
                      *('%.1f' % (sum(c[name] for c in cores) / len(cores)) for name in ('arena_used', 'sessions', 'live')),
                      sep='\t', file=out, flush=True)
            time.sleep(0.5)
    os.kill(load, signal.SIGINT)
    return 0


def slope(xs, ys):
    """Change over the samples by their line of least squares, and their mean and standard deviation."""
    n = len(xs)
    mx, my = sum(xs) / n, sum(ys) / n
    sxx = sum((x - mx) ** 2 for x in xs)
    change = sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sxx * (xs[-1] - xs[0])
    return change, my, (sum((y - my) ** 2 for y in ys) / n) ** 0.5


def report(path, command):
    rows = [line.split('\t') for line in open(path)][1:]
    column = {name: [float(row[k]) for row in rows] for k, name in enumerate(FIELDS)}
    rest = counters(command)
    from_ = len(rows) // 10
    if len(rows) < 20 or not rest:
        print('too few samples, or a replica does not answer')
        return 1
    flat, growth = True, {}
    for name in ('resident_kib', 'units', 'sessions', 'live'):
        change, mean, deviation = slope(column['commands'][from_:], column[name][from_:])
        growth[name] = 100 * change / mean if mean else 0
        # What is in flight comes and goes; a line that only rises is longer than three of its standard deviations.
        fine = change * change <= 9 * deviation * deviation if name == 'live' else change <= mean / 1000
        flat = flat and (fine or change < 0)
        print('%-14s mean %12.1f   change over the last 90 %% %+10.1f (%+.3f %%)' % (name, mean, change, growth[name]))
    live = max(c['live'] for c in rest)
    flat = flat and live == 0
    print('PNYX flat commands=%d seconds=%.0f resident_growth=%.3f%% arena_growth=%.3f%% sessions=%d live=%d memory=%s' % (
        column['commands'][-1], column['seconds'][-1], growth['resident_kib'], growth['units'], rest[0]['sessions'], live,
        'flat' if flat else 'GROWS'))
    return 0 if flat else 1


if sys.argv[1] == 'sample':
    split = sys.argv.index('--')
    sys.exit(sample(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), [int(p.split('=')[1]) for p in sys.argv[5:split]], sys.argv[split + 1:]))
sys.exit(report(sys.argv[2], sys.argv[3:]))
