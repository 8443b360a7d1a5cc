import { expect, test } from 'vitest'
import { deleteCommand } from './disk-commands.ts'

const cases: { driver: string; handle: string; region?: string; command: string; why: string }[] = [
  {
    driver: 'ebs.csi.aws.com',
    handle: 'vol-0a1b',
    region: 'eu-central-1',
    command: 'aws ec2 delete-volume --volume-id vol-0a1b --region eu-central-1',
    why: 'a disk of EC2 lies in a region',
  },
  {
    driver: 'linodebs.csi.linode.com',
    handle: '4711-pvc0a1b',
    command: 'linode-cli volumes delete 4711',
    why: 'Linode goes by numbers',
  },
  {
    driver: 'pd.csi.storage.gke.io',
    handle: 'projects/p/zones/europe-west3-a/disks/pvc-1',
    command: 'gcloud compute disks delete pvc-1 --zone europe-west3-a --project p --quiet',
    why: 'Google names all of where it is',
  },
  {
    driver: 'csi.example.com',
    handle: 'vol-1',
    command: 'delete vol-1 at the cloud of csi.example.com',
    why: 'a driver that nobody knows is said in words',
  },
  {
    driver: 'ebs.csi.aws.com',
    handle: 'vol-1; rm -rf /',
    command: 'delete "vol-1; rm -rf /" at the cloud of ebs.csi.aws.com',
    why: 'what is no name is in no command',
  },
]

for (const { driver, handle, region, command, why } of cases) {
  test(why, () => expect(deleteCommand({ driver, handle }, region)).toBe(command))
}
