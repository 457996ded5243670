"""Timing a foreign module as its caller sees it; the run itself needs a GPU."""

from __future__ import annotations

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from drtriton.real_run import wall_us  # noqa: E402


class Wall(unittest.TestCase):
    def test_a_call_costs_what_it_and_its_wait_cost(self):
        now, calls, pending = [0.0], [0], [0]

        def call():
            now[0] += 2e-6    # the caller's part
            calls[0] += 1
            pending[0] += 1

        def wait():
            now[0] += 3e-6 * pending[0]    # the device's part, behind it
            pending[0] = 0

        self.assertAlmostEqual(wall_us(call, wait, lambda: now[0]), 5.0, places=6)
        self.assertEqual(calls[0], 3 + 1 + 7 * 1000)

    def test_a_slow_call_is_made_a_few_times(self):
        now, calls = [0.0], [0]

        def call():
            now[0] += 0.2
            calls[0] += 1

        self.assertAlmostEqual(wall_us(call, lambda: None, lambda: now[0]), 2e5, places=3)
        self.assertEqual(calls[0], 3 + 1 + 7)


if __name__ == "__main__":
    unittest.main()
