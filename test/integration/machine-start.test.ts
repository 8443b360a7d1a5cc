import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findProgram, needProgram } from '../support/programs.ts'

/**
 * What a machine at Hetzner does at its first start, in namespaces of its own: files, network and firewall are real, the
 * programs that would be fetched are not.
 */
const files = resolve(import.meta.dirname, '../../terraform/hcloud-cluster/files')
const isPossible = process.getuid?.() === 0 && findProgram('nft') !== undefined && findProgram('unshare') !== undefined

let work: string

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'machine-start-'))
})

afterAll(async () => {
  await rm(work, { recursive: true, force: true })
})

/** Runs lines of bash in a network and mount namespace of their own, whose end takes everything along. */
async function inNamespaces(lines: string, env: Record<string, string> = {}): Promise<string> {
  const words = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-euc', lines]
  const { stdout } = await execa(needProgram('unshare'), words, { env, timeout: 60_000 })
  return stdout
}

test.skipIf(!isPossible)('pods can’t reach the metadata service, the machine itself can', async () => {
  // The machine between a pod and the cloud. Refused: the packet arrived. Nothing: it was dropped.
  const said = await inNamespaces(
    `
    other() { unshare --net sleep 60 & until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do :; done; }
    ip link set lo up
    echo 1 > /proc/sys/net/ipv4/ip_forward
    other; cloud=$!
    other; pod=$!
    ip link add to-cloud type veth peer name eth0 netns $cloud
    ip link add to-pod type veth peer name eth0 netns $pod
    ip addr add 169.254.0.1/16 dev to-cloud; ip link set to-cloud up
    ip addr add 10.42.0.1/24 dev to-pod; ip link set to-pod up
    nsenter -t $cloud -n sh -c 'ip link set lo up; ip addr add 169.254.169.254/16 dev eth0; ip link set eth0 up; ip route add default via 169.254.0.1'
    nsenter -t $pod -n sh -c 'ip addr add 10.42.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.42.0.1'
    reach() { timeout 2 bash -c 'exec 3<>/dev/tcp/169.254.169.254/80' 2>/dev/null && echo open || { [ $? = 124 ] && echo dropped || echo refused; }; }
    export -f reach
    nsenter -t $pod -n bash -c reach
    nft -f "$FILES/metadata.nft"
    nsenter -t $pod -n bash -c reach
    reach
    `,
    { FILES: files },
  )
  expect(said.split('\n')).toEqual(['refused', 'dropped', 'refused'])
})

test.skipIf(!isPossible)(
  'a machine waits for its private address, tries again what fails, and applies once',
  async () => {
    const programs = join(work, 'programs')
    await mkdir(programs)
    // Each notes its words; the first try of what needs the network fails.
    const stubs = {
      systemctl: 'echo "systemctl $*" >> /root/log',
      curl: [
        'echo "curl $*" >> /root/log',
        '[ -f /root/online ] || { touch /root/online; exit 22; }',
        `echo 'echo install $INSTALL_K3S_VERSION $INSTALL_K3S_EXEC >> /root/log' > "$3"`,
      ].join('\n'),
      k3s: 'echo "k3s $*" >> /root/log; [ -f /root/ready ] || { touch /root/ready; exit 1; }',
      // Waiting brings the address, and costs no time.
      sleep: 'ip addr show private | grep -q 10.0.1.12 || ip addr add 10.0.1.12/32 dev private',
    }
    for (const [name, body] of Object.entries(stubs)) {
      await writeFile(join(programs, name), `#!/bin/bash\n${body}\n`)
      await chmod(join(programs, name), 0o755)
    }
    const said = await inNamespaces(
      `
    mount --make-rprivate /
    mount -t tmpfs none /root
    mkdir /root/up /root/work
    mount -t overlay overlay -o lowerdir=/etc,upperdir=/root/up,workdir=/root/work /etc
    mkdir -p /etc/cloudmgr; echo manifests > /etc/cloudmgr/manifests.yaml
    ip link add private type bridge; ip link set private up
    ip link add other type bridge; ip addr add 192.0.2.7/24 dev other; ip link set other up
    PATH="$PROGRAMS:$PATH" sh "$FILES/k3s-begin.sh" server v1.35.8+k3s1 10.0.0.0/16
    cat /etc/rancher/k3s/config.yaml.d/address.yaml /root/log
    [ ! -e /etc/cloudmgr/manifests.yaml ] && echo "manifests are gone"
    `,
      { FILES: files, PROGRAMS: programs },
    )
    const address = 'https://raw.githubusercontent.com/k3s-io/k3s/v1.35.8%2Bk3s1/install.sh'
    expect(said.split('\n')).toEqual([
      'node-ip: "10.0.1.12"',
      'flannel-iface: "private"',
      'systemctl daemon-reload',
      'systemctl enable --now no-metadata-for-pods.service',
      `curl -sfL -o /root/k3s-install.sh ${address}`,
      `curl -sfL -o /root/k3s-install.sh ${address}`,
      'install v1.35.8+k3s1 server',
      'k3s kubectl apply -f /etc/cloudmgr/manifests.yaml',
      'k3s kubectl apply -f /etc/cloudmgr/manifests.yaml',
      'manifests are gone',
    ])
  },
)
