"""Google Cloud Storage: gs://."""

import contextlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import google.auth
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.gcp.gcsio import MAX_BATCH_OPERATION_SIZE, GcsIO, create_storage_client
from apache_beam.options.pipeline_options import PipelineOptions
from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, PreconditionFailed, Unauthorized
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.cloud import storage
from requests.exceptions import RequestException

from pipelines.errors import BuildError
from pipelines.object_stores import PART_BYTES, Parts, Upload, batches, split_path
from pipelines.range_reader import open_ranges

LOG_IN = "log in: gcloud auth application-default login; or name a key file in GOOGLE_APPLICATION_CREDENTIALS"
ROLES = "to read it takes roles/storage.objectViewer on the bucket, to write roles/storage.objectUser"
LISTED = "items(name,size,updated),nextPageToken"
NO_BUCKET_METADATA = "DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"
"""Of the client: it would ask for the bucket of every object, to say more in traces that nobody takes, and often may not."""


class GoogleStorage:
    """See `ObjectStore`."""

    def __init__(self, options: PipelineOptions) -> None:
        os.environ.setdefault(NO_BUCKET_METADATA, "true")
        self._options = options
        self._is_anonymous = not os.environ.get("STORAGE_EMULATOR_HOST") and not _has_credentials()
        self._own = threading.local()  # a session of the client is not for several threads
        self._seen: set[str] = set()

    def stat(self, path: str) -> FileMetadata | None:
        """One request; the first miss in a bucket asks whether there is the bucket."""
        bucket, name = split_path(path)
        with self._telling(path, "read"):
            blob = self._client.bucket(bucket).get_blob(name) if name else None
            if blob is None:
                self._require_bucket(bucket)
                return None
            return _metadata(bucket, blob)

    def list(self, prefix: str) -> Iterator[FileMetadata]:
        """A request for each thousand."""
        bucket, name = split_path(prefix)
        with self._telling(prefix, "listed", missing=f"there is no bucket gs://{bucket}"):
            for blob in self._client.list_blobs(bucket, prefix=name, fields=LISTED):
                if not blob.name.endswith("/"):
                    yield _metadata(bucket, blob)

    def read(self, path: str) -> bytes:
        """One request."""
        try:
            with self._telling(path, "read", missing_object=True):
                return cast(bytes, self._blob(path).download_as_bytes(raw_download=True))
        except FileNotFoundError:
            self._require_bucket(split_path(path)[0])
            raise

    def open(self, path: str) -> BinaryIO:
        """One request, then one for each range, all of the version that was there."""
        bucket, name = split_path(path)
        with self._telling(path, "read"):
            blob = self._client.bucket(bucket).get_blob(name) if name else None
        if blob is None:
            self._require_bucket(bucket)
            raise FileNotFoundError(f"there is no object {path}")
        return open_ranges(partial(self._fetch, path, blob.generation), blob.size)

    def write(self, path: str, content: bytes) -> None:
        """One request."""
        with self._telling_of_writing(path):
            self._blob(path).upload_from_string(content, content_type="application/octet-stream")

    def write_new(self, path: str, content: bytes) -> bool:
        """One request, with the condition that no version of the object is there."""
        with self._telling_of_writing(path):
            try:
                self._blob(path).upload_from_string(content, content_type="application/octet-stream", if_generation_match=0)
            except PreconditionFailed:
                return False
        return True

    @contextlib.contextmanager
    def upload(self, path: str) -> Iterator[BinaryIO]:
        """One request for a small object, else one for each part."""
        file = Upload(partial(self.write, path), lambda: cast(Parts, self._blob(path).open("wb", chunk_size=PART_BYTES, ignore_flush=True)))
        try:
            with self._telling_of_writing(path):
                yield cast(BinaryIO, file)
                file.finish()
        except BaseException:
            file.abandon()
            raise

    def copy(self, source: str, target: str) -> None:
        """One request, more for large objects that have to move."""
        with self._telling(f"{source} → {target}", "copied", missing_object=True):
            original, made, token = self._blob(source), self._blob(target), None
            while True:
                token, _, _ = made.rewrite(original, token=token)
                if token is None:
                    return

    def delete(self, paths: Sequence[str]) -> None:
        """One request for a hundred."""
        for some in batches(paths, MAX_BATCH_OPERATION_SIZE):
            with self._telling(some[0], "deleted"):
                if len(some) == 1:
                    with contextlib.suppress(NotFound):
                        self._blob(some[0]).delete()
                    continue
                failed = [(path, code) for path, code in GcsIO(self._client, self._options).delete_batch(some) if code is not None]
            if failed:
                raise _refused(failed[0][0], "deleted", f"status {failed[0][1]}")

    def discard_unfinished(self, folder: str) -> None:
        """Nothing to do: what was sent of an object costs nothing, and goes by itself after a week."""

    @property
    def _client(self) -> Any:
        if not hasattr(self._own, "client"):
            anonymous = self._is_anonymous or os.environ.get("STORAGE_EMULATOR_HOST")
            self._own.client = storage.Client.create_anonymous_client() if anonymous else create_storage_client(self._options)
        return self._own.client

    def _blob(self, path: str) -> Any:
        bucket, name = split_path(path)
        if not name:
            raise BuildError(f"{path} is a bucket\nname an object or a folder in it: {path.rstrip('/')}/…")
        return self._client.bucket(bucket).blob(name)

    def _fetch(self, path: str, generation: int, start: int, stop: int) -> bytes:
        with self._telling(path, "read", missing_object=True):
            content = self._blob(path).download_as_bytes(
                start=start, end=stop - 1, raw_download=True, if_generation_match=generation, checksum=None
            )
        return cast(bytes, content)

    def _require_bucket(self, bucket: str) -> None:
        """Says that a bucket is missing, which the answer about an object does not tell.

        Raises:
          BuildError: there is none.
        """
        if bucket not in self._seen:
            with self._telling(f"gs://{bucket}", "listed", missing=f"there is no bucket gs://{bucket}"):
                next(iter(self._client.list_blobs(bucket, max_results=1, fields=LISTED)), None)
            self._seen.add(bucket)

    def _telling_of_writing(self, path: str) -> contextlib.AbstractContextManager[None]:
        return self._telling(path, "written", missing=f"{path} cannot be written: there is no bucket gs://{split_path(path)[0]}")

    @contextlib.contextmanager
    def _telling(self, path: str, done: str, *, missing: str = "", missing_object: bool = False) -> Iterator[None]:
        """What the client raises, as a user reads it."""
        try:
            yield
        except NotFound as error:
            if missing_object:
                raise FileNotFoundError(f"there is no object {path}") from error
            if not missing:
                raise OSError(f"{path} cannot be {done}: {_message(error)}") from error
            raise BuildError(f"{missing}\ncheck the name; to make one: gcloud storage buckets create gs://NAME --location=…") from error
        except PreconditionFailed as error:
            raise OSError(f"{path} was changed while it was read") from error
        except (Unauthorized, GoogleAuthError) as error:
            raise BuildError(f"{path} cannot be {done}: no Google credentials that are valid ({_message(error)})\n{LOG_IN}") from error
        except Forbidden as error:
            if self._is_anonymous:
                raise BuildError(f"{path} cannot be {done}: no Google credentials were found\n{LOG_IN}") from error
            raise _refused(path, done, _message(error)) from error
        except (GoogleAPIError, RequestException) as error:
            raise OSError(f"{path} cannot be {done}: {_message(error)}") from error


def _has_credentials() -> bool:
    """Whether there are any, asked once: Beam asks four times, and waits in between."""
    logging.getLogger("google.auth._default").setLevel(logging.ERROR)  # it warns of what is said better where it matters
    try:
        google.auth.default()
    except DefaultCredentialsError:
        return False
    return True


def _refused(path: str, done: str, message: str) -> BuildError:
    return BuildError(f"{path} may not be {done}: {message}\n{ROLES}")


def _message(error: BaseException) -> str:
    """What an error says, without the request and what else is round it."""
    told = str(getattr(error, "message", "") or error).partition("\n")[0].partition(": (")[0]
    within = re.search(r'"message": "([^"]*)"', told)
    told = within[1] if within else re.sub(r"^[A-Z]+ https?://\S+: ", "", told)
    return f"{told}: {_message(cause)}" if (cause := getattr(error, "cause", None)) else told


def _metadata(bucket: str, blob: Any) -> FileMetadata:
    return FileMetadata(f"gs://{bucket}/{blob.name}", int(blob.size), blob.updated.timestamp() if blob.updated else 0.0)
