# The report of scripts/spray.sh: what was sent against what the replica counted, reason by reason.
# Usage: spray_report.py RUN-DIRECTORY DEAD-REPLICAS
import os
import sys

from report import last_object

# What the data plane takes before the core sees it: cut short, or damaged while it calls itself an echo. It counts those without
# the core's reason, so only their sum can be compared.
SHELL = ('drop_udp', 'drop_echo')


def counters(run, name, page):
    return last_object(os.path.join(run, name + '.json'))['replicas'][0][page]


def main():
    run, dead = sys.argv[1], int(sys.argv[2])
    sent = last_object(os.path.join(run, 'spray.log'))
    core = {k: v - counters(run, 'before', 'drops')[k] for k, v in counters(run, 'after', 'drops').items()}
    shell = {k: v - counters(run, 'before', 'shell')[k] for k, v in counters(run, 'after', 'shell').items()}
    before_core = sum(shell[k] for k in SHELL)
    total, good = before_core, True
    print('%-12s %10s %10s' % ('reason', 'sent', 'dropped'))
    for reason, count in sent['drops'].items():
        if count == 0:
            continue
        total += core[reason]
        fits = core[reason] <= count <= core[reason] + before_core
        good = good and fits
        print('%-12s %10d %10d%s' % (reason, count, core[reason], '' if fits else '   DIFFERENT'))
    print('%-12s %10s %10d' % ('before core', '', before_core))
    others = {k: v for k, v in shell.items() if k.startswith('drop_') and k not in SHELL and v > 0}
    if others or shell['no_mbuf'] > 0:
        print('counted by the data plane besides: %s, no_mbuf %d' % (others, shell['no_mbuf']))
    quiet = last_object(os.path.join(run, 'undisturbed.log'))['load']['p99_us']
    loud = last_object(os.path.join(run, 'disturbed.log'))['load']['p99_us']
    print('SPRAY frames=%d dropped=%d answers=%d p99=%.1fus undisturbed=%.1fus restarts=%d' % (
        sent['sent'], total, sent['answers'], loud, quiet, dead))
    for claim, holds in (('the counters add up', good and total == sent['sent']), ('no answers', sent['answers'] == 0),
                         ('p99 within twice the undisturbed one', loud <= 2 * quiet), ('no restart', dead == 0)):
        if not holds:
            print('spray.sh: does not hold: ' + claim, file=sys.stderr)
            good = False
    sys.exit(0 if good else 1)


main()
