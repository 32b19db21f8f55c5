"""Setting one percentage: the fallthrough of a targeting becomes a split of two variants."""

from __future__ import annotations

import msgspec

from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.flag import Flag, Json
from flagtrail.model.targeting import WHOLE, Serve, Share, Targeting


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    percent: float
    variant: str | None = None


def roll_out(flag: Flag, targeting: Targeting, value: Json) -> Targeting:
    """The targeting with `value["percent"]` of its fallthrough on the winning variant.

    The winner is `value["variant"]`, else the one that the present split names
    first, else the boolean flag's true variant, else the fallthrough. It keeps
    its end of the range, so raising the percentage takes the flag from nobody.

    Raises InvalidDocument for a percentage outside 0..100 or finer than 0.001,
    an unknown variant, or a split of more than two variants.
    """
    try:
        request = msgspec.convert(value, _Request)
    except msgspec.ValidationError as error:
        raise InvalidDocument([Defect("/percent", str(error))]) from error
    in_range = 0 <= request.percent <= 100  # noqa: PLR2004 - per cent; false for NaN too
    weight = round(request.percent * WHOLE / 100) if in_range else 0
    if not in_range or abs(weight * 100 / WHOLE - request.percent) > 1e-9:  # noqa: PLR2004 - a rounding error
        raise InvalidDocument([Defect("/percent", "must be from 0 to 100 in steps of 0.001")])
    present = targeting.fallthrough
    split = present.split or ()
    if len(split) > 2:  # noqa: PLR2004 - a percentage divides in two
        raise InvalidDocument([Defect("/fallthrough/split", "serves more than two variants; edit the targeting")])
    winner = request.variant or _winner(flag, targeting)
    if winner not in flag.variants:
        raise InvalidDocument([Defect("/variant", f"{winner!r} is not a variant of {flag.key}")])
    if len(split) == 2 and winner not in {share.variant for share in split}:  # noqa: PLR2004 - see above
        raise InvalidDocument([Defect("/variant", f"{winner!r} has no share in the split; edit the targeting")])
    shares = _shares(winner, weight, targeting)
    return msgspec.structs.replace(
        targeting,
        fallthrough=Serve(split=shares, by=present.by, salt=present.salt, bucketing=present.bucketing),
    )


def _winner(flag: Flag, targeting: Targeting) -> str:
    split = targeting.fallthrough.split
    if split:
        others = [share.variant for share in split if share.variant != targeting.off_variant]
        return others[0] if others else split[0].variant
    for key, value in sorted(flag.variants.items()):
        if value is True:
            return key
    served = targeting.fallthrough.variant
    others = [key for key in sorted(flag.variants) if key != targeting.off_variant]
    return served if served is not None and served != targeting.off_variant else (others or [targeting.off_variant])[0]


def _shares(winner: str, weight: int, targeting: Targeting) -> tuple[Share, ...]:
    present = targeting.fallthrough
    order = [share.variant for share in present.split or ()]
    others = [key for key in order if key != winner]
    served = present.variant
    other = others[0] if others else served if served is not None and served != winner else targeting.off_variant
    rest = () if other == winner else (Share(other, WHOLE - weight),)
    if not rest and weight != WHOLE:
        raise InvalidDocument([Defect("/variant", f"{winner!r} is also the off variant: nothing is left to divide")])
    shares = (Share(winner, weight), *rest)
    return tuple(reversed(shares)) if order[:1] == [other] and rest else shares
