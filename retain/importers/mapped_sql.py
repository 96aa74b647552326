"""The SQL of a mapping, first half: a file's columns as the vocabulary's fields, and judged."""

from collections.abc import Mapping as Dict

from retain.clock import to_micros
from retain.event import EARLIEST
from retain.importers.mapping import LINE_AMOUNT, Mapping, Time, Value
from retain.importers.wording import as_id, as_number, as_text, in_utc, judging, quoted
from retain.order import ORDER_TYPES
from retain.vocabulary import vocabulary

_HAS_ZONE = r":[0-9.]+ ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_MOST_DAYS = 60_000
_LONGEST_AGO, _FARTHEST = -(10**16), 25 * 10**16
_IDS = ("event_id", "customer_id", "anonymous_id", "session_id", "order_id")
_LABELS = ("channel", "device", "source")


class Columns:
    """The columns of one file, as a mapping's values find them."""

    def __init__(self, inner: Dict[str, str], types: Dict[str, str]) -> None:
        self._inner = inner
        self._types = types

    def of(self, value: Value) -> str | None:
        """The column ``value`` names, None where it is a constant or the file has none."""
        return next((name for name in value.column if name in self._inner), None)

    def sql(self, value: Value | None) -> str:
        """The value in SQL, untouched."""
        if value is None:
            return "NULL"
        if value.constant is not None:
            return quoted(value.constant)
        column = self.of(value)
        return "NULL" if column is None else self._inner[column]

    def time(self, time: Time) -> str:
        """The time in SQL, as a UTC timestamp; null where it is none."""
        raw, given = self.sql(time), self._type_of(time)
        if time.clock is None and given == "TIMESTAMP WITH TIME ZONE":
            return raw
        if time.clock is None and given.startswith(("TIMESTAMP", "DATE")):
            return in_utc(f"CAST({raw} AS TIMESTAMP)", time.zone)
        text = self.given_time(time)
        return f"coalesce({', '.join(_parsed(text, form, time) for form in time.format)})"

    def given_time(self, time: Time) -> str:
        """The time in SQL as it stands in the file: the day, and the time of day after it."""
        text = as_text(self.sql(time))
        if time.clock is None:
            return text
        clock = as_text(self.sql(time.clock))
        return f"CASE WHEN {text} IS NOT NULL THEN concat_ws(' ', {text}, {clock}) END"

    def number(self, value: Value, decimal: str) -> str:
        """The value in SQL as a number; a column that has numbers is read as it is."""
        is_text = self.of(value) is not None and self._type_of(value) == "VARCHAR"
        return as_number(self.sql(value), decimal if is_text else "point")

    def _type_of(self, value: Value) -> str:
        column = self.of(value)
        return self._types[column] if column else "VARCHAR"

    @property
    def every(self) -> list[str]:
        """All columns of the file."""
        return list(self._inner.values())


def _parsed(text: str, form: str, time: Time) -> str:
    if form == "day":
        number = as_number(text)
        within = f"abs({number}) <= {_MOST_DAYS}"
        past = f"to_seconds(round({number} * 86400))"
        local = in_utc(f"TIMESTAMP '{time.day_zero}' + {past}", time.zone)
        return f"CASE WHEN {within} THEN {local} END"
    if form == "epoch":
        number = as_number(text)
        micros = (
            f"CASE WHEN abs({number}) < 1e11 THEN {number} * 1e6 WHEN abs({number}) < 1e14 "
            f"THEN {number} * 1e3 ELSE {number} END"
        )
        within = f"{micros} BETWEEN {_LONGEST_AGO} AND {_FARTHEST}"
        return f"CASE WHEN {within} THEN make_timestamptz(CAST({micros} AS BIGINT)) END"
    if form == "iso":
        local = in_utc(f"TRY_CAST({text} AS TIMESTAMP)", time.zone)
        return (
            f"CASE WHEN regexp_matches({text}, {quoted(_HAS_ZONE)}) "
            f"THEN TRY_CAST({text} AS TIMESTAMPTZ) ELSE {local} END"
        )
    return in_utc(f"try_strptime({text}, {quoted(form)})", time.zone)


def kinds(mapping: Mapping) -> dict[str, str]:
    """Every mapped property by its column in ``mapped``, with the vocabulary's type."""
    known = {n: k for row in vocabulary().types.values() for n, k in row.properties.items()}
    found = {f"p_{name}": known[name] for name in mapping.properties}
    line = {**vocabulary().line, LINE_AMOUNT: "number"}
    return found | {f"l_{name}": line[name] for name in mapping.lines}


def mapped(mapping: Mapping, columns: Columns) -> str:
    """``mapped``: every row of ``source`` with its fields under the vocabulary's names."""
    fields = mapping.fields()
    wanted = [
        *(f"{as_id(columns.sql(fields.get(name)))} AS {name}" for name in _IDS),
        *(f"{as_text(columns.sql(fields.get(name)))} AS {name}" for name in _LABELS),
        f"{as_text(columns.sql(mapping.type))} AS given_type",
        f"{columns.given_time(mapping.time)} AS given_time",
        f"{columns.time(mapping.time)} AS ts",
        f"{_copy(columns) if mapping.duplicates == 'set_aside' else 1} AS copy",
    ]
    values = {f"p_{name}": value for name, value in mapping.properties.items()}
    values |= {f"l_{name}": value for name, value in mapping.lines.items()}
    wrong = []
    for name, kind in kinds(mapping).items():
        raw = columns.sql(values[name])
        match kind:
            case "number":
                wanted.append(f"{columns.number(values[name], mapping.file.decimal)} AS {name}")
                wrong.append(
                    f"WHEN {name} IS NULL AND {as_text(raw)} IS NOT NULL "
                    f"THEN concat('{name[2:]} is not a number: ', {as_text(raw)})"
                )
            case "strings":
                wanted.append(
                    f"list_transform(string_split({as_text(raw)}, ','), x -> trim(x)) AS {name}"
                )
            case _:
                read = as_id(raw) if name.endswith("_id") else as_text(raw)
                wanted.append(f"{read} AS {name}")
    odd = f"CASE {' '.join(wrong)} END" if wrong else "NULL"
    return (
        f"CREATE TABLE mapped AS SELECT row, malformed, {', '.join(wanted)}, {odd} AS odd "
        "FROM source"
    )


def _copy(columns: Columns) -> str:
    return f"row_number() OVER (PARTITION BY {', '.join(columns.every)} ORDER BY row)"


def judged(mapping: Mapping, types: Dict[str, str], latest: int) -> str:
    """``judged``: every mapped row with its ``type``, and the reason to set it aside, if any.

    ``types`` has the vocabulary's word for each of the file's own; ``latest`` is in epoch µs.
    """
    known = " ".join(f"WHEN given_type = {quoted(g)} THEN {quoted(t)}" for g, t in types.items())
    known = f"CASE {known} END" if types else "NULL"
    orders = ", ".join(map(quoted, sorted(ORDER_TYPES)))
    below = " OR ".join(f"coalesce({name}, 0) < 0" for name in _signed(mapping)) or "false"
    negative = f"(known_type = 'order_completed' AND ({below}))"
    rules = [
        ("malformed_row", "malformed IS NOT NULL", "malformed"),
        ("no_customer_id", "coalesce(customer_id, anonymous_id) IS NULL", "'no customer id'"),
        ("duplicate", "copy > 1", "'the same row stands in this file before'"),
        ("missing_type", "given_type IS NULL", "'the row has no event type'"),
        ("unknown_type", "known_type IS NULL", "concat(given_type, ' is not in the vocabulary')"),
        ("unparseable_time", "ts IS NULL", "concat('not a time: ', coalesce(given_time, 'blank'))"),
        ("future_time", f"epoch_us(ts) > {latest}", "concat(given_time, ' has not come yet')"),
        (
            "implausible_time",
            f"epoch_us(ts) < {to_micros(EARLIEST)}",
            "concat(given_time, ' is too long ago')",
        ),
        ("invalid_property", "odd IS NOT NULL", "odd"),
    ]
    if mapping.non_product_codes and "product_id" in mapping.lines:
        codes = ", ".join(quoted(code.upper()) for code in mapping.non_product_codes)
        listed = f"known_type IN ({orders}) AND upper(l_product_id) IN ({codes})"
        rules.append(("non_product_code", listed, "concat(l_product_id, ' is not a product')"))
    if "price" in mapping.lines:
        rules.append(("negative_price", "l_price < 0", "concat('the price is ', l_price)"))
    if mapping.negative == "set_aside":
        rules.append(("negative_value", negative, "'an order with a negative quantity or value'"))
    return (
        f"CREATE TABLE judged AS SELECT *, {known} AS known_type, "
        f"CASE WHEN {negative} THEN 'order_refunded' ELSE known_type END AS type, "
        f"{judging(rules)}, "
        f"CASE WHEN known_type IN ({orders}) AND order_id IS NOT NULL THEN concat_ws(chr(31), "
        "type, order_id, coalesce(customer_id, ''), coalesce(anonymous_id, '')) "
        "ELSE CAST(row AS VARCHAR) END AS grp FROM mapped"
    )


def _signed(mapping: Mapping) -> list[str]:
    lines = [f"l_{name}" for name in ("quantity", LINE_AMOUNT) if name in mapping.lines]
    return [*lines, *(["p_total"] if "total" in mapping.properties else [])]
