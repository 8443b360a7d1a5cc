"""Orders of a data scientist and what becomes of them, by the unmodified client: prints one JSON object of outcomes.

usage: orders.py USERID API_URL   (API key and password come in the variables APIKEY and PASSWORD)
"""
import json
import os
import subprocess
import sys
import tempfile
import time

userid, api_url = sys.argv[1:3]
apikey = os.environ.pop('APIKEY')
home = tempfile.mkdtemp(prefix='om-orders-')
config = os.path.join(home, 'config.yml')
os.chdir(home)
os.environ['HOME'] = home
bin_folder = os.path.dirname(sys.executable)
outcome = {}


def om_command(*words):
    """The om command as typed in a shell: what it said, its exit code in front when it failed."""
    print('om', *words, flush=True)
    command = [os.path.join(bin_folder, 'om'), *words, '--config', config]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    said = (done.stdout + done.stderr)[-20_000:]
    return said if done.returncode == 0 else f'exit {done.returncode}: {said}'


def cloud(name, *words):
    outcome[name] = om_command('cloud', *words)


os.environ['OMEGA_CONFIG_FILE'] = config
import requests

token = requests.post(f'{api_url}/token-auth/', json={'username': userid, 'password': os.environ.pop('PASSWORD')}, timeout=60)
cloud('login jwt', 'login', 'jwt', token.json()['token'], '--apiurl', api_url)
cloud('storage jwt', 'status', 'storage')
cloud('login group', 'login', userid, apikey, 'team:default', '--apiurl', api_url)
cloud('config group', 'config', 'show', '--services')
cloud('add group runtime', 'add', 'runtime', '--specs', 'label=team,memory=640Mi')
outcome['ping group'] = om_command('runtime', 'ping')
cloud('remove group runtime', 'remove', 'runtime', '--specs', 'label=team')
cloud('login', 'login', userid, apikey, '--apiurl', api_url)
cloud('config', 'config', 'show', '--services')
cloud('add nodepool', 'add', 'nodepool', '--specs', 'name=own,node-type=small,role=gpu,size=1')
cloud('add runtime', 'add', 'runtime', '--specs', 'role=gpu,label=gpu,size=2,memory=640Mi,packages=greeting==1.0')
outcome['ping'] = om_command('runtime', 'ping')
outcome['ping gpu'] = om_command('runtime', 'ping', '--require', 'gpu')

import omegaml
from omegaml.backends.virtualobj import virtualobj

om = omegaml.setup(userid, apikey, api_url=api_url)


@virtualobj
def slow(*args, **kwargs):
    import platform
    import time
    import greeting
    time.sleep(1)
    return f'{args} {platform.node()} greeting {greeting.VERSION}'


om.scripts.put(slow, 'slow')
outcome['worker'] = om.runtime.require('gpu').script('slow').run(0).get(timeout=120)



@virtualobj
def reach(*args, **kwargs):
    import socket
    opened = []
    for what, (host, port) in kwargs['places'].items():
        try:
            socket.create_connection((host, port), 3).close()
            opened.append(what)
        except OSError:
            pass
    return opened


om.scripts.put(reach, 'reach')
places = {**json.loads(os.environ['CLOSED']), 'its own hub': ['omegaweb.omegaml-services.svc.cluster.local', 8080]}
outcome['reached'] = json.loads(om.runtime.require('gpu').script('reach').run(places=places).get(timeout=180))['result']



@virtualobj
def intrude(*args, **kwargs):
    scope = {'__name__': 'intruder'}
    exec(kwargs['source'], scope)
    return scope['intrude'](*kwargs['who'], *kwargs['victim'], inside=True)


om.scripts.put(intrude, 'intrude')
intruder = json.loads(os.environ['INTRUDER'])
attack = {
    'source': intruder['source'],
    'who': [userid, apikey, 'http://omegaweb.omegaml-services.svc.cluster.local:8080'],
    'victim': [intruder[name] for name in ('VICTIM', 'VICTIM_DATABASE', 'VICTIM_VHOST')],
}
outcome['intruded'] = json.loads(om.runtime.require('gpu').script('intrude').run(**attack).get(timeout=180))['result']

# In the middle of these one of the two workers goes.
sent = [om.runtime.require('gpu').script('slow').run(number) for number in range(24)]
cloud('update runtime', 'update', 'runtime', '--specs', 'label=gpu,size=1')
outcome['results'] = len({str(each.get(timeout=240)) for each in sent})

outcome['env install'] = om_command('runtime', 'env', 'install', 'farewell==1.0', '--require', 'gpu')
# The client refuses to list when no package is named, and lists all whichever is.
outcome['env list'] = om_command('runtime', 'env', 'list', 'greeting', '--require', 'gpu')

for kind in ('runtime', 'pods', 'nodes', 'storage'):
    cloud(f'status {kind}', 'status', kind)
pod = next((word for word in outcome['status pods'].split() if word.startswith('runtime-gpu')), 'none')
cloud('log', 'log', pod, '--since', '30m')
deadline = time.time() + 90
for name, metric in (('metrics', 'pod-memory-usage'), ('metrics disk', 'node-disk-usage')):
    while 'value' not in outcome.get(name, '') and time.time() < deadline:
        cloud(name, 'metrics', metric)

cloud('worker off', 'update', 'worker', '--specs', 'node-name=gpu,scale=0')
cloud('worker on', 'update', 'worker', '--specs', 'node-name=gpu,scale=1')
# Another pod than before.
outcome['worker again'] = om.runtime.require('gpu').script('slow').run(0).get(timeout=120)
with open('deploy.yml', 'w') as deploy:
    deploy.write('cloud:\n  - kind: runtime\n    specs: {label: extra, size: 0}\n')
outcome['deploy'] = om_command('runtime', 'deploy', 'add', '--steps', 'deploy.yml')
cloud('remove deployed', 'remove', 'runtime', '--specs', 'label=extra')
cloud('remove unknown', 'remove', 'nodepool', '--specs', 'name=none')
cloud('remove runtime', 'remove', 'runtime', '--specs', 'label=gpu')
cloud('remove nodepool', 'remove', 'nodepool', '--specs', 'name=own')
print('OUTCOME ' + json.dumps(outcome))
