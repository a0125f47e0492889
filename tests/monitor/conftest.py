"""Main folders, and pages that show them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.follow.fakes import Cluster, Held, Lab
from tests.monitor import folders
from tests.monitor.folders import Scene
from xpm.connectors.base import JobRef
from xpm.monitor.serving import Server


@pytest.fixture(scope="module", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XPM_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
        patch.delenv("XPM_WORKDIR", raising=False)
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The sweep over models; nobody changes it."""
    found = folders.digits(tmp_path_factory.mktemp("digits") / "main")
    yield found
    found.close()


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Scene, Lab, list[JobRef]]]:
    """Two jobs on a little cluster: one runs, one failed."""
    found = Scene(tmp_path / "main")
    tags = [{"name": "runs"}, {"name": "failed"}]
    jobs = [(each["name"], "demo.learn", each, ()) for each in tags]
    refs = found.submit("pair", jobs, "cluster")
    cluster = Cluster(fate=lambda entry: None)
    for ref, each, state in zip(refs, tags, ("running", "failed"), strict=True):
        found.note(ref, each, "cluster")
        entry = found.main.job(ref)
        assert entry is not None
        found.tell([ref], state, "cluster", cause="exit" if state == "failed" else None)
        cluster.held[ref.job] = Held(entry, 1, state, moved=1)
    cluster.clock = 1
    found.log(refs[0], "begun\n")
    found.ran(refs[0], None)
    yield found, Lab(cluster), refs
    found.close()


@pytest.fixture
def one_server(pair: tuple[Scene, Lab, list[JobRef]]) -> Iterator[Server]:
    """The page of the two jobs, beside whoever follows them."""
    server = Server(pair[0].main, 0, follows=False, world=pair[1].world)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def server(scene: Scene) -> Iterator[Server]:
    """The page of the sweep."""
    found = Server(scene.main, 0, follows=False)
    found.start()
    yield found
    found.close()
