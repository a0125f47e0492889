"""Commands of this machine, as streams."""

import subprocess
import threading

from xpm.connectors.local_host import ProcessStream


class Late(ProcessStream):
    """Its standard error is read later than anybody asks for it."""

    may_read = threading.Event()

    def _keep_stderr(self) -> None:
        assert self.may_read.wait(60)
        super()._keep_stderr()


def test_whoever_has_read_the_end_hears_the_last_words() -> None:
    pipe = subprocess.PIPE
    argv = ["sh", "-c", "echo wrong >&2; exit 7"]
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)
    stream = Late(process, "here")
    assert stream.read(100) == b""

    threading.Timer(0.1, Late.may_read.set).start()

    assert "wrong" in stream.stderr()
    assert stream.exit_status() == 7
    stream.close()
