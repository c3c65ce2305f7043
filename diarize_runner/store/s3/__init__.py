"""A store in a bucket, `s3://bucket/prefix`, on AWS or another S3 server. Of the stores, only this one imports boto3.

    store.py    S3Store; UnconditionalS3Store for a server without conditional writes
    upload.py   upload a file of any size atomically
    errors.py   translate boto3 errors into StoreError, without secrets
    denied.py   tell a missing object from a denied request

boto3 finds credentials, profile, region and endpoint: AWS_PROFILE, AWS_ENDPOINT_URL, AWS_CA_BUNDLE, instance role etc.
"""
