# Machines of Hetzner that join a custom cluster of Rancher by its registration command: Rancher has no machine driver
# for Hetzner.

terraform {
  required_version = ">= 1.9"
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.66"
    }
  }
}

locals {
  machines = merge([for pool, spec in var.pools : {
    for number in range(1, spec.size + 1) : "${pool}-${number}" => merge(spec, { pool = pool })
  }]...)
  labels = { "omegaml.io/cluster" = var.name }
}

resource "hcloud_network" "this" {
  name     = var.name
  ip_range = var.network_range
  labels   = local.labels
}

resource "hcloud_network_subnet" "this" {
  network_id   = hcloud_network.this.id
  type         = "cloud"
  network_zone = var.network_zone
  ip_range     = var.subnet_range
}

# Agents reach Rancher from inside; certificates need 80; the nodes' addresses aren't known beforehand, so only what
# nobody but operators needs is restricted.
resource "hcloud_firewall" "this" {
  name   = var.name
  labels = local.labels

  dynamic "rule" {
    for_each = length(var.operator_ranges) == 0 ? [] : ["22", "6443"]
    content {
      direction  = "in"
      protocol   = "tcp"
      port       = rule.value
      source_ips = var.operator_ranges
    }
  }

  dynamic "rule" {
    for_each = ["80", "443", "5671", "27017"]
    content {
      direction  = "in"
      protocol   = "tcp"
      port       = rule.value
      source_ips = ["0.0.0.0/0", "::/0"]
    }
  }
}

# Machines of a pool run on different hosts, as far as Hetzner has them: at most ten.
resource "hcloud_placement_group" "this" {
  for_each = { for pool, spec in var.pools : pool => spec if spec.size > 1 && spec.size <= 10 }

  name   = "${var.name}-${each.key}"
  type   = "spread"
  labels = local.labels
}

resource "hcloud_server" "this" {
  for_each = local.machines

  name               = "${var.name}-${each.key}"
  server_type        = each.value.machine_type
  image              = var.image
  location           = coalesce(each.value.location, var.location)
  ssh_keys           = var.ssh_keys
  firewall_ids       = [hcloud_firewall.this.id]
  placement_group_id = try(hcloud_placement_group.this[each.value.pool].id, null)
  labels             = merge(local.labels, { "omegaml.io/pool" = each.value.pool, "omegaml.io/role" = each.value.role })
  user_data          = local.joins[each.key]

  network {
    network_id = hcloud_network.this.id
  }

  lifecycle {
    # A new token, label or image would make every machine anew, etcd included. Labels change by the API.
    ignore_changes = [user_data, image, ssh_keys, placement_group_id]
  }

  depends_on = [hcloud_network_subnet.this]
}

locals {
  flags = {
    for name, machine in local.machines : name => concat(
      machine.role == "control" ? ["--etcd", "--controlplane"] : ["--worker"],
      ["--node-name", "${var.name}-${name}", "--internal-address", "\"$private\""],
      [for label, value in merge(machine.labels, { "omegaml.io/role" = machine.role }) : "--label '${label}=${value}'"],
      [for taint in machine.taints : "--taints '${taint.key}=${taint.value}:${taint.effect}'"],
    )
  }
  joins = {
    for name, flags in local.flags : name => join("\n", [
      "#!/bin/sh",
      "set -eu",
      "private=$(curl -sf --retry 30 --retry-all-errors http://169.254.169.254/hetzner/v1/metadata/private-networks | sed -n 's/^- ip: //p' | head -1)",
      "${var.registration} ${join(" ", flags)}",
      "",
    ])
  }
}
