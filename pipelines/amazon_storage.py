"""Amazon S3, and what speaks its protocol: s3://."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, cast

import boto3
from apache_beam.io.aws.clients.s3.boto3_client import Client
from apache_beam.io.filesystem import FileMetadata
from apache_beam.options.pipeline_options import PipelineOptions
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, PartialCredentialsError
from urllib3.exceptions import HTTPError

from pipelines.errors import BuildError
from pipelines.object_stores import Upload, batches, split_path
from pipelines.range_reader import open_ranges

NO_BUCKET, NO_KEY = "NoSuchBucket", ("NoSuchKey", "404")
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")
DENIED = ("AccessDenied", "403", "AllAccessDisabled", "AccountProblem")
BAD_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired")
MOST_DELETED, ATTEMPTS = 1000, 3
LOG_IN = "log in: aws configure; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
ROLES = "to read it takes s3:GetObject and s3:ListBucket, to write s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload too"


class AmazonStorage:
    """See `ObjectStore`. The client of boto3 is made for many threads."""

    def __init__(self, options: PipelineOptions) -> None:
        self._client = Client(options).client
        self._seen: set[str] = set()

    def stat(self, path: str) -> FileMetadata | None:
        """One request; the first miss in a bucket asks whether there is the bucket."""
        try:
            found = self._head(path)
        except FileNotFoundError:
            return None
        return FileMetadata(path, found["ContentLength"], found["LastModified"].timestamp())

    def list(self, prefix: str) -> Iterator[FileMetadata]:
        """A request for each thousand."""
        bucket, name = split_path(prefix)
        with _telling(prefix, "listed"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=name):
                for entry in page.get("Contents", ()):
                    if not entry["Key"].endswith("/"):
                        yield FileMetadata(f"s3://{bucket}/{entry['Key']}", entry["Size"], entry["LastModified"].timestamp())

    def read(self, path: str) -> bytes:
        """One request."""
        return self._fetch(path, {})

    def open(self, path: str) -> BinaryIO:
        """One request, then one for each range, all of the version that was there."""
        found = self._head(path)
        version = {"IfMatch": found["ETag"]}
        return open_ranges(lambda start, stop: self._fetch(path, {**version, "Range": f"bytes={start}-{stop - 1}"}), found["ContentLength"])

    def write(self, path: str, content: bytes) -> None:
        """One request."""
        with _telling(path, "written"):
            self._client.put_object(**_place(path), Body=content)

    def write_new(self, path: str, content: bytes) -> bool:
        """One request, with the condition that there is no such object; a store that does not know it ignores it."""
        with _telling(path, "written"):
            try:
                self._client.put_object(**_place(path), Body=content, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) not in TAKEN:
                    raise
                return False
        return True

    @contextlib.contextmanager
    def upload(self, path: str) -> Iterator[BinaryIO]:
        """One request for a small object, else one for each part and two."""
        file = Upload(partial(self.write, path), lambda: _Parts(self._client, path))
        try:
            with _telling(path, "written"):
                yield cast(BinaryIO, file)
                file.finish()
        except BaseException:
            file.abandon()
            raise

    def copy(self, source: str, target: str) -> None:
        """Two requests, more above 8 MiB."""
        with _telling(f"{source} → {target}", "copied"):
            place = _place(target)
            self._client.copy(_place(source), place["Bucket"], place["Key"])

    def delete(self, paths: Sequence[str]) -> None:
        """One request for a thousand."""
        for some in batches(paths, MOST_DELETED):
            objects = [{"Key": split_path(path)[1]} for path in some]
            with _telling(some[0], "deleted"):
                answer = self._client.delete_objects(Bucket=split_path(some[0])[0], Delete={"Objects": objects, "Quiet": True})
            for failed in answer.get("Errors", ()):
                raise _refused(f"s3://{split_path(some[0])[0]}/{failed['Key']}", "deleted", failed.get("Message", failed["Code"]))

    def discard_unfinished(self, folder: str) -> None:
        """One request, and one for each upload: they are paid for until they are ended, unless the bucket has a rule for them."""
        bucket, name = split_path(f"{folder.rstrip('/')}/")
        with _telling(folder, "cleaned"):
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=name):
                for entry in page.get("Uploads", ()):
                    self._client.abort_multipart_upload(Bucket=bucket, Key=entry["Key"], UploadId=entry["UploadId"])

    def _head(self, path: str) -> dict[str, Any]:
        bucket, name = split_path(path)
        if name:
            with contextlib.suppress(FileNotFoundError), _telling(path, "read"):
                return dict(self._client.head_object(Bucket=bucket, Key=name))
        if bucket not in self._seen:  # the answer about an object does not tell whether there is the bucket
            with _telling(path, "listed"):
                self._client.list_objects_v2(Bucket=bucket, MaxKeys=1)
            self._seen.add(bucket)
        raise FileNotFoundError(f"there is no object {path}")

    def _fetch(self, path: str, conditions: dict[str, str]) -> bytes:
        """The answer to one request; asked for again where the connection breaks while the bytes come, which boto3 does not do."""
        with _telling(path, "read"):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return cast(bytes, self._client.get_object(**_place(path), **conditions)["Body"].read())
                except (HTTPClientError, HTTPError):
                    if attempt == ATTEMPTS:
                        raise
                    time.sleep(attempt)
        raise AssertionError("it returned or raised")


class _Parts:
    """A large object on its way."""

    def __init__(self, client: Any, path: str) -> None:
        self._client, self._place = client, _place(path)
        self._upload = {**self._place, "UploadId": client.create_multipart_upload(**self._place)["UploadId"]}
        self._sent: list[dict[str, Any]] = []

    def write(self, part: bytes) -> None:
        number = len(self._sent) + 1
        tag = self._client.upload_part(**self._upload, PartNumber=number, Body=part)["ETag"]
        self._sent.append({"ETag": tag, "PartNumber": number})

    def close(self) -> None:
        self._client.complete_multipart_upload(**self._upload, MultipartUpload={"Parts": self._sent})

    def terminate(self) -> None:
        with contextlib.suppress(BotoCoreError, ClientError):  # an error is being raised already; what is left, the next run discards
            self._client.abort_multipart_upload(**self._upload)


def _place(path: str) -> dict[str, str]:
    bucket, name = split_path(path)
    if not name:
        raise BuildError(f"{path} is a bucket\nname an object or a folder in it: {path.rstrip('/')}/…")
    return {"Bucket": bucket, "Key": name}


@contextlib.contextmanager
def _telling(path: str, done: str) -> Iterator[None]:
    """What boto3 raises, as a user reads it."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise BuildError(f"{path} cannot be {done}: no AWS credentials were found\n{LOG_IN}") from error
    except ClientError as error:
        code, message = _code(error), error.response.get("Error", {}).get("Message", "")
        if code == NO_BUCKET:
            bucket = f"s3://{split_path(path)[0]}"
            raise BuildError(f"{path} cannot be {done}: there is no bucket {bucket}\ncheck the name and AWS_ENDPOINT_URL") from error
        if code in NO_KEY:
            raise FileNotFoundError(f"there is no object {path}") from error
        if code in TAKEN:
            raise OSError(f"{path} was changed while it was {done}") from error
        if code in BAD_KEYS:
            raise BuildError(f"{path} cannot be {done}: the AWS credentials are not valid: {message}\n{LOG_IN}") from error
        if code in DENIED:
            raise _refused(path, done, message) from error
        raise OSError(f"{path} cannot be {done}: {code}: {message}") from error
    except (BotoCoreError, boto3.exceptions.Boto3Error, HTTPError) as error:
        raise OSError(f"{path} cannot be {done}: {str(error).splitlines()[0]}") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refused(path: str, done: str, message: str) -> BuildError:
    return BuildError(f"{path} may not be {done}: {message}\n{ROLES}")
