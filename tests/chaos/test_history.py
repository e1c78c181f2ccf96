"""The checker finds what is wrong, and only that: hand-made histories, good and bad."""
import unittest

import history
import plan


def op(kind, call, ret, value=None, result=None, status="ok", key="k"):
    return {"process": 0, "op": kind, "key": key, "value": value, "old": None, "result": result, "status": status, "call": call,
            "ret": ret}


def append(element, call, ret, length=None, status="ok"):
    return op("append", call, ret, element + ",", None if length is None else str(length), status)


def read(seen, call, ret, status="ok"):
    return op("get", call, ret, None, seen, status)


GOOD = [append("1", 10, 20, 2), append("2", 15, 30, 4), append("3", 40, 50, 6), read("1,2,3,", 60, 70)]


class Accepted(unittest.TestCase):
    def accept(self, ops, done, unknown=0):
        self.assertEqual(history.check_key("k", ops), (done, unknown))

    def test_one_after_the_other(self):
        self.accept(GOOD, 3)

    def test_the_later_call_may_come_first_while_both_are_open(self):
        self.accept([append("1", 10, 40, 4), append("2", 20, 30, 2), read("2,1,", 50, 60)], 2)

    def test_an_unknown_append_may_be_there(self):
        self.accept([append("1", 10, 20, status="unknown"), append("2", 30, 40, 4), read("1,2,", 50, 60)], 1, 1)

    def test_an_unknown_append_may_come_much_later(self):
        self.accept([append("1", 10, 20, status="unknown"), append("2", 30, 40, 2), read("2,1,", 50, 60)], 1, 1)

    def test_an_unknown_append_may_be_missing(self):
        self.accept([append("1", 10, 20, status="unknown"), append("2", 30, 40, 2), read("2,", 50, 60)], 1, 1)

    def test_a_refused_append_is_missing(self):
        self.accept([append("1", 10, 20, status="fail"), append("2", 30, 40, 2), read("2,", 50, 60)], 1)

    def test_reads_of_one_state_in_any_order(self):
        self.accept([append("1", 10, 20, 2), read("1,", 40, 50), read("1,", 25, 30), read("1,", 28, 60)], 1)

    def test_a_read_beside_an_append_sees_either(self):
        for seen in ("", "1,"):
            self.accept([append("1", 10, 20, 2), read(seen, 12, 18), read("1,", 30, 40)], 1)

    def test_a_key_that_is_empty(self):
        self.accept([read(None, 10, 20)], 0)


class Refused(unittest.TestCase):
    def refuse(self, kind, ops):
        with self.assertRaises(history.Violation) as caught:
            history.check_key("k", ops)
        self.assertEqual(caught.exception.kind, kind, str(caught.exception))

    def test_lost(self):
        self.refuse("lost", [append("1", 10, 20, 2), append("2", 30, 40, 4), read("1,", 50, 60)])

    def test_doubled(self):
        self.refuse("doubled", [append("1", 10, 20, 2), append("2", 30, 40, 4), read("1,2,1,", 50, 60)])

    def test_answers_of_two_orders(self):
        self.refuse("place", [append("1", 10, 20, 2), append("2", 15, 30, 2), read("1,2,", 50, 60)])

    def test_an_order_against_time(self):
        self.refuse("time", [append("1", 10, 20, 4), append("2", 30, 40, 2), read("2,1,", 50, 60)])

    def test_an_order_against_time_over_several(self):
        self.refuse("time", [append("1", 10, 20, 6), append("2", 5, 60, 4), append("3", 30, 60, 2), read("3,2,1,", 70, 80)])

    def test_an_unknown_append_before_it_was_called(self):
        self.refuse("time", [append("1", 30, 40, status="unknown"), append("2", 10, 20, 4), read("1,2,", 50, 60)])

    def test_a_stale_read(self):
        self.refuse("time", GOOD + [read("1,2,", 55, 58)])

    def test_a_read_that_goes_back(self):
        self.refuse("time", [append("1", 10, 60, 2), read("1,", 20, 25), read("", 30, 35), read("1,", 70, 80)])

    def test_a_read_of_the_future(self):
        self.refuse("time", [append("1", 30, 40, 2), read("1,", 10, 20), read("1,", 50, 60)])

    def test_a_read_of_another_order(self):
        self.refuse("read", GOOD + [read("2,1,", 32, 38)])

    def test_a_read_of_half_an_element(self):
        self.refuse("read", [append("12", 10, 20, 3), read("1", 12, 18), read("12,", 30, 40)])

    def test_a_refused_append_that_is_there(self):
        self.refuse("refused", [append("1", 10, 20, status="fail"), read("1,", 30, 40)])

    def test_an_element_that_nobody_sent(self):
        self.refuse("garbage", [append("1", 10, 20, 2), read("1,7,", 30, 40)])

    def test_a_value_cut_short(self):
        self.refuse("garbage", [append("12", 10, 20, 3), read("12,3", 30, 40)])

    def test_a_key_that_was_not_read_at_the_end(self):
        self.refuse("unread", [append("1", 10, 20, 2), read("", 5, 8), append("2", 30, 40, 4)])
        self.refuse("unread", [append("1", 10, 20, 2), read("1,", 30, 40, status="fail")])


class Plan(unittest.TestCase):
    KINDS = ["kill", "stop", "cut", "oneway", "loss", "corrupt", "dup"]

    def test_equal_seeds_give_equal_plans(self):
        self.assertEqual(plan.plan(5, 50, self.KINDS, 7, False), plan.plan(5, 50, self.KINDS, 7, False))
        self.assertNotEqual(plan.plan(5, 50, self.KINDS, 7, False), plan.plan(5, 50, self.KINDS, 8, False))

    def taken(self, line):
        """Whom a round takes away."""
        return {a.split(":")[1] for a in line.split()[3:] if a.startswith(("kill", "stop")) or "cut=" in a}

    def test_never_more_than_f_and_never_r1(self):
        for replicas in (3, 5):
            for line in plan.plan(replicas, 300, self.KINDS, 1, False):
                self.assertLessEqual(len(self.taken(line)), (replicas - 1) // 2, line)
                self.assertNotIn("1", self.taken(line), line)

    def test_every_kind_occurs(self):
        text = " ".join(line.split()[0] for line in plan.plan(3, 200, self.KINDS, 1, False))
        for kind in self.KINDS:
            self.assertIn(kind, text)

    def test_the_dead_count_when_they_stay_dead(self):
        lines = plan.plan(5, 100, ["kill", "stop"], 3, True)
        dead = set()
        for line in lines:
            self.assertFalse(dead & self.taken(line), line)
            dead |= {a.split(":")[1] for a in line.split()[3:] if a.startswith("kill")}
            self.assertLessEqual(len(dead | self.taken(line)), 2, line)
        self.assertEqual(len(dead), 2)


if __name__ == "__main__":
    unittest.main()
