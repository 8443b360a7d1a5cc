import { AppError } from '../../base/errors.ts'
import { kubeletContract } from './contract-suite.ts'
import { createFakeKubelets } from './fake.ts'

const kubelets = createFakeKubelets()
const kubelet = { address: '10.0.0.1', port: 10_250 }

kubeletContract(() => ({
  kubelets,
  kubelet,
  nowhere: { address: '10.0.0.9', port: 10_250 },
  says: (answer) => {
    const refusal = new AppError('forbidden', 'kubelet-forbidden', 'asking the kubelet')
    kubelets.answer(kubelet.address, answer === 'nothing' ? undefined : answer === 'refused' ? refusal : answer)
  },
}))
