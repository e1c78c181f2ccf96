"""Kills replicas of a cluster with control planes, one at a time, and reads from their logs how long it took until the peers' cores
suspected the dead one: deaths.py RUN-DIRECTORY REPLICAS ROUNDS. All times are of CLOCK_MONOTONIC, which is one for the machine."""
import os
import re
import signal
import statistics
import sys
import time

run, replicas, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
LINE = re.compile(r'event=(\S+) (.*)')


def lines(number):
    with open(f'{run}/c{number}.log') as log:
        for line in log:
            found = LINE.search(line)
            if found:
                fields = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', found.group(2)))
                yield found.group(1), fields, int(fields.get('at_ns', 0))


def newest_pid(number):
    with open(f'{run}/made') as made:
        return [int(line.split()[1]) for line in made if line.startswith('proc ') and line.split()[3] == f'r{number}'][-1]


def wait_for(what, find):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = find()
        if found is not None:
            return found
        time.sleep(0.02)
    sys.exit(f'deaths.py: {what} did not happen')


def first(number, event, since, **wanted):
    for name, fields, at in lines(number):
        if name == event and at >= since and all(fields.get(k) == v for k, v in wanted.items()):
            return at
    return None


def quiet(number):
    """Nobody suspects it: of each other control plane the newest word about it is trust, or there is none."""
    for peer in others(number):
        newest = [name for name, fields, _ in lines(peer) if name in ('suspicion-taken', 'trust-taken') and fields['peer'] == f'r{number}']
        if newest and newest[-1] == 'suspicion-taken':
            return None
    return True


def others(number):
    return [k for k in range(1, replicas + 1) if k != number]


noticed, suspected, back = [], [], []
for k in range(rounds):
    victim = k % replicas + 1
    wait_for(f'trust in r{victim}', lambda: quiet(victim))
    pid = newest_pid(victim)
    began = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    noticed.append(wait_for(f'r{victim} noticed', lambda: first(victim, 'replica-ended', began)) - began)
    for peer in others(victim):
        suspected.append(wait_for(f'r{peer} suspects r{victim}',
                                  lambda: first(peer, 'suspicion-taken', began, peer=f'r{victim}')) - began)
    back.append(wait_for(f'r{victim} serves again', lambda: first(victim, 'replica-serves', began)) - began)


def ms(values):
    return f'median {statistics.median(values) / 1e6:.3f} ms, worst {max(values) / 1e6:.3f} ms'


print(f'{rounds} deaths, {len(suspected)} suspicions: noticed {ms(noticed)}; suspected by a peer\'s core {ms(suspected)}; '
      f'serving again {ms(back)}')
