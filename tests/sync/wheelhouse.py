"""Two tiny wheels, a lock file that pins them, and an index in a folder that has them."""

import base64
import hashlib
import zipfile
from pathlib import Path

LOCK = """\
version = 1
requires-python = ">=3.9"

[[package]]
name = "tinydep"
version = "1.0"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "https://example.org/d.whl", hash = "sha256:{tinydep}" }}]

[[package]]
name = "tinylib"
version = "2.1"
source = {{ registry = "https://pypi.org/simple" }}
dependencies = [
    {{ name = "tinydep" }},
    {{ name = "tinywin", marker = "sys_platform == 'win32'" }},
]
wheels = [{{ url = "https://example.org/l.whl", hash = "sha256:{tinylib}" }}]

[[package]]
name = "tinywin"
version = "9"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "https://example.org/w.whl", hash = "sha256:{tinydep}" }}]

[[package]]
name = "beside"
version = "0.1"
source = {{ editable = "../beside" }}
dependencies = [{{ name = "tinydep" }}]

[[package]]
name = "project"
version = "0.1"
source = {{ virtual = "." }}
dependencies = [{{ name = "beside" }}, {{ name = "tinylib" }}]
"""


def make(index: Path) -> str:
    """Fill the index; the text of a uv.lock."""
    contents = {
        "tinydep": ("1.0", "WORD = 'dep'\n"),
        "tinylib": ("2.1", "import tinydep\nWORD = 'lib and ' + tinydep.WORD\n"),
    }
    return LOCK.format(**{name: _wheel(index, name, *each) for name, each in contents.items()})


def _wheel(index: Path, name: str, version: str, body: str) -> str:
    info = f"{name}-{version}.dist-info"
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    found = {
        f"{name}.py": body,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": wheel,
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in found.items())
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in {**found, f"{info}/RECORD": record}.items():
            archive.writestr(inner, text)
    (folder / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>\n')
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(text: str) -> str:
    raw = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return "sha256=" + raw.rstrip(b"=").decode()
