# What a machine does at its first start. JSON is YAML too, so no text is ever put between quotes by hand.

locals {
  files = "${path.module}/../../hcloud-cluster/files"

  flags = {
    for name, machine in local.machines : name => concat(
      machine.role == "control" ? ["--etcd", "--controlplane"] : ["--worker"],
      # The name is that of the server: the cloud controller finds it by that.
      ["--node-name", "${var.name}-${name}", "--internal-address", "\"$private\""],
      [for label, value in merge(machine.labels, { "omegaml.io/role" = machine.role }) : "--label '${label}=${value}'"],
      [for taint in machine.taints : "--taints '${taint.key}=${taint.value}:${taint.effect}'"],
    )
  }

  # The private network may come seconds after the machine does.
  joins = {
    for name, flags in local.flags : name => join("\n", [
      "#!/bin/sh",
      "set -eu",
      "systemctl daemon-reload",
      "systemctl enable --now no-metadata-for-pods.service",
      "private=''",
      "while [ -z \"$private\" ]; do",
      "  private=$(curl -sf http://169.254.169.254/hetzner/v1/metadata/private-networks | sed -n 's/^- ip: //p' | head -n 1)",
      "  [ -n \"$private\" ] || sleep 2",
      "done",
      # Again, where Rancher does not answer just then.
      "until systemctl is-active --quiet rancher-system-agent; do",
      "  ${var.registration} ${join(" ", flags)} || true",
      "  sleep 10",
      "done",
      "",
    ])
  }

  init = {
    for name, script in local.joins : name => join("\n", ["#cloud-config", jsonencode({
      package_update = true
      packages       = ["nftables", "curl"]
      write_files = [
        { path = "/usr/local/sbin/rancher-join", permissions = "0700", content = script },
        { path = "/etc/cloudmgr/metadata.nft", permissions = "0600", content = file("${local.files}/metadata.nft") },
        {
          path        = "/etc/systemd/system/no-metadata-for-pods.service"
          permissions = "0644"
          content     = file("${local.files}/no-metadata-for-pods.service")
        },
      ]
      runcmd = [["/usr/local/sbin/rancher-join"]]
    })])
  }
}
