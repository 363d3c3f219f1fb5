"""Counts that matter, as data: summed by a combine, so a retried bundle counts once (Beam's metrics may count it twice)."""

from collections import Counter
from collections.abc import Iterable

import apache_beam as beam

Account = dict[str, int]

LEFT_OUT = "documents.left_out"
"""Records that the sample does not take."""
BEYOND_LIMIT = "documents.beyond_limit"
"""Records that a limit or a cap cuts. Bad records are not subject to these: their text is not known."""


def add_accounts(accounts: Iterable[Account]) -> Account:
    """The accounts summed key by key.

    >>> add_accounts([{"documents.read": 2}, {"documents.read": 1, "errors": 1}])
    {'documents.read': 3, 'errors': 1}
    """
    total: Counter[str] = Counter()
    for account in accounts:
        total.update(account)
    return dict(sorted(total.items()))


def by_source(account: Account, source: str) -> Account:
    """The account with each count also under its source.

    >>> by_source({"errors": 2}, "jsonl")
    {'errors': 2, 'errors@jsonl': 2}
    """
    return account | {f"{key}@{source}": count for key, count in account.items()}


def of_source(account: Account, source: str) -> Account:
    """The counts of one source, under their bare names.

    >>> of_source({"errors": 3, "errors@jsonl": 2, "errors@wiki": 1}, "jsonl")
    {'errors': 2}
    """
    named = ((key.partition("@"), count) for key, count in account.items())
    return {key: count for (key, _, name), count in named if name == source}


def documents_taken(account: Account) -> int:
    """Documents that were read and chosen: each was kept or rejected.

    >>> documents_taken({"documents.read": 9, "documents.left_out": 3, "documents.beyond_limit": 1})
    5
    """
    return account.get("documents.read", 0) - account.get(LEFT_OUT, 0) - account.get(BEYOND_LIMIT, 0)


class SumAccounts(beam.PTransform):
    """Accounts → exactly one account, also when there were none."""

    def expand(self, accounts: beam.PCollection) -> beam.PCollection:
        """Sums in each worker first: what is shuffled is one small dictionary a bundle."""
        return accounts | "SumAccounts" >> beam.CombineGlobally(add_accounts)
