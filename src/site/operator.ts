import type { Helm } from '../adapters/helm/port.ts'
import type { Kubernetes } from '../adapters/kubernetes/port.ts'
import type { Rancher } from '../adapters/rancher/port.ts'
import type { Terraform } from '../adapters/terraform/port.ts'
import type { Check, HostFacts } from './checks.ts'
import type { Journal } from './journal.ts'
import type { HostBlobs } from '../images/push.ts'
import type { KeptRoots } from './kept-roots.ts'
import type { FindHolder } from './ports.ts'
import type { SiteSecrets } from './secrets.ts'
import type { SecretSources } from './file/secret-values.ts'
import type { ServiceAddress } from './service-address.ts'
import type { Site } from './site.ts'
import type { StatePaths } from './state.ts'

/** What the local cloud left on this host, for `down --purge`: one line each, such as `mount /…`. */
export type Leftovers = readonly string[]

/** Everything outside that the operator's commands use; `wiring/site.ts` makes the real one, tests a fake. */
export interface Operator {
  /** The checkout: its folders of charts, modules, plans. */
  readonly project: string
  /** Of this program. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly facts: (cache: string, state: string) => HostFacts
  readonly findHolder: FindHolder
  readonly openJournal: (site: Site, paths: StatePaths) => Promise<Journal>
  readonly secrets: (paths: StatePaths) => SiteSecrets
  readonly cloud: (site: Site, paths: StatePaths) => CloudControl
  readonly kubernetes: (paths: StatePaths) => Kubernetes
  /** A cluster by the text of its kubeconfig, before the site has one. */
  readonly clusterOf: (kubeconfig: string) => Kubernetes
  /** What Helm keeps there. */
  readonly releasesOf: (kubeconfig: string) => Pick<Helm, 'find'>
  /** The site's front door as this machine reaches it; opened when it is called. */
  readonly front: (site: Site, paths: StatePaths) => () => Promise<ServiceAddress>
  readonly helm: (paths: StatePaths) => Helm
  /** `undefined` while its programs are not there. */
  readonly terraform: (paths: StatePaths) => Terraform | undefined
  /** Tags that the site's images have with the present checkout; `undefined` while the programs are not there. */
  readonly imageTags: (paths: StatePaths, names: readonly string[]) => Promise<ImageTags | undefined>
  readonly rancher: Rancher
  readonly roots: (paths: StatePaths) => KeptRoots
  /** Whether a host name leads anywhere. */
  readonly resolves: (name: string) => Promise<boolean>
  readonly secretSources: SecretSources
  /** Checks beyond the host's facts: packages, tools, cgroups, registries. */
  readonly checks: (site: Site | undefined, paths: StatePaths) => Promise<Check[]>
}

/** By name. A tag changes with what the image is made of. */
export type ImageTags = Readonly<Record<string, string>>

export interface CloudControl {
  answers(): Promise<boolean>
  start(signal: AbortSignal): Promise<void>
  stop(signal: AbortSignal): Promise<void>
  /** The certificate of the gateway or of the cluster, for `cloudmgr ca`. */
  certificate(): Promise<string | undefined>
  leftovers(): Promise<Leftovers>
  /** Of a simulated one: keeps a program running on this host as long as the cluster is there. Ends with it running. */
  keepProcess(name: string, order: HostProcess): Promise<void>
  /** The programs of its control plane, and those that it keeps. */
  programs(): Promise<readonly HostProgram[]>
  /** Versions of Kubernetes that machines of this computer have now; also while nothing runs. */
  versions(): Promise<readonly string[]>
  /** Of the cluster; `undefined` where there is none, or it is not ours to upgrade. */
  kubernetes(): Promise<RunningKubernetes | undefined>
  /**
   * Gives the site's registry blobs that lie on this computer, so that they need not be sent, as far as it can. They are what
   * their names say: the caller has checked.
   */
  takeBlobs(repository: string, blobs: HostBlobs): Promise<void>
  /** Prepares the disk of machines that are made from now on: it has these images unpacked. Says whether it was made anew. */
  prepareDisk(images: readonly string[], run: DiskRun): Promise<boolean>
  /** Clusters beside the site's own, which its service ordered. */
  others(): Promise<readonly OtherCluster[]>
  /** Where the engine in the cluster orders machines, and what it signs in with. */
  gateway(): Promise<Gateway>
}

export interface RunningKubernetes {
  readonly version: string
  /** How far it is, while it goes over to this version. */
  readonly upgrade?: string
}

export interface DiskRun {
  readonly output: (line: string) => void
  readonly signal: AbortSignal
}

export interface HostProcess {
  readonly command: readonly string[]
  /** When it changes, the program is started anew. */
  readonly version: string
}

export interface HostProgram {
  readonly name: string
  readonly alive: boolean
}

export interface OtherCluster {
  readonly name: string
  readonly state: string
  /** Why it is not ready. */
  readonly reason?: string
}

export interface Gateway {
  readonly url: string
  /** PEM of the authority of `url`. */
  readonly ca: string
  readonly token: string
}
