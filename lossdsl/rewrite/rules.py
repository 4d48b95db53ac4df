"""The stability table: formulas as people write them, and the forms that are accurate over the whole domain.

Every row is an identity of real functions; the right side loses no digits where the left side cancels, overflows or
meets 0 * inf.  They fire while a program is built, before it is differentiated, so that derivatives are those of the
stable form.  Of rows for the same operation, the first that fits is taken.
"""

from __future__ import annotations

from lossdsl.rewrite.algebraic_rules import ALGEBRAIC
from lossdsl.rewrite.exponential_rules import EXPONENTIAL
from lossdsl.rewrite.logarithmic_rules import LOGARITHMIC
from lossdsl.rewrite.pattern import Rule

RULES: tuple[Rule, ...] = (*EXPONENTIAL, *ALGEBRAIC, *LOGARITHMIC)
