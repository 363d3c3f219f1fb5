"""Between the stages: a corpus that was not read as it should be goes no further, until the user says so."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from albert_core.shards import MANIFEST
from pipelines import storage
from pipelines.accounts import BEYOND_LIMIT, Account
from pipelines.errors import BuildError
from pipelines.manifest import documents_account
from pipelines.output_folder import CLEANED, REJECTS

if TYPE_CHECKING:
    from pipelines.cleaning import CleaningConfig

MIN_TOLERATED_ERRORS = 100  # a small corpus may hold a few bad lines whatever their share


def gate(account: Account, damaged: Sequence[dict[str, Any]], config: "CleaningConfig") -> None:
    """Stops a build whose corpus was not read as it should be. The cleaned documents stay: with a looser limit it goes on from them.

    Raises:
      BuildError: damaged files, or too many errors.
    """
    num_damaged = account.get("files.damaged", 0)
    if num_damaged and not config.allow_damaged_files:
        listed = storage.join(config.output, CLEANED, "SOURCE", MANIFEST)
        raise BuildError(
            f"{num_damaged:,} files or members of archives are damaged: {damaged[0]['file']}: {damaged[0]['error']}\n"
            f"what they lost cannot be counted; replace them (all are named in {listed}), or go on without with --allow-damaged-files"
        )
    errors = account.get("errors", 0)
    read = documents_account(account)["read"] + account.get(BEYOND_LIMIT, 0)  # what cannot be read is not under a limit: nor is this
    if errors > max(MIN_TOLERATED_ERRORS, config.max_error_rate * read):
        raise BuildError(
            f"{errors:,} of {read:,} documents could not be read: more than {MIN_TOLERATED_ERRORS} and than --max-error-rate "
            f"{config.max_error_rate:g}\nlook at {storage.join(config.output, REJECTS)}; if the corpus is like that, raise --max-error-rate"
        )
    require_documents(account, config.output)


def require_documents(account: Account, output: str) -> None:
    """Stops a build of nothing."""
    if account.get("documents.kept", 0) == 0:
        documents = documents_account(account)
        reasons = ", ".join(f"{name} {count:,}" for name, count in documents["rejected"].items()) or "the files hold no document"
        raise BuildError(
            f"no document is left of {documents['read']:,}: {reasons}\nlook at {storage.join(output, REJECTS)} and at --corpus FORMAT="
        )
