"""Made-up TypeScript, as much as is wanted and always the same: what a scan and a clean-up are measured on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

AREAS = (
    *("checkout", "pricing", "banner", "search", "export", "import", "invoice", "login", "signup", "theme"),
    *("mobile", "legacy", "beta", "cart", "report", "audit", "quota", "cache"),
)


def line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n")


def typescript_files(folder: Path, lines: int) -> int:
    """Components, services and tests, of 40 to 160 lines."""
    dice = random.Random(7)
    written = number = 0
    while written < lines:
        area, other = dice.choice(AREAS).title(), dice.choice(AREAS).title()
        text = "".join(component(dice, f"{area}{other}{number}"))
        target = folder / area.lower() / other.lower() / f"{area}{other}{number}.tsx"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        written += text.count("\n")
        number += 1
    return written


HEAD = """\
import { useEffect, useMemo, useState } from 'react';
import type { NAMEProps } from '../types';
import { format, load } from '../../lib/AREA';

/** Shows the AREA of one account. */
export function NAME({ id, items, onChange }: NAMEProps) {
  const [state, setState] = useState<'idle' | 'busy' | 'failed'>('idle');
"""
FIELD = """\
  const FIELD = useMemo(() => items.filter((item) => item.FIELD > ROW).map(format), [items]);
  useEffect(() => {
    if (FIELD.length === 0 && state === 'idle') {
      load(id, 'FIELD').then(onChange);
    }
    return () => setState('idle');
  }, [FIELD, id, state]);
"""
SHOWN = """\
  if (state === 'failed') {
    return <Problem name="NAME" />;
  }
  return (
    <section className="NAME">
"""
LINE = """\
      <Row key={ROW} label={`AREA ${id}`} value={items[ROW]?.total ?? 0} />
"""
TAIL = """\
    </section>
  );
}
"""


def component(dice: random.Random, name: str) -> Iterator[str]:
    yield HEAD.replace("NAME", name).replace("AREA", dice.choice(AREAS))
    for row in range(dice.randrange(3, 12)):
        yield FIELD.replace("FIELD", f"{dice.choice(AREAS)}{row}").replace("ROW", str(row))
    yield SHOWN.replace("NAME", name)
    for row in range(dice.randrange(2, 9)):
        yield LINE.replace("AREA", dice.choice(AREAS)).replace("ROW", str(row))
    yield TAIL
