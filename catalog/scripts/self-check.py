"""What a user does on a site, once: a dataset, a model on the shared worker, a notebook server and a notebook in it.

Runs in the account's namespace. Its last line says what was done, or begins with FAILED.
"""

import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request

USER = os.environ['OMEGA_USERID']
KEY = pathlib.Path('/credentials/apikey').read_text().strip()
HUB_URL = os.environ.get('HUB_URL', '')
NOTEBOOK_HOST = os.environ.get('NOTEBOOK_HOST', '')
SECONDS = float(os.environ.get('CHECK_SECONDS', '300'))


def say(text):
    print(text, flush=True)


def until(what, look, seconds=120.0):
    """The first true answer of `look`; what it raises counts as not yet."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            answer = look()
            if answer:
                return answer
        except Exception as problem:  # noqa: BLE001 - told when the time is over
            last = problem
        time.sleep(0.5)
    raise RuntimeError(f'{what}: not within {seconds:.0f} s ({last})')


def connect():
    os.environ.update(
        OMEGA_AUTH_ENV='omegaml.client.auth.CloudClientAuthenticationEnv',
        OMEGA_APIKEY=KEY,
        OMEGA_QUALIFIER='default',
        OMEGA_SERVICES_INCLUSTER='yes',
    )
    import omegaml

    return omegaml.setup(userid=USER, apikey=KEY, api_url=os.environ['OMEGA_RESTAPI_URL'], qualifier='default', view=True)


def check_dataset(om):
    import pandas as pd

    frame = pd.DataFrame({'x': range(10)})
    frame['y'] = frame['x'] * 2 + 1
    om.datasets.put(frame, 'self-check', append=False)
    assert om.datasets.get('self-check').equals(frame), 'the dataset came back different'
    say('dataset stored and read')
    return frame


def check_worker(om):
    answer = until('the shared worker answers a ping', lambda: om.runtime.ping(), SECONDS)
    assert answer, 'no answer to a ping'
    say('the worker answers')


def check_model(om, frame):
    from sklearn.linear_model import LinearRegression

    om.models.put(LinearRegression(), 'self-check')
    om.runtime.model('self-check').fit(frame[['x']], frame['y']).get(timeout=120)
    predicted = om.runtime.model('self-check').predict(frame[['x']]).get(timeout=120)
    assert abs(float(predicted[-1]) - 19) < 1e-6, f'predicted {predicted[-1]} instead of 19'
    say('model fitted and used on the worker')


def call(path, token=None, method='GET', body=None, host=NOTEBOOK_HOST):
    headers = {'Host': host, 'Content-Type': 'application/json'}
    if token is not None:
        headers['Authorization'] = f'token {token}'
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(HUB_URL + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read().decode()
    except urllib.error.HTTPError as problem:
        raise RuntimeError(f'{method} {path}: {problem.code} {problem.read().decode()[:200]}') from problem
    return json.loads(text) if text.strip().startswith(('{', '[')) else text


def check_notebook():
    auth = {'username': USER, 'password': KEY}
    body = {'auth': auth, 'expires_in': 600, 'note': 'self-check'}
    token = until('signing in to JupyterHub', lambda: call(f'/hub/api/users/{USER}/tokens', None, 'POST', body)['token'], 60)
    say('signed in to JupyterHub')

    def running():
        return call(f'/hub/api/users/{USER}', token).get('servers', {}).get('', {}).get('ready')

    if not running():
        call(f'/hub/api/users/{USER}/server', token, 'POST', {})
        until('the notebook server starts', running, SECONDS)
    say('notebook server started')
    try:
        run_notebook(token)
    finally:
        call(f'/hub/api/users/{USER}/server', token, 'DELETE')


def run_notebook(token):
    own = f'{USER}.{NOTEBOOK_HOST}'
    base = f'/user/{USER}/api'
    cell = {'cell_type': 'code', 'source': 'print(6 * 7)', 'metadata': {}, 'outputs': [], 'execution_count': None}
    notebook = {'cells': [cell], 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5}
    put = {'type': 'notebook', 'format': 'json', 'content': notebook}
    until('the notebook server answers', lambda: call(f'{base}/status', token, host=own), 60)
    call(f'{base}/contents/self-check.ipynb', token, 'PUT', put, host=own)
    stored = call(f'{base}/contents/self-check.ipynb', token, host=own)
    code = ''.join(stored['content']['cells'][0]['source'])
    kernel = call(f'{base}/kernels', token, 'POST', {'name': 'python3'}, host=own)['id']
    output = execute(f'{base}/kernels/{kernel}/channels', token, own, code)
    assert output.strip() == '42', f'the cell printed {output!r}'
    call(f'{base}/contents/self-check.ipynb', token, 'DELETE', host=own)
    say('notebook kept in the store and executed')


def execute(path, token, host, code):
    """Runs code in a kernel by Jupyter's websocket protocol; answers with what it printed."""
    import asyncio
    import uuid

    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    async def talk():
        url = HUB_URL.replace('http', 'ws', 1) + path
        request = HTTPRequest(url, headers={'Host': host, 'Authorization': f'token {token}'}, connect_timeout=30)
        socket = await websocket_connect(request)
        header = {'msg_id': uuid.uuid4().hex, 'username': USER, 'session': uuid.uuid4().hex, 'msg_type': 'execute_request', 'version': '5.3'}
        content = {'code': code, 'silent': False, 'store_history': False, 'user_expressions': {}, 'allow_stdin': False}
        message = {'header': header, 'parent_header': {}, 'metadata': {}, 'content': content, 'channel': 'shell'}
        await socket.write_message(json.dumps(message))
        printed = ''
        while True:
            answer = json.loads(await asyncio.wait_for(socket.read_message(), 60))
            if answer['parent_header'].get('msg_id') != header['msg_id']:
                continue
            if answer['msg_type'] == 'stream':
                printed += answer['content']['text']
            if answer['msg_type'] == 'error':
                raise RuntimeError(f"{answer['content']['ename']}: {answer['content']['evalue']}")
            if answer['msg_type'] == 'status' and answer['content']['execution_state'] == 'idle':
                socket.close()
                return printed

    return asyncio.run(talk())


def main():
    om = until('the API answers', connect, 60)
    frame = check_dataset(om)
    check_worker(om)
    check_model(om, frame)
    for store in (om.datasets, om.models):
        store.drop('self-check', force=True)
    done = 'a dataset, a model on the worker'
    if HUB_URL:
        check_notebook()
        done += ', a notebook on its server'
    say(f'passed: {done}')


if __name__ == '__main__':
    try:
        main()
    except BaseException as problem:  # noqa: BLE001 - the last line tells what went wrong
        import traceback

        traceback.print_exc()
        say(f'FAILED: {type(problem).__name__}: {problem}')
        sys.exit(1)
