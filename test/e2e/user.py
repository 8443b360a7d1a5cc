"""What a data scientist does, by the unmodified client: prints one JSON object of outcomes.

usage: user.py USERID API_URL   (the API key comes in the variable APIKEY)
"""
import json
import os
import subprocess
import sys
import tempfile

userid, api_url = sys.argv[1:3]
apikey = os.environ.pop('APIKEY')
home = tempfile.mkdtemp(prefix='om-user-')
config = os.path.join(home, 'config.yml')
os.chdir(home)
os.environ['HOME'] = home
bin_folder = os.path.dirname(sys.executable)


def om_command(*words):
    """The om command as typed in a shell; its output and exit code."""
    done = subprocess.run([os.path.join(bin_folder, 'om'), *words], capture_output=True, text=True, timeout=600)
    return {'code': done.returncode, 'output': (done.stdout + done.stderr)[-2000:]}


outcome = {'login': om_command('cloud', 'login', userid, apikey, '--apiurl', api_url, '--config', config)}
os.environ['OMEGA_CONFIG_FILE'] = config
outcome['ping'] = om_command('runtime', 'ping', '--config', config)

import omegaml
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression

om = omegaml.setup(userid, apikey, api_url=api_url)
outcome['mongo'] = om.defaults.OMEGA_MONGO_URL.split('@')[-1]
outcome['before'] = {'datasets': om.datasets.list(), 'jobs': om.jobs.list()}

wine = load_wine(as_frame=True)
frame = pd.concat([wine.data, wine.target.rename('kind')], axis=1)
om.datasets.put(frame, 'wine', append=False)
read = om.datasets.get('wine')
outcome['dataset'] = {'rows': len(read), 'equal': bool((read.values == frame.values).all())}

om.datasets.put(wine.data, 'X', append=False)
om.datasets.put(wine.target.to_frame(), 'Y', append=False)
om.models.put(LogisticRegression(max_iter=5000), 'classifier')
om.runtime.model('classifier').fit('X', 'Y').get(timeout=180)
prediction = om.runtime.model('classifier').predict('X').get(timeout=120)
outcome['accuracy'] = float((pd.DataFrame(prediction).iloc[:, 0].values == wine.target.values).mean())

om.jobs.create('print(sum(range(10)))', 'sums')
om.runtime.job('sums').run().get(timeout=240)
runs = om.jobs.metadata('sums').attributes['job_runs']
outcome['job'] = {'status': runs[-1]['status']}
print('OUTCOME ' + json.dumps(outcome))
