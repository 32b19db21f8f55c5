"""The evaluation context (OpenFeature, section 3): who is asking.

A context is one flat mapping: `targetingKey` beside the attributes, exactly as
OFREP sends it. Attributes may be nested objects or lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from flagtrail.model.flag import Json

Context: TypeAlias = Mapping[str, Json]

TARGETING_KEY = "targetingKey"
