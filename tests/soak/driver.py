"""Who makes the faults happen: a thread for each thing they befall, each with a chance of its own."""

import random
import subprocess
import threading
import time

from tests.soak.faults import PAUSES_S, SORTS, Scene


class Driver(threading.Thread):
    """Makes faults of one row happen, one after the other, until the soak is over.

    Args:
        subject: what they befall.
        scene: what they act on.
        seed: of the soak.
    """

    def __init__(self, subject: str, scene: Scene, seed: int) -> None:
        super().__init__(name=subject, daemon=True)
        self._subject = subject
        self._scene = scene
        self._chance = random.Random(f"{seed} {subject}")

    def run(self) -> None:
        """Wait, disturb, and so on."""
        mean_s = PAUSES_S[self._subject] * self._scene.scale
        while not self._scene.over.wait(self._chance.expovariate(1 / mean_s)):
            act = self._chance.choice(SORTS[self._subject])
            begun = time.strftime("%H:%M:%S")
            try:
                happened = act(self._scene, self._chance)
            except (AssertionError, OSError, subprocess.TimeoutExpired, RuntimeError) as error:
                self._scene.toll.note(f"{begun} {act.__name__}: {str(error).strip()[-300:]}")
                happened = True
            if happened:
                self._scene.toll.count(act.__name__)
                self._scene.toll.log(f"{begun} to {time.strftime('%H:%M:%S')} {act.__name__}")


def start_all(scene: Scene, seed: int) -> list[Driver]:
    """Start a driver for each subject."""
    found = [Driver(subject, scene, seed) for subject in SORTS]
    for each in found:
        each.start()
    return found
