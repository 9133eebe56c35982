"""The words and texts the runtime fixes, from all cores."""

from harnlab.core.autonomy import DEFAULT_REVIEWER, LIFECYCLE_TOPIC
from harnlab.core.skills import CATALOG_HEADER, EVIDENCE_SCHEMA_VERSION
from harnlab.vocabulary import OmittedReason, ProvenanceOrigin, SkillLifecycle


def constants():
    return {
        "autonomy": {"default_reviewer": DEFAULT_REVIEWER, "lifecycle_topic": LIFECYCLE_TOPIC},
        "provenance": {
            origin.name: origin.value for origin in ProvenanceOrigin if origin is not ProvenanceOrigin.UNKNOWN
        },
        "skill_activation": {
            "catalog_header": CATALOG_HEADER,
            "lifecycle_labels": [label.value for label in SkillLifecycle],
            "omitted_reason_labels": [label.value for label in OmittedReason],
            "schema_version": EVIDENCE_SCHEMA_VERSION,
        },
    }


OPS = {"constants": lambda given, room: constants()}
