"""libpq 18's own OAUTHBEARER: it asks this program for a token by the hook that libpq has for that."""

import ctypes
import glob
import os
import sys

import psycopg.pq

# The library that psycopg brings along, already loaded by it.
assert psycopg.pq.version() >= 180000, psycopg.pq.version()
folder = os.path.join(os.path.dirname(os.path.dirname(psycopg.__file__)), "psycopg_binary.libs")
libpq = ctypes.CDLL(glob.glob(folder + "/libpq-*")[0])


class Request(ctypes.Structure):
    _fields_ = [
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("poll", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    ]


TOKEN = os.environ["TOKEN"].encode()
asked = []


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(Request))
def hook(kind, _connection, request):
    if kind != 1:  # PQAUTHDATA_OAUTH_BEARER_TOKEN
        return 0
    asked.append(request.contents.openid_configuration)
    request.contents.token = TOKEN
    return 1


libpq.PQsetAuthDataHook(hook)
libpq.PQconnectdb.restype = ctypes.c_void_p
libpq.PQexec.restype = ctypes.c_void_p
libpq.PQerrorMessage.restype = libpq.PQgetvalue.restype = ctypes.c_char_p
options = f"oauth_issuer={os.environ['ISSUER']} oauth_client_id=journey require_auth=oauth"
connection = ctypes.c_void_p(libpq.PQconnectdb(options.encode()))
if libpq.PQstatus(connection) != 0:
    print(libpq.PQerrorMessage(connection).decode().strip())
    sys.exit(1)
result = ctypes.c_void_p(libpq.PQexec(connection, b"select 6 * 7"))
print(libpq.PQgetvalue(result, 0, 0).decode(), asked[0].decode() if asked and asked[0] else "unasked")
