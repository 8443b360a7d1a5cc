"""Tasks that are under way when their worker's machine is lost: prints SENT once the first is done, and how many came back.

usage: patient.py USERID API_URL COUNT   (the API key comes in the variable APIKEY)
"""
import json
import os
import sys
import tempfile

userid, api_url, count = sys.argv[1:4]
apikey = os.environ.pop('APIKEY')
home = tempfile.mkdtemp(prefix='om-patient-')
os.chdir(home)
os.environ['HOME'] = home

import omegaml
from omegaml.backends.virtualobj import virtualobj

om = omegaml.setup(userid, apikey, api_url=api_url)


@virtualobj
def patient(*args, **kwargs):
    import time
    time.sleep(3)
    return f'number {args}'


om.scripts.put(patient, 'patient')
sent = [om.runtime.script('patient').run(number) for number in range(int(count))]
results = [str(sent[0].get(timeout=120))]
print('SENT', flush=True)
results += [str(each.get(timeout=600)) for each in sent[1:]]
print('OUTCOME ' + json.dumps({'results': len(set(results))}))
