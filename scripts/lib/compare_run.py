# Runs a client of scripts/compare.sh and writes what it printed, with the processor time that it and the servers took, as JSON.
# Usage: compare_run.py FILE PID... -- COMMAND...
import json
import os
import resource
import signal
import subprocess
import sys


def processor_seconds(pid):
    """User and system time of a process, all its threads, also ended ones."""
    with open('/proc/%s/stat' % pid) as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def main():
    end = sys.argv.index('--')
    path, pids, command = sys.argv[1], sys.argv[2:end], sys.argv[end + 1:]
    before = [processor_seconds(pid) for pid in pids]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    signal.signal(signal.SIGTERM, lambda *_: client.terminate())
    printed = client.communicate()[0]
    after = [processor_seconds(pid) for pid in pids]
    if client.returncode != 0:
        print(printed)
        sys.exit('the client ended with %d' % client.returncode)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(path, 'w') as out:
        json.dump({'server_seconds': sum(after) - sum(before), 'client_seconds': used.ru_utime + used.ru_stime,
                   'result': json.loads(printed[printed.index('{'):])}, out)


if __name__ == '__main__':
    main()
