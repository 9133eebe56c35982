"""The vectors' spelling of catalogs, answered by ``harnlab.core.skills``."""

from golden.codec import decode, encode
from harnlab.core.rust_semantics import byte_len
from harnlab.core.skills import SkillCard, SkillMatch, activation_evidence, fit_catalog


def catalog_fit(given):
    fit = fit_catalog(given["header"], given["blocks"], given["budget"])
    return {"rendered": fit.rendered, "rendered_bytes": byte_len(fit.rendered), "shown": fit.shown}


def card_of(spelled):
    matched = spelled["matched"]
    return SkillCard(**{**spelled, "matched": matched and SkillMatch(**decode(matched))})


def evidence_of(given):
    cards = [card_of(one) for one in given["inputs"]]
    evidence = activation_evidence(cards, budget=given["budget"], loaded=given["loaded"], used=given["used"])
    return encode(evidence.to_json())


OPS = {
    "catalog_fit": lambda given, room: catalog_fit(given),
    "activation_evidence": lambda given, room: evidence_of(given),
}
