"""Gets a token from the provider at ISSUER as any client does, and logs in with it."""

import json
import os
from urllib.parse import urlencode
from urllib.request import urlopen

import psycopg

issuer = os.environ["ISSUER"]


def token(scope, resource="urn:sidegate"):
    endpoint = json.load(urlopen(issuer + "/.well-known/openid-configuration"))["token_endpoint"]
    asked = {
        "grant_type": "client_credentials",
        "client_id": "agent-7",
        "client_secret": "a secret of the client alone",
        "resource": resource,
        "scope": scope,
    }
    return json.load(urlopen(endpoint, urlencode(asked).encode()))["access_token"]


for scope in ("rs", "ec"):
    with psycopg.connect(password=token(scope), autocommit=True) as connection:
        print(connection.execute(f"select 'by {scope}'").fetchone()[0])
try:
    psycopg.connect(password=token("rs", "urn:another"))
except psycopg.OperationalError as error:
    print(str(error).strip().splitlines()[-1].split("FATAL:")[-1].strip())
