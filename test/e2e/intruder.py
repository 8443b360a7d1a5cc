"""What an account with valid credentials of its own tries against another's: prints one JSON object of outcomes.

usage: intruder.py USERID API_URL VICTIM   (variables APIKEY, VICTIM_DATABASE)
"""
import json
import os
import sys
import urllib.error
import urllib.request

import kombu
import pymongo

userid, api_url, victim = sys.argv[1:4]
apikey = os.environ['APIKEY']


def call(path, user=userid, key=apikey):
    request = urllib.request.Request(api_url + path, headers={'Authorization': f'ApiKey {user}:{key}', 'Qualifier': 'default'})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def attempt(action):
    """'refused: why' or what came back."""
    try:
        return f'done: {action()!r}'[:300]
    except Exception as error:  # any refusal is what we want to see, whatever its class
        return f'refused: {type(error).__name__} {error}'[:300]


data = call('/api/v1/config/')[1]['objects'][0]['data']
database = pymongo.MongoClient(data['OMEGA_MONGO_URL'], authSource='admin', directConnection=True, serverSelectionTimeoutMS=5000)
foreign = database[os.environ['VICTIM_DATABASE']]
broker = data['OMEGA_CELERY_CONFIG']['BROKER_URL']


def with_channel(action):
    """A new connection each time: the broker closes a channel that was refused something."""
    with kombu.Connection(broker, connect_timeout=10) as connection:
        channel = connection.channel()
        return action(channel)


outcome = {
    'own database': attempt(lambda: database.get_default_database().list_collection_names() is not None),
    'read database': attempt(lambda: foreign.list_collection_names()),
    'write database': attempt(lambda: foreign.stolen.insert_one({'x': 1})),
    'list databases': attempt(lambda: [name for name in database.list_database_names() if name == os.environ['VICTIM_DATABASE']] or 1 / 0),
    'get from queue': attempt(lambda: with_channel(lambda channel: channel.basic_get(f'q-{victim}'))),
    'purge queue': attempt(lambda: with_channel(lambda channel: channel.queue_purge(f'q-{victim}'))),
    'delete queue': attempt(lambda: with_channel(lambda channel: channel.queue_delete(f'q-{victim}'))),
    'get from workers': attempt(lambda: with_channel(lambda channel: channel.basic_get('default'))),
    'declare exchange': attempt(lambda: with_channel(lambda channel: channel.exchange_declare(f'x-{victim}', 'direct'))),
    'config of victim': call(f'/api/v1/config/?user={victim}')[0],
    'config with victim name': call('/api/v1/config/', user=victim)[0],
    'in-cluster view outside': call('/api/v1/config/?view=1')[0],
    'account of victim': call(f'/api/v2/accounts/{victim}')[0],
    'remove victim': call(f'/api/v2/accounts/{victim}/credentials')[0],
}
print('OUTCOME ' + json.dumps(outcome))
