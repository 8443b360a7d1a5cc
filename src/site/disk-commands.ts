/** A disk of a cloud, as its CSI driver names it. */
export interface CloudDisk {
  readonly driver: string
  readonly handle: string
}

type Words = (handle: string, region: string | undefined) => string

/** By CSI driver: what deletes a disk of it, in the words of its cloud's own program. */
const commands: Readonly<Record<string, Words>> = {
  'ebs.csi.aws.com': (id, region) =>
    `aws ec2 delete-volume --volume-id ${id}${region === undefined ? '' : ` --region ${region}`}`,
  'disk.csi.azure.com': (id) => `az disk delete --yes --ids ${id}`,
  'pd.csi.storage.gke.io': (id) => googleWords(id),
  'dobs.csi.digitalocean.com': (id) => `doctl compute volume delete ${id} --force`,
  // Its handle is the number, then the label.
  'linodebs.csi.linode.com': (id) => `linode-cli volumes delete ${id.split('-')[0]}`,
  'cinder.csi.openstack.org': (id) => `openstack volume delete ${id}`,
  'csi.vsphere.vmware.com': (id) => `govc disk.rm ${id}`,
  'csi.hetzner.cloud': (id) => `hcloud volume delete ${id}`,
}

/** What deletes the disk once no cluster has its driver; in words where its cloud is not known. */
export function deleteCommand({ driver, handle }: CloudDisk, region?: string): string {
  // A handle comes from a cluster: nobody pastes what is more than a name.
  if (!/^[\w./:@-]+$/.test(handle)) return `delete ${JSON.stringify(handle)} at the cloud of ${driver}`
  return commands[driver]?.(handle, region) ?? `delete ${handle} at the cloud of ${driver}`
}

function googleWords(handle: string): string {
  const [, project, place, where, name] =
    /^projects\/([^/]+)\/(zone|region)s\/([^/]+)\/disks\/([^/]+)$/.exec(handle) ?? []
  if (name === undefined) return `gcloud compute disks delete ${handle} --quiet`
  return `gcloud compute disks delete ${name} --${place} ${where} --project ${project} --quiet`
}
