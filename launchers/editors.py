"""The JSON schema of the format, for editors: ``python -m xpm.launchers.editors > config/launchers.schema.json``."""

import json
import sys

from xpm.launchers.vocabulary import PROFILE

FILE = "launchers.schema.json"
LINE = f"# yaml-language-server: $schema={FILE}"
"""The first line of a profile that has the schema beside it: editors complete, explain and check it then."""
HIDDEN_FILE = f".{FILE}"
"""The same in a project, where the profile is one file among others."""
HIDDEN_LINE = LINE.replace(FILE, HIDDEN_FILE)


def schema_text() -> str:
    """The schema, as it is kept in config/launchers.schema.json."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "xpm launchers",
        "description": "Places, launchers and tokens of xpm: ~/.config/xpm/launchers.yaml",
        **PROFILE.schema(),
        "required": ["version"],
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
