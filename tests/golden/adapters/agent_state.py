"""agent_state: one vector is a script of operations over an empty directory."""

import json
import shutil
from pathlib import Path

from golden.codec import decode, encode
from harnlab.backends.filesystem import FilesystemBackend, OsDisk
from harnlab.core.agent_state import (
    MutationSession,
    Surroundings,
    delete_state,
    handoff_state,
    init_state,
    list_state,
    read_state,
    resume_state,
    write_state,
)
from harnlab.errors import HarnRuntimeError

NOW_S = 4_102_444_800  # a second no vector writes by hand
OPERATIONS = {
    "init": init_state,
    "resume": resume_state,
    "write": write_state,
    "read": lambda backend, args, _: read_state(backend, args),
    "list": lambda backend, args, _: list_state(backend, args),
    "delete": lambda backend, args, _: delete_state(backend, args),
    "handoff": handoff_state,
}


class Script:
    """The runtime's thread-locals, and the handles a vector has named so far."""

    def __init__(self, root: Path):
        self.root = root
        self.ids = []
        self.sessions = []
        self.mutation = None
        self.handles = {}
        self.backend = FilesystemBackend(disk=OsDisk(working_dir=str(root)), new_id=self.new_id)

    def new_id(self):
        # as long as the runtime's ids, for names near the system's limit, and sorting among the folders as they do
        self.ids.append(f"01900000-0000-7000-8000-{len(self.ids):012}")
        return self.ids[-1]

    def answer(self, step):
        match step["op"]:
            case "push_session":
                if step["id"]:
                    self.sessions.append(step["id"])
            case "pop_session":
                self.sessions[-1:] = []
            case "set_mutation_session":
                session = step["session"]
                self.mutation = session and MutationSession(**session)
            case "fs_write":
                path = self.root / step["path"]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(step["content"].encode())
            case "fs_mkdir":
                (self.root / step["path"]).mkdir(parents=True, exist_ok=True)
            case "fs_remove":
                path = self.root / step["path"]
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            case "tree":
                return self.tree()
            case name:
                return self.call(OPERATIONS[name], step)
        return None

    def call(self, operation, step):
        surroundings = Surroundings(
            new_id=self.new_id,
            now_s=NOW_S,
            working_dir=str(self.root),
            current_session=self.sessions[-1] if self.sessions else None,
            mutation=self.mutation,
        )
        try:
            value = operation(self.backend, [self.argument(arg) for arg in step["args"]], surroundings)
        except HarnRuntimeError as error:
            return {"error": {"kind": "runtime", "message": error.message}}
        if operation in {write_state, handoff_state}:
            return {"ok": None} | ({"warnings": [encode(value.as_dict())]} if value else {})
        if "as" in step:
            self.handles[step["as"]] = value
        return {"ok": encode(value)}

    def argument(self, spelled):
        if isinstance(spelled, dict) and "$handle" in spelled:
            handle = self.handles.get(spelled["$handle"])
            if handle is None:
                return None
            handle = handle | decode(spelled.get("$patch", {}))
            return {name: item for name, item in handle.items() if name not in spelled.get("$remove", [])}
        return decode(spelled)

    def tree(self):
        found = {path.relative_to(self.root).as_posix(): path for path in self.root.rglob("*")}
        files = {name: path.read_bytes().decode() for name, path in found.items() if not path.is_dir()}
        return {"files": files, "dirs": sorted(name for name, path in found.items() if path.is_dir())}


def placed(text, root):
    """Put the real root where a vector says ``$ROOT``."""
    return json.loads(text.replace("$ROOT", json.dumps(str(root))[1:-1]))


def normalised(output, script):
    """Say ``$ROOT``, ``$UUID1`` and ``"$NOW"`` as the vectors do; ids that show nowhere take no number."""
    text = json.dumps(output).replace(json.dumps(str(script.root))[1:-1], "$ROOT")
    visible = [made for made in script.ids if made in text]
    for number, made in enumerate(visible, 1):
        text = text.replace(made, f"$UUID{number}")
    for member in ("updated_at", "written_at"):
        text = text.replace(f'\\"{member}\\": {NOW_S}', f'\\"{member}\\": \\"$NOW\\"')
    return json.loads(text)


def agent_state(given, room):
    script = Script(room)
    results = [script.answer(step) for step in placed(json.dumps(given), room)["ops"]]
    return normalised({"results": results, "final_tree": script.tree()}, script)


OPS = {"agent_state": agent_state}
