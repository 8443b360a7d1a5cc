"""
What an account with valid credentials of its own tries against another's. Each attempt answers `done: …` or `refused: …`
with what refused it, or the status of an HTTP call.

usage: intruder.py   (variables USERID, APIKEY, API_URL, VICTIM, VICTIM_DATABASE, VICTIM_VHOST; INSIDE=yes in a pod)

Prints one JSON object after OUTCOME. As a task (see orders.py) it is called by its function `intrude`.
"""
import ctypes
import json
import os
import socket
import urllib.error
import urllib.request
import uuid

# Names from <linux/sched.h>.
CLONE_NEWUSER = 0x10000000


class Nothing(Exception):
    """What was looked for is not there."""


def attempt(action):
    """'refused: why' or what came back."""
    try:
        return f'done: {action()!r}'[:300]
    except Exception as error:  # any refusal is what we want to see, whatever its class
        return f'refused: {type(error).__name__} {error}'[:300]


def http(method, url, headers, body=None):
    """The status, and what came back when it is JSON."""
    data = None if body is None else json.dumps(body).encode()
    kind = {} if body is None else {'Content-Type': 'application/json'}
    request = urllib.request.Request(url, data, {**headers, **kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith((b'{', b'[')) else None
    except urllib.error.HTTPError as error:
        return error.code, None


def broker_attempts(url, victim, own, victim_vhost):
    import kombu

    own_url, shared_url = url, url.rsplit('/', 1)[0] + '/' + victim_vhost

    def at(where, action):
        """A new connection each time: the broker closes a channel that was refused something."""
        def run():
            with kombu.Connection(where, connect_timeout=10) as connection:
                channel = connection.channel()
                try:
                    return action(channel)
                finally:
                    channel.close()
        return attempt(run)

    def shared(action):
        return at(shared_url, action)

    def binding(source):
        """A copy of all that goes through `source`, in a queue of one's own."""
        def bind(channel):
            name = str(uuid.uuid4())
            channel.queue_declare(name, exclusive=True)
            channel.queue_bind(name, source, '#')
        return bind

    def forward(source):
        def bind(channel):
            channel.exchange_declare(f'x-{own}', 'direct', durable=True, auto_delete=False)
            channel.exchange_bind(destination=f'x-{own}', source=source, routing_key='#')
        return bind

    def publishing(exchange):
        def publish(channel):
            message = channel.prepare_message('{}', content_type='application/json', content_encoding='utf-8')
            channel.basic_publish(message, exchange, 'x')
            # Answered after it, and not at all when the channel was closed.
            channel.queue_declare(str(uuid.uuid4()), exclusive=True)
        return publish

    outcome = {'own broker': at(own_url, lambda channel: channel.queue_declare(str(uuid.uuid4()), exclusive=True) is not None)}
    for queue in ('default', f'q-{victim}'):
        outcome |= {
            f'get from {queue}': shared(lambda channel, queue=queue: channel.basic_get(queue)),
            f'consume {queue}': shared(lambda channel, queue=queue: channel.basic_consume(queue, callback=print)),
            f'purge {queue}': shared(lambda channel, queue=queue: channel.queue_purge(queue)),
            f'delete {queue}': shared(lambda channel, queue=queue: channel.queue_delete(queue)),
            f'declare {queue}': shared(lambda channel, queue=queue: channel.queue_declare(queue, durable=True)),
        }
    sources = (f'x-{victim}', 'default', 'amq.direct', 'amq.topic', 'amq.fanout', 'amq.rabbitmq.trace', 'celeryev', 'celery.pidbox')
    for source in sources:
        outcome[f'bind a queue to {source}'] = shared(binding(source))
        outcome[f'bind an exchange to {source}'] = shared(forward(source))
    for exchange in (f'x-{victim}', 'celery.pidbox', 'celeryev'):
        outcome[f'declare exchange {exchange}'] = shared(lambda channel, name=exchange: channel.exchange_declare(name, 'fanout'))
        outcome[f'delete exchange {exchange}'] = shared(lambda channel, name=exchange: channel.exchange_delete(name))
        outcome[f'publish to {exchange}'] = shared(publishing(exchange))
    host = url.rsplit('@', 1)[1].split('/')[0]
    for vhost in ('', '%2F', victim_vhost):
        outcome[f'guest on broker host {vhost or "none"}'] = at(f'amqp://guest:guest@{host}/{vhost}', lambda channel: channel.is_open)
    outcome['broker host /'] = at(url.rsplit('/', 1)[0] + '/%2F', lambda channel: channel.is_open)
    return {f'broker: {name}': result for name, result in outcome.items()}


def database_attempts(url, foreign_name):
    import pymongo

    client = pymongo.MongoClient(url, authSource='admin', directConnection=True, serverSelectionTimeoutMS=5000)
    own = client.get_default_database()
    foreign, admin = client[foreign_name], client['admin']

    def nameless():
        bare = 'mongodb://' + url.rsplit('@', 1)[1]
        return pymongo.MongoClient(bare, directConnection=True, serverSelectionTimeoutMS=5000)[foreign_name].list_collection_names()

    def found(names):
        if foreign_name in names or 'admin' in names:
            return names
        raise Nothing(f'only {names}')

    outcome = {
        'own database': attempt(lambda: own.list_collection_names() is not None),
        'read': attempt(lambda: foreign.list_collection_names()),
        'read files': attempt(lambda: foreign['fs.files'].find_one()),
        'write': attempt(lambda: foreign.stolen.insert_one({'x': 1})),
        'drop': attempt(lambda: client.drop_database(foreign_name)),
        'list': attempt(lambda: found(client.list_database_names())),
        'without a name': attempt(nameless),
        'users': attempt(lambda: admin.command('usersInfo', {'forAllDBs': True})),
        'user rows': attempt(lambda: admin['system.users'].find_one()),
        'make a user': attempt(lambda: own.command('createUser', 'intruder', pwd='x', roles=['readWrite'])),
        'take a role': attempt(lambda: admin.command('grantRolesToUser', 'root', roles=['root'])),
        'others’ operations': attempt(lambda: list(admin.aggregate([{'$currentOp': {'allUsers': True}}]))),
        'sessions': attempt(lambda: client['config']['system.sessions'].find_one()),
        'log': attempt(lambda: admin.command('getLog', 'global')),
        'parameters': attempt(lambda: admin.command('getParameter', '*')),
        'shut down': attempt(lambda: admin.command('shutdown')),
    }
    return {f'database: {name}': result for name, result in outcome.items()}


def hub_attempts(api_url, userid, apikey, victim, inside):
    def call(path, user=userid, key=apikey, method='GET', body=None, qualifier='default', **headers):
        authorization = {'Authorization': f'ApiKey {user}:{key}', 'Qualifier': qualifier}
        return http(method, api_url + path, {**authorization, **headers}, body)[0]

    outcome = {
        'config of victim': call(f'/api/v1/config/?user={victim}'),
        'config of victim inside': call(f'/api/v1/config/?user={victim}&view=1'),
        'config with victim’s name': call('/api/v1/config/', user=victim),
        'config with victim’s qualifier': call('/api/v1/config/', qualifier=f'{victim}:default'),
        'config of the admin': call('/api/v1/config/?user=admin'),
        'account of victim': call(f'/api/v2/accounts/{victim}'),
        'credentials of victim': call(f'/api/v2/accounts/{victim}/credentials'),
        'removal of victim': call(f'/api/v2/accounts/{victim}', method='DELETE'),
        'order for victim': call('/api/v2/orders', method='POST', body={'plan': 'scheduler', 'phase': 'install', 'account': victim}),
        'log of victim': call(f'/api/v2/accounts/{victim}/pods/jupyter-{victim}/log'),
        'states of Terraform': call('/api/v2/states'),
        'audit': call('/api/v2/audit'),
        'first accounts': call('/api/v2/bootstrap', method='DELETE'),
        'wake stream': call('/internal/wake'),
    }
    if not inside:
        outcome['in-cluster view outside'] = call('/api/v1/config/?view=1')
    return {f'hub: {name}': result for name, result in outcome.items()}


def notebook_attempts(victim):
    """JupyterHub's API with the token of this server."""
    api, token = os.environ['JUPYTERHUB_API_URL'], os.environ['JUPYTERHUB_API_TOKEN']

    def call(method, path, body=None):
        return http(method, api + path, {'Authorization': f'token {token}'}, body)[0]

    outcome = {
        'users': call('GET', '/users'),
        'victim': call('GET', f'/users/{victim}'),
        'start victim’s server': call('POST', f'/users/{victim}/server'),
        'stop victim’s server': call('DELETE', f'/users/{victim}/server'),
        'token of victim': call('POST', f'/users/{victim}/tokens', {}),
        'make a user': call('POST', '/users/intruder'),
        'make an admin': call('PATCH', f'/users/{os.environ["USER"]}', {'admin': True}),
        'groups': call('GET', '/groups'),
        'services': call('GET', '/services'),
        'routes of the proxy': call('GET', '/proxy'),
        'shut down': call('POST', '/shutdown', {}),
    }
    return {f'notebooks: {name}': result for name, result in outcome.items()}


def pod_attempts():
    """Out of the container, and at what others run."""
    libc = ctypes.CDLL(None, use_errno=True)

    def system(result):
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    def write(path):
        with open(path, 'w') as file:
            return file.write('x')

    def service_account():
        folder = '/var/run/secrets/kubernetes.io/serviceaccount'
        return os.listdir(folder)

    def others():
        """Programs of other containers."""
        names = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                names.append(open(f'/proc/{pid}/cmdline').read().split('\0')[0])
            except OSError:
                pass
        foreign = [name for name in names if any(word in name for word in ('kubelet', 'containerd', 'mongod', 'mysqld', 'apiserver'))]
        if foreign:
            return foreign
        raise Nothing(f'only {sorted(set(names))}')

    def of_neighbours():
        """What Kubernetes would tell of other services in the environment."""
        names = [name for name in os.environ if name.endswith(('_SERVICE_HOST', '_PORT_443_TCP'))]
        foreign = [name for name in names if not name.startswith('KUBERNETES_')]
        if foreign:
            return foreign
        raise Nothing('none')

    outcome = {
        'token of a service account': attempt(service_account),
        'variables of other services': attempt(of_neighbours),
        'become root': attempt(lambda: os.setuid(0)),
        'own user namespace': attempt(lambda: system(libc.unshare(CLONE_NEWUSER))),
        'mount': attempt(lambda: system(libc.mount(b'tmpfs', b'/mnt', b'tmpfs', 0, None))),
        'raw packets': attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)),
        'raw addresses': attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)),
        'kernel’s settings': attempt(lambda: write('/proc/sys/kernel/core_pattern')),
        'memory of the host': attempt(lambda: open('/dev/mem', 'rb')),
        'programs of others': attempt(others),
    }
    return {f'pod: {name}': result for name, result in outcome.items()}


def intrude(userid, apikey, api_url, victim, victim_database, victim_vhost, inside=False):
    view = '?view=1' if inside else ''
    headers = {'Authorization': f'ApiKey {userid}:{apikey}', 'Qualifier': 'default'}
    status, body = http('GET', f'{api_url}/api/v1/config/{view}', headers)
    if status != 200:
        raise Exception(f'the own configuration is answered {status}')
    data = body['objects'][0]['data']
    outcome = {
        **hub_attempts(api_url, userid, apikey, victim, inside),
        **database_attempts(data['OMEGA_MONGO_URL'], victim_database),
        **broker_attempts(data['OMEGA_CELERY_CONFIG']['BROKER_URL'], victim, userid, victim_vhost),
    }
    if inside:
        outcome |= pod_attempts()
    if 'JUPYTERHUB_API_TOKEN' in os.environ:
        outcome |= notebook_attempts(victim)
    return outcome


if __name__ == '__main__':
    env = os.environ
    inside = env.get('INSIDE') == 'yes'
    wanted = (env['VICTIM'], env['VICTIM_DATABASE'], env['VICTIM_VHOST'])
    if inside:
        # What the pod itself was given.
        who = (env['OMEGA_USERID'], env['OMEGA_APIKEY'], env['OMEGA_RESTAPI_URL'])
    else:
        who = (env['USERID'], env['APIKEY'], env['API_URL'])
    print('OUTCOME ' + json.dumps(intrude(*who, *wanted, inside=inside)))
