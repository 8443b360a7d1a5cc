# Machines of Hetzner that join a custom cluster of Rancher by its registration command: Rancher has no machine driver
# for Hetzner. What such a cluster lacks there is output `manifest`, for input `additional_manifest` of rancher-cluster.

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

  ingress_role = contains([for spec in values(var.pools) : spec.role], "ingress") ? "ingress" : var.ingress_role
  # RKE2's own.
  pods_range = "10.42.0.0/16"
}

module "charts" {
  source = "../../hcloud-cluster/charts"

  hcloud_token = var.hcloud_token
  network_id   = tostring(hcloud_network.this.id)
  location     = var.location
  labels       = local.labels
  pods_range   = local.pods_range
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

# The private network passes it by, with it the load balancer and the pods' traffic. Agents reach Rancher from inside.
resource "hcloud_firewall" "this" {
  name   = var.name
  labels = local.labels

  rule {
    description = "ping"
    direction   = "in"
    protocol    = "icmp"
    source_ips  = ["0.0.0.0/0", "::/0"]
  }

  dynamic "rule" {
    for_each = length(var.operator_ranges) == 0 ? [] : ["22", "6443"]
    content {
      direction  = "in"
      protocol   = "tcp"
      port       = rule.value
      source_ips = var.operator_ranges
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
  user_data          = local.init[each.key]

  network {
    network_id = hcloud_network.this.id
    # The provider shows a change for ever where this is left out.
    alias_ips = []
  }

  lifecycle {
    # A new token, label or image would make every machine anew, etcd included. Labels change by the API.
    ignore_changes = [user_data, image, ssh_keys, placement_group_id]
  }

  depends_on = [hcloud_network_subnet.this]
}

# Made here and not by a Service, so that it goes with the cluster: what the cloud controller makes is in no state.
resource "hcloud_load_balancer" "ingress" {
  name               = "${var.name}-ingress"
  load_balancer_type = var.load_balancer_type
  location           = var.location
  labels             = local.labels
}

resource "hcloud_load_balancer_network" "ingress" {
  load_balancer_id = hcloud_load_balancer.ingress.id
  network_id       = hcloud_network.this.id

  depends_on = [hcloud_network_subnet.this]
}

resource "hcloud_load_balancer_target" "ingress" {
  load_balancer_id = hcloud_load_balancer.ingress.id
  type             = "label_selector"
  label_selector   = "omegaml.io/cluster=${var.name},omegaml.io/role=${local.ingress_role}"
  use_private_ip   = true

  depends_on = [hcloud_load_balancer_network.ingress]
}

resource "hcloud_load_balancer_service" "ingress" {
  for_each = var.ingress_ports

  load_balancer_id = hcloud_load_balancer.ingress.id
  protocol         = "tcp"
  listen_port      = each.value.listen
  destination_port = each.value.node
}
