"""Small logs for widget tests, written as frames or as files."""

import json

import polars as pl

import harnlab as hl
from harnlab.frames import SCHEMAS
from harnlab.runs import Runs
from harnlab.vocabulary import PROVENANCE_FIELDS

#: Texts that would run, close an element, turn the line around or hide, wherever they were taken for more than text.
HOSTILE = (
    "<script>window.harnlabWasHere = 1</script>",
    "</textarea></pre><img src=x onerror='window.harnlabWasHere = 2'>",
    "javascript:window.harnlabWasHere=3",
    "safe\u202egnp.exe\u202c",
    "zero\u200bwidth\u2060joined\ufeff",
    "${constructor.constructor('window.harnlabWasHere = 4')()}",
)


def runs_of(**frames):
    """Runs with the rows given for some frames; there are no files behind them."""
    built = {
        name: frames[name]
        if isinstance(frames.get(name), pl.DataFrame)
        else schema.build(frames.get(name, ()))
        for name, schema in SCHEMAS.items()
    }
    return Runs(built, ())


def dispatch(number, **values):
    """One served dispatch of run r, pinned in every field."""
    row = {"run_id": "r", "source_path": "r.jsonl", "source_line": number + 1, "call_id": f"c{number}"}
    row |= {"provider": "openai", "model": "gpt-4o", "wire_format": "openai_compat", "outcome_kind": "served"}
    row |= {f"provenance_{field}": "operator_pin" for field in PROVENANCE_FIELDS}
    return row | values


def written_log(folder, *, model="gpt-4o", padding="", lines=3):
    """A transcript of some dispatches in a folder, loaded."""
    file = folder / "transcripts" / "run_1" / "llm_transcript.jsonl"
    file.parent.mkdir(parents=True)
    provenance = dict.fromkeys(PROVENANCE_FIELDS, "operator_pin") | {"provider": "inherited_from_primary"}
    with file.open("w") as log:
        for number in range(lines):
            event = {
                "type": "resolved_dispatch",
                "iteration": number,
                "call_id": f"c{number}",
                "span_id": number,
            }
            event |= {"timestamp": f"{1778578027 + number}.122", "provider": "openai", "model": model}
            event |= {"wire_format": "openai_compat", "thinking": {"mode": "off", "enabled": False}}
            event |= {
                "tool_format": "native",
                "base_url_host": model[:40],
                "provenance": provenance,
                "note": padding,
            }
            event |= {"outcome": {"kind": "served", "completion_tokens": 4, "content_len": 9}}
            log.write(json.dumps(event) + "\n")
    return hl.load(folder, progress=False)
