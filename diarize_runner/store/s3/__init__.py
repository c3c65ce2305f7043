"""A store in a bucket: `s3://bucket/prefix`, on AWS or whatever else speaks S3. Nothing else here imports boto3.

    store.py    S3Store; UnconditionalS3Store for a server without conditional writes
    upload.py   a file of any size, seen whole or not at all
    errors.py   what boto3 raises, as StoreError: a sentence and a hint, no secret

Credentials, profile, region and endpoint are found by boto3 alone, where everybody keeps them: AWS_PROFILE,
AWS_ENDPOINT_URL, AWS_CA_BUNDLE, the role of an instance and so on.
"""
