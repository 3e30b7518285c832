"""Make the bucket that STORE_URL names, where it is not there yet; for the stack of `compose.yaml` only.

On a real cluster the bucket is its owner's to make.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from minio import Minio


def main() -> None:
    endpoint, store = urlsplit(os.environ["STORE_ENDPOINT"]), urlsplit(os.environ["STORE_URL"])
    client = Minio(
        endpoint.netloc,
        access_key=os.environ["STORE_ACCESS_KEY"],
        secret_key=os.environ["STORE_SECRET_KEY"],
        secure=endpoint.scheme == "https",
    )
    if not client.bucket_exists(store.netloc):
        client.make_bucket(store.netloc)
        print(f"bucket {store.netloc} made")


if __name__ == "__main__":
    main()
