"""The plan of a chaos run: what happens to which replica, when and for how long; a function of the seed alone.

plan.py REPLICAS ROUNDS FAULTS SEED [stay-dead]     FAULTS: a list of kill,stop,cut,oneway,loss,corrupt,dup,kill2,killall

Prints one line a round: LABEL SECONDS PAUSE ACTION...; SECONDS until the faults end, PAUSE until the next round.
	kill:R stop:R                       replica R
	link:R:from|to|both:NAME=VALUE      for link_faults set
At most f replicas are taken away at a time, never r1: its clients' own keys show what those see who have nothing to do with the dead.
But kill2 kills any two and killall all of them.
Loss, corruption and duplication take nobody away; they hit any links, r1's too, and may accompany the others.
"""
import random
import sys

TAKE_AWAY, DAMAGE, MASS = ("kill", "stop", "cut", "oneway"), ("loss", "corrupt", "dup"), ("kill2", "killall")
ALL = 255  # members and clients
NAME = {"loss": "loss", "corrupt": "corrupt", "dup": "duplicate"}
PER_MILLE = {"loss": (1, 10, 50, 200), "corrupt": (1, 10, 100), "dup": (10, 100, 500)}


def cut_mask(rng, replicas, victim):
    """Whom the victim does not hear: everybody, or only some members (clients and the others still reach it)."""
    if rng.random() < 0.5:
        return ALL
    others = [r for r in range(1, replicas + 1) if r != victim]
    return sum(1 << r for r in rng.sample(others, rng.randint(1, len(others))))


def take_away(rng, kind, replicas, victim):
    if kind == "cut":
        return "link:%d:both:cut=%d" % (victim, cut_mask(rng, replicas, victim))
    if kind == "oneway":
        return "link:%d:%s:cut=%d" % (victim, rng.choice(("from", "to")), cut_mask(rng, replicas, victim))
    return "%s:%d" % (kind, victim)


def damage(rng, kind, replicas):
    """One link, or all of them; returns (label, actions)."""
    links = [rng.randint(1, replicas)] if rng.random() < 0.3 else range(1, replicas + 1)
    share, way = rng.choice(PER_MILLE[kind]), rng.choice(("both", "both", "from", "to"))
    return "%s%d" % (kind, share), ["link:%d:%s:%s=%d" % (r, way, NAME[kind], share) for r in links]


def one_round(rng, replicas, faults, dead, stay_dead):
    room = (replicas - 1) // 2 - len(dead)
    kinds = [k for k in faults if k in DAMAGE or room > 0]  # MASS only where nobody stays dead
    if not kinds:
        return None
    kind = rng.choice(kinds)
    if kind in DAMAGE:
        label, actions = damage(rng, kind, replicas)
        return "%s %.2f %.2f %s" % (label, rng.uniform(0.5, 2), rng.uniform(0.3, 1), " ".join(actions))
    if kind in MASS:
        of_all = rng.sample(range(1, replicas + 1), 2 if kind == "kill2" else replicas)
        return "%s %.2f %.2f %s" % (kind, rng.uniform(0.05, 1), rng.uniform(0.5, 1.5), " ".join("kill:%d" % r for r in of_all))
    alive = [r for r in range(2, replicas + 1) if r not in dead]
    victims = rng.sample(alive, rng.randint(1, min(room, len(alive))))
    own = [k for k in faults if k in TAKE_AWAY]
    of = [kind if rng.random() < 0.6 else rng.choice(own) for _ in victims]
    actions = [take_away(rng, k, replicas, v) for k, v in zip(of, victims)]
    label = "+".join(sorted(set(of)))
    companions = [k for k in faults if k in DAMAGE]
    if companions and rng.random() < 0.3:
        with_label, more = damage(rng, rng.choice(companions), replicas)
        label, actions = label + "+" + with_label, actions + more
    if stay_dead:
        dead.update(v for k, v in zip(of, victims) if k == "kill")
    return "%s %.2f %.2f %s" % (label, rng.uniform(0.05, 1.5), rng.uniform(0.5, 1.5), " ".join(actions))


def plan(replicas, rounds, faults, seed, stay_dead):
    rng, dead, lines = random.Random(seed), set(), []
    for _ in range(rounds):
        line = one_round(rng, replicas, faults, dead, stay_dead)
        if line is None:
            break
        lines.append(line)
    return lines


if __name__ == "__main__":
    for line in plan(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), int(sys.argv[4]), sys.argv[5:] == ["stay-dead"]):
        print(line)
