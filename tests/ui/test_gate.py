from __future__ import annotations

import threading
import time

from aae.ui.gate import Gate


def test_threads_take_turns_and_no_more_than_allowed_are_inside():
    gate, inside, most, turns = Gate(1), [], [], []

    def work(name: int) -> None:
        for _ in range(20):
            with gate.inside():
                inside.append(name)
                most.append(len(inside))
                turns.append(name)
                time.sleep(0.001)
                inside.remove(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(turns) == 60
    assert set(turns[20:26]) == {0, 1, 2}, "nobody waits for another to finish"


def test_a_step_that_fails_leaves_its_place():
    gate = Gate(1)
    for _ in range(2):
        try:
            with gate.inside():
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
