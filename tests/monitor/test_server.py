"""What the page's server answers, and whom it refuses."""

import os
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.cli.commands import until
from tests.follow.fakes import Lab
from tests.monitor.folders import Scene, job_id
from xpm.connectors.base import JobRef
from xpm.monitor import folders, measures
from xpm.monitor.acting import Actor
from xpm.monitor.app import STATIC, Monitor
from xpm.monitor.guard import Pass
from xpm.monitor.logs import Link

PORT = 12346
OWN = f"http://127.0.0.1:{PORT}"
FAILED = JobRef("digits.learn", job_id("digits learn mlp 0.03 1"))
DONE = JobRef("digits.learn", job_id("digits learn mlp 0.1 0"))


def _client(
    scene: Scene, lab: Lab | None = None, follows: bool = False, link: Link | None = None
) -> tuple[TestClient, Pass]:
    allowed = Pass(PORT)
    monitor = Monitor(scene.main, Actor(scene.main, lab.world if lab else None, follows), link)
    return TestClient(monitor.application(allowed), base_url=OWN), allowed


@pytest.fixture(scope="module")
def client(scene: Scene) -> Iterator[TestClient]:
    found, allowed = _client(scene)
    with found:
        found.get("/", params={"t": allowed.token})
        yield found


def _post(client: TestClient, content: dict[str, Any], **headers: str) -> Any:
    return client.post("/api/act", json=content, headers={"origin": OWN, **headers})


# ------------------------------------------------------------------------------- who may come


def test_nothing_is_answered_without_the_cookie(scene: Scene) -> None:
    client, _ = _client(scene)

    paths = ["/", "/api/overview", "/static/main.js", f"/files/{DONE.task}/{DONE.job}/stdout"]

    assert [401] * 4 == [client.get(path).status_code for path in paths]


def test_the_link_gives_a_cookie_that_scripts_and_other_sites_do_not_get(scene: Scene) -> None:
    client, allowed = _client(scene)

    wrong = client.get("/?t=wrong", follow_redirects=False)
    right = client.get(f"/?t={allowed.token}", follow_redirects=False)

    assert 401 == wrong.status_code
    assert "set-cookie" not in wrong.headers
    assert (303, "/") == (right.status_code, right.headers["location"])
    assert allowed.token not in right.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= set(right.headers["set-cookie"].split("; "))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "127.0.0.1", ""])
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert 421 == client.get("/api/overview", headers={"host": host}).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": f"http://127.0.0.1:{PORT + 1}"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ],
)
def test_another_site_may_not_even_read(client: TestClient, headers: dict[str, str]) -> None:
    assert 403 == client.get("/api/overview", headers=headers).status_code


def test_what_changes_something_needs_our_origin_and_json(client: TestClient) -> None:
    content = {"action": "cancel", "q": ""}

    without = client.post("/api/act", json=content)
    other = _post(client, content, origin="http://evil.example")
    form = client.post("/api/act", data={"action": "cancel"}, headers={"origin": OWN})
    ours = _post(client, content)

    assert [403, 403, 403, 200] == [each.status_code for each in (without, other, form, ours)]
    assert 405 == client.get("/api/act").status_code


def test_every_answer_says_what_a_page_may_do(client: TestClient) -> None:
    for path in ("/", "/api/overview", "/static/main.js", "/nowhere"):
        headers = client.get(path).headers

        assert "nosniff" == headers["x-content-type-options"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_the_page_names_nothing_outside_itself() -> None:
    for path in STATIC.rglob("*"):
        if path.suffix in (".js", ".css", ".html") and path.parent.name != "vendor":
            assert "http" not in path.read_text().replace("http://www.w3.org/2000/svg", ""), path


# ------------------------------------------------------------------------------- jobs


def test_jobs_are_filtered_as_on_the_command_line(client: TestClient) -> None:
    found = client.get("/api/jobs", params={"q": "lr<0.05 and task=digits.learn and seed=1"}).json()

    assert 9 == found["total"]
    assert {"failed": 1, "done": 4, "running": 2, "pending": 1, "waiting": 1} == found["counts"]


def test_a_filter_that_cannot_be_read_says_why(client: TestClient) -> None:
    answer = client.get("/api/jobs", params={"q": "modle=mlp"})

    assert 400 == answer.status_code
    assert "no job has a tag 'modle'" == answer.json()["error"]["what"]
    assert "did you mean 'model'?" == answer.json()["error"]["hint"]


def test_states_choose_without_changing_the_counts(client: TestClient) -> None:
    found = client.get("/api/jobs", params={"states": "failed,skipped", "experiment": "digits"})

    assert (4, 41) == (found.json()["total"], found.json()["counts"]["done"])
    assert {"failed", "skipped"} == {row["state"] for row in found.json()["rows"]}


def test_jobs_are_sorted_by_tags_as_numbers_those_without_last(client: TestClient) -> None:
    query = {"sort": "-tag.lr", "experiment": "digits", "limit": "100"}
    rows = client.get("/api/jobs", params=query).json()["rows"]

    rates = [row["tags"].get("lr") for row in rows]

    assert None is rates.pop()
    assert sorted(rates, reverse=True) == rates


def test_a_job_tells_values_story_and_what_it_used(client: TestClient) -> None:
    other = {"with": DONE.job}
    found = client.get(f"/api/job/{FAILED.task}/{FAILED.job}", params=other).json()

    assert ("0.03", "0.1") == (found["parameters"]["lr"], found["other"]["lr"])
    assert ["cores", "4"] in found["asked"]
    assert ["memory", "16.0 GiB"] in found["asked"]
    (attempt,) = found["attempts"]
    assert ("failed", "node-17", 3_600_000) == (
        attempt["state"], attempt["host"], attempt["max_rss_kib"]
    )  # fmt: skip
    assert any("FloatingPointError" in each["text"] for each in found["story"])
    assert {"stdout", "stderr"} == {path for path, *_ in found["files"]}
    assert 404 == client.get(f"/api/job/{FAILED.task}/{'0' * 64}").status_code


def test_the_graph_is_folded_by_task_and_unfolds_by_a_tag(client: TestClient) -> None:
    folded = client.get("/api/graph", params={"experiment": "digits"}).json()
    unfolded = client.get("/api/graph", params={"experiment": "digits", "by": "model"}).json()

    assert 3 == len(folded["nodes"])
    assert {36} == {count for _, _, count in folded["edges"]}
    assert 1 + 3 + 3 == len(unfolded["nodes"])
    assert {12} == {count for _, _, count in unfolded["edges"]}


def test_results_come_per_job_and_as_means(client: TestClient) -> None:
    query = {"experiment": "digits", "by": "model", "q": "task=digits.learn"}
    found = client.get("/api/results", params=query).json()

    assert (36, 20) == (found["jobs"], found["measured"])
    cnn = found["groups"][0]
    mean, deviation, jobs = cnn["metrics"]["test.accuracy"]
    values = [row["metrics"]["test.accuracy"] for row in found["rows"]]
    mine = [value for value, row in zip(values, found["rows"], strict=True) if row["tags"]["model"] == "cnn"]  # fmt: skip
    assert ("cnn", len(mine)) == (cnn["tags"]["model"], jobs)
    assert mean == pytest.approx(sum(mine) / len(mine))
    assert deviation > 0
    assert 12 == sum(cnn["counts"].values())


def test_curves_keep_their_peaks_when_thinned() -> None:
    curve = [(float(step), 100.0 if step == 777 else 0.0) for step in range(100_000)]

    thinned = measures.thinned(curve)

    assert len(thinned) <= measures.MOST_POINTS
    assert (777.0, 100.0) in thinned


def test_connectors_tell_their_link_and_who_holds_tokens(client: TestClient) -> None:
    found = {each["name"]: each for each in client.get("/api/connectors").json()["connectors"]}

    assert [{"name": "scratch", "held": 11, "total": 16, "jobs": 11}] == found["cluster"]["tokens"]
    assert "xpm doctor tower" in found["tower"]["message"]
    assert found["cluster"]["down_since"] is None


def test_a_job_is_compared_with_those_most_like_it(client: TestClient) -> None:
    found = client.get(f"/api/job/{FAILED.task}/{FAILED.job}").json()["siblings"]

    mine = {"model": "mlp", "lr": 0.03, "seed": 1}
    differing = [len({*mine.items()} ^ {*each["tags"].items()}) // 2 for each in found[:7]]
    assert [1] * 7 == differing


# ------------------------------------------------------------------------------- files


def test_a_log_is_told_from_where_one_stopped(client: TestClient, scene: Scene) -> None:
    path = f"/api/log/{DONE.task}/{DONE.job}"
    whole = (scene.main.job_folder(DONE) / "stdout").read_text()

    first = client.get(path).json()
    rest = client.get(path, params={"offset": "23", "joined": "1"}).json()
    tail = client.get(path, params={"offset": "-30"}).json()

    assert whole == first["text"]
    assert whole[23:] == rest["text"]
    assert (whole.splitlines()[-1] + "\n", len(whole)) == (tail["text"], tail["next"])
    assert 404 == client.get(path, params={"stream": "metrics.csv"}).status_code


def test_the_log_of_a_job_that_runs_elsewhere_comes_from_there_while_it_answers(
    pair: tuple[Scene, Lab, list[JobRef]],
) -> None:
    scene, lab, (runs, _) = pair
    client, allowed = _client(scene, lab, follows=True)
    lab.clusters["cluster"].logs[runs.job, "stdout"] = b"begun\nwent on there\n"
    with client:
        client.get("/", params={"t": allowed.token})
        path = f"/api/log/{runs.task}/{runs.job}"

        until(lambda: not client.get(path).json()["said"])  # the link is up
        whole = client.get(path).json()
        rest = client.get(path, params={"offset": "2", "joined": "1"}).json()
        lab.clusters["cluster"].cut()
        away = client.get(path).json()

    assert ("begun\nwent on there\n", 20) == (whole["text"], whole["next"])
    assert "gun\nwent on there\n" == rest["text"]
    assert "begun\n" == away["text"]  # what is here
    assert away["said"]
    assert away["at"] > 0


def test_beside_a_run_a_log_comes_over_the_runs_own_link(
    pair: tuple[Scene, Lab, list[JobRef]],
) -> None:
    scene, lab, (runs, _) = pair
    cluster = lab.clusters["cluster"]
    cluster.logs[runs.job, "stdout"] = b"begun\nlater\n"
    opened = cluster.open()
    client, allowed = _client(scene, lab, link={"cluster": opened}.get)
    with client:
        client.get("/", params={"t": allowed.token})

        piece = client.get(f"/api/log/{runs.task}/{runs.job}").json()

    assert ("begun\nlater\n", "") == (piece["text"], piece["said"])
    assert 1 == cluster.opened


def test_without_a_link_it_is_said_how_old_a_log_is(client: TestClient, scene: Scene) -> None:
    runs = JobRef("digits.learn", job_id("digits learn vit 0.1 0"))

    piece = client.get(f"/api/log/{runs.task}/{runs.job}").json()

    assert "no link to cluster is open" == piece["said"]
    assert (scene.main.job_folder(runs) / "stdout").stat().st_ctime == piece["at"]


def test_a_file_is_text_or_a_download_never_a_page(client: TestClient, scene: Scene) -> None:
    (scene.main.job_folder(DONE) / "report.html").write_text("<script>alert(1)</script>")
    path = f"/files/{DONE.task}/{DONE.job}/report.html"

    shown, kept = client.get(path), client.get(path, params={"download": ""})

    assert "<script>alert(1)</script>" == shown.text
    assert "text/plain; charset=utf-8" == shown.headers["content-type"]
    assert "nosniff" == shown.headers["x-content-type-options"]
    assert "sandbox; default-src 'none'" == shown.headers["content-security-policy"]
    assert kept.headers["content-disposition"].startswith("attachment")


def test_nothing_outside_the_jobs_folder_is_served(
    client: TestClient, scene: Scene, tmp_path: Path
) -> None:
    folder = scene.main.job_folder(DONE)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "out").symlink_to(secret)
    (folder / "up").symlink_to(folder.parent)
    (folder / "last.csv").symlink_to("metrics.csv")
    os.mkfifo(folder / "pipe")
    bad = ["out", f"up/{FAILED.job}/stderr", "../x", "..%2f..%2f..%2fplan.py", "%2fetc%2fpasswd"]
    bad += ["pipe", ".", "up", "a%00b", ".xpm/../../x"]

    answers = [client.get(f"/files/{DONE.task}/{DONE.job}/{each}") for each in bad]

    assert [404] * len(bad) == [each.status_code for each in answers]
    assert client.get(f"/files/{DONE.task}/{DONE.job}/last.csv").text.startswith("step,loss")
    assert 404 == client.get(f"/files/..%2f..%2fxp/{DONE.job}/run.json").status_code


def test_a_link_put_in_the_place_of_a_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, outside = tmp_path / "job", tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("secret")
    folder.mkdir()
    (folder / "sub").symlink_to(outside)
    monkeypatch.setattr(folders, "_inside", lambda *_: ["sub", "file"])  # checked a moment before

    with pytest.raises(folders.Outside):
        folders.opened(folder, "sub/file")


# ------------------------------------------------------------------------------- actions


def test_a_wish_is_told_in_numbers_first_and_refused_when_they_have_changed(
    client: TestClient,
) -> None:
    wish = {"action": "cancel", "experiment": "digits", "q": "model=vit"}

    asked = _post(client, wish).json()
    late = _post(client, {**wish, "expected": asked["jobs"] + 1})

    assert {"running": 5, "pending": 4, "waiting": 15} == asked["counts"]
    assert 409 == late.status_code
    assert "look again" in late.json()["error"]["what"]


def test_a_job_is_cancelled_durably_and_told_to_its_cluster(
    pair: tuple[Scene, Lab, list[JobRef]],
) -> None:
    scene, lab, (runs, failed) = pair
    client, allowed = _client(scene, lab)
    with client:
        client.get("/", params={"t": allowed.token})
        lab.clusters["cluster"].cut()
        jobs = [[runs.task, runs.job], [failed.task, failed.job]]

        away = _post(client, {"action": "cancel", "jobs": jobs, "expected": 1}).json()
        owed = scene.main.outbox.owed("cluster")
        lab.clusters["cluster"].heal()
        until(lambda: not _post(client, {"action": "sync"}).json()["problems"])
        overview = client.get("/api/overview").json()

    assert "cancelling 1 job; 1 job at the next exchange with their host" == away["text"]
    assert len(away["problems"]) == 1
    assert [runs] == [each.ref for each in owed]
    assert {"cancelled": 1, "failed": 1} == overview["experiments"][0]["counts"]


def test_a_failed_job_gets_a_new_attempt(pair: tuple[Scene, Lab, list[JobRef]]) -> None:
    scene, lab, (_, failed) = pair
    client, allowed = _client(scene, lab)
    lab.clusters["cluster"].fate = lambda entry: "done"
    with client:
        client.get("/", params={"t": allowed.token})

        done = _post(client, {"action": "retry", "q": "state=failed", "expected": 1}).json()
        job = client.get(f"/api/job/{failed.task}/{failed.job}").json()

    assert "1 job gets a new attempt" == done["text"]
    assert 2 == job["attempt"]


def test_what_an_action_raises_comes_back_to_who_asked(scene: Scene) -> None:
    actor = Actor(scene.main)
    actor.start()

    future: Future[Any] = actor.wish(lambda session: session.spec("nowhere"))

    with pytest.raises(Exception, match="no connector 'nowhere'"):
        future.result(60)
    actor.stop()
    actor.join(60)
