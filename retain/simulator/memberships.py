"""Sign-up, profile, consent and tier: what a customer record knows, when it knew it."""

import numpy as np
import pyarrow as pa

from retain.simulator.catalogue import CURRENCY
from retain.simulator.columns import NEVER, SECOND, IntArray, chance, micros
from retain.simulator.emission import CRM, EMAIL, PUSH, SITE, WEB, Happened, happened
from retain.simulator.jsontext import coded, numbered, objects, quoted, whole
from retain.simulator.population import tier_after
from retain.simulator.profiles import ACQUISITION_SOURCES, AGE_BANDS, PLACES, TIERS
from retain.simulator.sessions import signs_up_known
from retain.simulator.trials import Orders
from retain.simulator.world import World

_CHANNELS = ("[]", '["email"]', '["push"]', '["email","push"]')
_MOVES = 0.03
_LIMITS_CONTACTS = 0.06
_REFERS = 0.05


def memberships(world: World, orders: Orders) -> list[Happened]:
    """All relationship events of one block; who joined earlier is known from the first day."""
    rng = world.rng("memberships")
    population, profiles = world.population, world.profiles
    n = len(population)
    everyone = np.arange(n)
    imported = micros(rng.uniform(0, 0.2, n) * SECOND)
    since = population.begins_at + np.where(population.joined_in_window(), SECOND, imported)
    consent_at = since + 2 * SECOND
    emailed, pushed = np.flatnonzero(profiles.email), np.flatnonzero(profiles.push)
    marketing = objects(n, purpose="marketing")

    def consent(who: IntArray, channel: int) -> Happened:
        texts = marketing.slice(0, len(who))
        return happened("consent_given", consent_at[who], who, texts, source=CRM, channel=channel)

    return [
        *_sign_ups(world),
        happened("profile_updated", since, everyone, _profile(world, everyone), source=CRM),
        consent(emailed, EMAIL),
        consent(pushed, PUSH),
        *_changes(rng, world),
        _tiers(world, orders),
    ]


def _sign_ups(world: World) -> list[Happened]:
    population, profiles = world.population, world.profiles
    new = np.flatnonzero(population.joined_in_window())
    known = np.flatnonzero(signs_up_known(world))
    source = coded(profiles.acquisition_source[new], ACQUISITION_SOURCES)
    signed_up = objects(len(new), method="email", acquisition_source=source)
    prefix = f"anon-{world.plan.run_id}-{world.block.number}"
    linked = objects(len(known), linked_id=quoted(numbered(prefix, known)), link_type="login")
    return [
        happened("signed_up", population.joined_at[new], new, signed_up, source=SITE, channel=WEB),
        happened(
            "identity_linked",
            population.joined_at[known] + SECOND // 2,
            known,
            linked,
            source=SITE,
            visitor=known,
        ),
    ]


def _profile(world: World, who: IntArray, place: IntArray | None = None) -> pa.Array:
    profiles = world.profiles
    lives = profiles.place[who] if place is None else place
    country, region, zone, language, _ = zip(*PLACES, strict=True)
    reachable = profiles.email[who] + 2 * profiles.push[who]
    return objects(
        len(who),
        country=coded(lives, country),
        region=coded(lives, region),
        age_band=coded(profiles.age_band[who], AGE_BANDS),
        language=coded(lives, language),
        time_zone=coded(lives, zone),
        currency=CURRENCY,
        tier=coded(profiles.tier[who], TIERS) if place is None else pa.nulls(len(who), pa.string()),
        acquisition_source=coded(profiles.acquisition_source[who], ACQUISITION_SOURCES),
        channels=pa.array(_CHANNELS).take(pa.array(reachable.astype(np.int64))),
    )


def _changes(rng: np.random.Generator, world: World) -> list[Happened]:
    """Moves, wishes to hear less or nothing, and referrals; all while the relation lasts."""
    population = world.population
    n = len(population)
    lasts = np.minimum(population.churned_at, world.plan.end) - population.begins_at
    at = population.begins_at + micros((0.05 + 0.9 * rng.random(n)) * lasts)
    moves = np.flatnonzero(chance(rng, _MOVES, n))
    limits = np.flatnonzero(chance(rng, _LIMITS_CONTACTS, n))
    refers = np.flatnonzero(chance(rng, _REFERS, n) & (population.satisfaction > 0.5))
    leaves = np.flatnonzero(world.profiles.withdraws_at != NEVER)
    place = rng.integers(0, len(PLACES), len(moves))
    limit = objects(len(limits), max_contacts_per_week=whole(rng.integers(1, 4, len(limits))))
    referral = objects(
        len(refers),
        referral_id=quoted(numbered(f"r-{world.plan.run_id}-{world.block.number}", refers)),
    )
    return [
        happened("profile_updated", at[moves], moves, _profile(world, moves, place), source=CRM),
        happened(
            "consent_withdrawn",
            world.profiles.withdraws_at[leaves],
            leaves,
            objects(len(leaves), purpose="marketing"),
            source=SITE,
            channel=EMAIL,
        ),
        happened("preferences_updated", at[limits], limits, limit, source=SITE, channel=WEB),
        happened("referral_sent", at[refers], refers, referral, source=SITE, channel=WEB),
    ]


def _tiers(world: World, orders: Orders) -> Happened:
    """A change right after the order that earns it."""
    start = np.searchsorted(orders.customer, orders.customer)
    number = world.profiles.orders_before[orders.customer] + np.arange(len(start)) - start + 1
    tier, before = tier_after(number), tier_after(number - 1)
    rows = np.flatnonzero(tier != before)
    properties = objects(
        len(rows), tier=coded(tier[rows], TIERS), previous_tier=coded(before[rows], TIERS)
    )
    return happened(
        "tier_changed", orders.ts[rows] + SECOND, orders.customer[rows], properties, source=CRM
    )
