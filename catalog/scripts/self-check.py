"""What a user does on a site, once: a dataset, a model on the shared worker. (The notebook is checked from outside.)

Runs in the account's namespace. Its last line says what was done, or begins with FAILED.
"""

import os
import pathlib
import sys
import time

USER = os.environ['OMEGA_USERID']
KEY = pathlib.Path('/credentials/apikey').read_text().strip()
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
    import numpy as np
    from sklearn.linear_model import LinearRegression

    om.models.put(LinearRegression(), 'self-check')
    om.runtime.model('self-check').fit(frame[['x']], frame['y']).get(timeout=120)
    predicted = om.runtime.model('self-check').predict(frame[['x']]).get(timeout=120)
    last = float(np.ravel(predicted)[-1])
    assert abs(last - 19) < 1e-6, f'predicted {last} instead of 19'
    say('model fitted and used on the worker')


def main():
    om = until('the API answers', connect, 60)
    frame = check_dataset(om)
    check_worker(om)
    check_model(om, frame)
    for store in (om.datasets, om.models):
        store.drop('self-check', force=True)
    say('passed: a dataset, a model on the worker')


if __name__ == '__main__':
    try:
        main()
    except BaseException as problem:  # noqa: BLE001 - the last line tells what went wrong
        import traceback

        traceback.print_exc()
        say(f'FAILED: {type(problem).__name__}: {problem}')
        sys.exit(1)
