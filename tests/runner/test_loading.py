"""A task is loaded as soon as it can be: a disk that goes away meanwhile, and comes back, fails none."""

from pathlib import Path

import pytest

from tests.runner.workshop import Workshop, job_id

pytestmark = pytest.mark.host

GOES_AWAY = """
import os, subprocess, sys

def hook(event, arguments):
    if event == "compile" and str(arguments[1]).endswith("SOURCE") and not os.path.exists("DISK.once"):
        open("DISK.once", "x").close()
        os.rename("DISK", "DISK.away")
        subprocess.Popen(["sh", "-c", "sleep 0.7; mv DISK.away DISK"], start_new_session=True)

sys.addaudithook(hook)
"""


@pytest.mark.parametrize("source", ["xpm/plan/config.py", "xpm/plan/restoring.py"])
def test_a_task_whose_disk_goes_away_as_it_is_loaded_waits_for_it(
    workshop: Workshop, tmp_path: Path, source: str
) -> None:
    submission = workshop.submit(workshop.entry(job_id("a"), "print('ran')"))
    site = tmp_path / "site"
    site.mkdir()
    script = GOES_AWAY.replace("SOURCE", source).replace("DISK", workshop.layout.root)
    (site / "sitecustomize.py").write_text(script)

    workshop.run(submission, environ={"PYTHONPATH": str(site)})

    assert "done" == workshop.outcome("a")["state"]
    assert "ran\n" == (workshop.folder("a") / "stdout").read_text()


def test_a_module_that_is_nowhere_fails_its_task_at_once(workshop: Workshop) -> None:
    entry = workshop.entry(job_id("a"), "pass")
    entry["document"]["types"][0]["module"] = "nowhere"

    workshop.run(workshop.submit(entry))

    assert ("failed", "launch") == tuple(workshop.outcome("a")[each] for each in ("state", "cause"))
