"""What a data scientist does on another machine, by the unmodified client: prints one JSON object of outcomes.

usage: far.py ping|connect HTTP_PORT WORD...   (the words of `om cloud login` as they were printed; connect: no worker is
there, the broker is only signed in at)
"""
import json
import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit

how, http_port, *login = sys.argv[1:]
home = os.environ['HOME']
config = os.path.join(home, 'config.yml')
program = os.path.join(os.path.dirname(sys.executable), 'om')


def said(*words, **env):
    """What the om command says, as typed in a shell."""
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=120, env={**os.environ, **env})
    return {'code': done.returncode, 'output': (done.stdout + done.stderr)[-2000:]}


def refusal(attempt):
    """Kind of the error that an attempt ends with."""
    try:
        attempt()
    except Exception as error:
        return type(error).__name__
    return 'none'


def broker(**env):
    """How the broker answers the client, by its own settings."""
    if how == 'ping':
        return said('runtime', 'ping', '--config', config, **env)
    os.environ.update(env)
    try:
        om.runtime.celeryapp.connection().ensure_connection(max_retries=1, timeout=10)
        return {'code': 0, 'output': 'signed in at the broker'}
    except Exception as error:
        return {'code': 1, 'output': repr(error)}


def api():
    """How the API answers who believes the system's authorities only."""
    os.environ['REQUESTS_CA_BUNDLE'] = other
    requests.get(login[-1] + '/api/v1/config/', timeout=20)


outcome = {'login': said(*login, '--config', config)}
os.environ['OMEGA_CONFIG_FILE'] = config

import omegaml as om_client
import pandas as pd
import pymongo
import requests

om = om_client.setup()
outcome['ping'] = broker()
om.datasets.put(pd.DataFrame({'x': range(10)}), 'from-far', append=False)
outcome['sum'] = int(om.datasets.get('from-far')['x'].sum())
mongo = om.defaults.OMEGA_MONGO_URL
outcome['mongo'] = urlsplit(mongo).netloc.split('@')[-1]
outcome['broker'] = urlsplit(om.defaults.OMEGA_CELERY_CONFIG['BROKER_URL']).netloc.split('@')[-1]

# The guards: without the authority nothing is believed, without TLS nothing is answered, and plain HTTP is not there.
other = '/etc/ssl/certs/ca-certificates.crt'
outcome['strangers'] = {
    'mongo': refusal(lambda: pymongo.MongoClient(mongo, authSource='admin', tls=True, tlsCAFile=other,
                                                 serverSelectionTimeoutMS=3000).admin.command('ping')),
    'mongo plain': refusal(lambda: pymongo.MongoClient(mongo, authSource='admin',
                                                       serverSelectionTimeoutMS=3000).admin.command('ping')),
    'http': refusal(lambda: socket.create_connection((urlsplit(login[-1]).hostname, int(http_port)), 5)),
    'ping': broker(SSL_CERT_FILE=other)['code'],
    'api': refusal(api),
}
print('OUTCOME ' + json.dumps(outcome))
