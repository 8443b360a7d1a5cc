# Machines of one ordered pool, added to a cluster of module hcloud-cluster that belongs to the operator.

terraform {
  required_version = ">= 1.6"
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = ">= 1.66"
    }
  }
}

locals {
  # Without a role: the cluster's load balancer looks for its machines by that. `ordered` is how `down` finds these.
  labels = { cluster = var.cluster, ordered = var.pool }

  files = [
    {
      path        = "/usr/local/sbin/k3s-begin"
      permissions = "0700"
      content     = file("${path.module}/../hcloud-cluster/files/k3s-begin.sh")
    },
    {
      path        = "/etc/cloudmgr/metadata.nft"
      permissions = "0600"
      content     = file("${path.module}/../hcloud-cluster/files/metadata.nft")
    },
    {
      path        = "/etc/systemd/system/no-metadata-for-pods.service"
      permissions = "0644"
      content     = file("${path.module}/../hcloud-cluster/files/no-metadata-for-pods.service")
    },
  ]

  # As workers of module hcloud-cluster begin. JSON is YAML too, so no text is ever put between quotes by hand.
  init = {
    for name, machine in var.machines : name => join("\n", ["#cloud-config", jsonencode({
      package_update = true
      packages       = ["nftables", "curl"]
      write_files = concat(local.files, [{
        path        = "/etc/rancher/k3s/config.yaml"
        permissions = "0600"
        content = jsonencode({
          server      = "https://${var.joining.server}:6443"
          token       = var.agent_token
          node-name   = name
          kubelet-arg = ["cloud-provider=external"]
          node-label = concat(
            ["omegaml.io/role=${machine.role}"],
            [for key, value in machine.labels : "${key}=${value}"],
          )
          node-taint = [for taint in machine.taints : "${taint.key}=${taint.value}:${taint.effect}"]
        })
      }])
      runcmd = [["/usr/local/sbin/k3s-begin", "agent", var.joining.k3s_version, var.joining.network_range]]
    })])
  }
}

# On different hosts, as far as Hetzner has them: at most ten in a group.
resource "hcloud_placement_group" "this" {
  count = length(var.machines) > 0 ? 1 : 0

  name   = var.pool
  type   = "spread"
  labels = local.labels
}

resource "hcloud_server" "this" {
  for_each = var.machines

  name               = each.key
  server_type        = each.value.server_type
  image              = var.joining.image
  location           = var.joining.location
  ssh_keys           = var.joining.ssh_keys
  placement_group_id = one(hcloud_placement_group.this[*].id)
  firewall_ids       = [var.joining.firewall_id]
  user_data          = local.init[each.key]
  labels             = local.labels

  public_net {
    ipv4_enabled = true
    ipv6_enabled = true
  }

  network {
    # Of several subnets Hetzner would choose any.
    network_id = var.joining.subnet_id == null ? var.joining.network_id : null
    subnet_id  = var.joining.subnet_id
    # The provider shows a change for ever where this is left out.
    alias_ips = []
  }

  lifecycle {
    # Another token, version, label or name of the network is for machines to come.
    ignore_changes = [user_data, image, ssh_keys, network]
  }
}

output "machines" {
  description = "Id and address of each machine."
  value       = { for name, server in hcloud_server.this : name => { id = server.id, address = server.ipv4_address } }
}
