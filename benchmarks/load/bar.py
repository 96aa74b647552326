"""One thing a benchmark asks for, and whether it holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that is to hold: ``value`` at least, or with ``at_most`` at most, ``bar``."""

    name: str
    value: float
    bar: float
    at_most: bool = False
    aspired: bool = False

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    @property
    def missed(self) -> bool:
        """Whether it does not, and had to."""
        return not self.met and not self.aspired

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        word = "met" if self.met else "not reached" if self.aspired else "MISSED"
        return f"{self.name:<66}{self.value:>10,.2f} {sign} {self.bar:<8g} {word}"
