"""Jobs of equal requests go out together, and are told apart all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_core.life import Life
from tests.agent_core.site import Site
from tests.agent_core.yard import TASK, job_id
from xpm.agent import limits, submit
from xpm.agent.board import JobFacts
from xpm.agent.members import Members
from xpm.wire import files

pytestmark = pytest.mark.host
OPTIONS = ["--partition=cpu"]
ABC = ("a", "b", "c")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.rest()


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    life = Life(tmp_path)
    yield life
    life.site.rest()


def test_jobs_of_equal_requests_are_one_array_and_others_are_not(site: Site) -> None:
    site.yard.ask(*ABC, request={"options": OPTIONS})
    site.yard.ask("d", request={"options": ["--partition=gpu"]})

    site.advance()

    array, plain = sorted(site.calls("sbatch"), key=lambda call: len(call["argv"]), reverse=True)
    assert "--array=0-2" in array["argv"]
    assert [] == [each for each in plain["argv"] if each.startswith("--array")]
    assert site.queue == sorted(str(site.view(name).batch_id) for name in "abcd")
    assert [] == site.yard.temporaries()


def test_each_element_has_a_state_of_its_own(site: Site) -> None:
    site.yard.ask(*ABC)
    site.advance()

    site.yard.claim("a", batch_id="1001_0")
    site.batch("1001_0", state="RUNNING")
    site.batch("1001_1", state="TIMEOUT")
    site.advance(61)

    assert ["running", "failed", "pending"] == [site.word(name) for name in ABC]
    assert "timeout" == site.view("b").cause


def test_one_element_is_cancelled_and_the_others_go_on(site: Site) -> None:
    site.yard.ask(*ABC)
    site.advance()

    site.yard.cancel("b")
    site.advance(1)

    assert ["submitted", "cancelled", "submitted"] == [site.word(name) for name in ABC]
    assert [["1001_[1]"]] == [call["argv"] for call in site.calls("scancel")]


def test_who_is_cancelled_before_the_array_is_sent_is_not_in_it(site: Site) -> None:
    site.script("sbatch away")
    site.yard.ask(*ABC)
    site.advance()

    site.yard.cancel("b")
    site.advance(61)

    assert ["submitted", "cancelled", "submitted"] == [site.word(name) for name in ABC]
    assert ["1001_0", "1001_2"] == site.queue
    assert "1001_2" == site.view("c").batch_id


def test_elements_that_are_lost_are_submitted_again_together(site: Site) -> None:
    site.yard.ask(*ABC)
    site.advance()
    for index in (1, 2):
        site.forget(f"1001_{index}")
    site.advance(61)
    site.advance(61)
    site.advance(61)

    again = site.calls("sbatch")[1:]
    assert ["--array=0-1"] == [call["argv"][-1] for call in again]
    assert [1, 2, 2] == [site.view(name).attempt for name in ABC]
    assert ["1001_0", "1002_0", "1002_1"] == [site.view(name).batch_id for name in ABC]


def test_an_element_that_left_no_record_is_explained_by_its_own_log(site: Site) -> None:
    site.yard.ask(*ABC)
    site.advance()
    folder = Path(site.yard.layout.submission(str(site.view("b").submission)))
    (folder / "log.1").write_text("slurmstepd: error: execve(): /opt/py: No such file\n")
    site.batch("1001_1", state="FAILED", reason="NonZeroExitCode")
    site.advance(61)

    assert ("failed", "launch") == (site.view("b").state, site.view("b").cause)
    assert "/opt/py: No such file" in site.view("b").message
    assert f"--output={folder}/log.%a" in site.calls("sbatch")[0]["argv"]


def test_two_who_choose_different_jobs_at_once_share_them_out(site: Site) -> None:
    site.yard.ask(*ABC)
    site.yard.link("b", submission="xpm.other")

    site.advance()

    (call,) = site.calls("sbatch")
    submission = str(site.view("a").submission)
    folder = Path(site.yard.layout.submission(submission))
    assert "--array=0-1" in call["argv"]
    assert ["1001_0", "1001_1"] == [site.view(name).batch_id for name in "ac"]
    index = files.load(str(folder / "index.json"))
    assert index is None or len(index["elements"]) == 2


def test_a_site_whose_highest_index_is_lower_gets_arrays_of_that_length(site: Site) -> None:
    site.learned(limits.UNKNOWN._replace(max_array_size=4))
    site.limit("MaxArraySize", 4)
    site.come()
    site.yard.ask(*[f"job{n}" for n in range(10)])

    site.advance()

    arrays = [call["argv"][-1] for call in site.calls("sbatch")]
    assert ["--array=0-1", "--array=0-3", "--array=0-3"] == sorted(arrays)
    assert 10 == len(site.queue)


def test_a_limit_on_arrays_that_nobody_knew_is_learned_from_a_refusal(site: Site) -> None:
    site.limit("MaxArraySize", 30)
    site.yard.ask(*[f"job{n}" for n in range(100)])

    site.advance()

    assert 100 == len(site.queue)
    assert len(site.calls("sbatch")) <= 6
    assert len(site.names) == len(set(site.names))


def test_more_jobs_than_the_quota_go_out_in_pieces_as_places_become_free(life: Life) -> None:
    names = [f"job{n}" for n in range(60)]
    life.site.limit("most", 12)
    for name in names:
        life.names[job_id(name)] = name
    life.site.yard.ask(*names)

    life.heal(rounds=200)

    assert dict.fromkeys(names, 1) == dict(life.effects)
    calls, accepted = len(life.site.calls("sbatch")), len(life.site.names)
    assert accepted <= 36, accepted
    assert calls - accepted <= 6, calls - accepted


def test_an_index_that_a_power_cut_has_emptied_is_made_again(site: Site) -> None:
    site.script("sbatch away")
    site.yard.ask(*ABC)
    site.advance()
    folder = Path(site.yard.layout.submission(str(site.view("a").submission)))
    whole = (folder / "index.json").read_bytes()
    (folder / "index.json").write_bytes(b"")

    site.come()
    site.advance(61)

    assert whole == (folder / "index.json").read_bytes()
    assert ["1001_0", "1001_1", "1001_2"] == [site.view(name).batch_id for name in ABC]


def test_a_link_that_a_power_cut_has_lost_makes_a_second_batch_job_and_no_second_run(
    life: Life,
) -> None:
    for name in ABC:
        life.ask(name)
    life.site.advance()
    Path(life.site.yard.layout.attempts, f"{job_id('b')}.a1").unlink()

    life.heal()

    assert dict.fromkeys(ABC, 1) == dict(life.effects)
    assert ["done"] * 3 == [life.site.word(name) for name in ABC]


def test_members_are_fixed_by_whoever_comes_when_the_writer_of_the_intent_died(site: Site) -> None:
    site.yard.ask(*ABC)
    known = {name: JobFacts(TASK, job_id(name)) for name in ABC}
    group = [(known[name], 1) for name in ABC]
    joined, _ = submit.join(site.yard.layout, site.yard.id, group, "slurm", site.now)
    Path(site.yard.layout.attempts, f"{job_id('b')}.a1").unlink()  # it died before it was made
    Path(site.yard.layout.attempts, f"{job_id('c')}.a1").unlink()
    site.yard.link("c", submission="xpm.other")

    found = Members(site.yard.layout).of(joined[job_id("a")])

    assert found is not None
    assert [job_id("a"), job_id("b")] == [each.job for each in found.elements]
    link = files.load(str(Path(site.yard.layout.attempts, f"{job_id('b')}.a1")))
    assert link == {"submission": found.id}
