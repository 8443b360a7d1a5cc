# A k3s cluster on machines of Hetzner Cloud: network, firewall, control plane, machines by pool, load balancer.

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
  # Added to everything, so that what belongs to the cluster can be found by Hetzner's own tools.
  labels = merge({ cluster = var.name }, var.labels)

  # Texts in the provider's answers; those who are given it want a number.
  network_id = var.network_id != null ? var.network_id : tonumber(one(hcloud_network.this[*].id))

  controls = { for n in range(1, var.control.count + 1) : "control-${n}" => cidrhost(var.subnet_range, 10 + n) }

  # One entry for each machine: another size of a pool leaves the other machines' keys as they are.
  machines = merge([
    for pool, spec in var.pools : {
      for n in range(1, spec.size + 1) : "${pool}-${n}" => merge(spec, { pool = pool })
    }
  ]...)

  ingress_role = contains([for spec in values(var.pools) : spec.role], "ingress") ? "ingress" : var.ingress_role
}

resource "hcloud_network" "this" {
  count = var.network_id == null ? 1 : 0

  name     = var.name
  ip_range = var.network_range
  labels   = local.labels
}

# Of states from before a network could be somebody else's.
moved {
  from = hcloud_network.this
  to   = hcloud_network.this[0]
}

resource "hcloud_network_subnet" "this" {
  network_id   = local.network_id
  type         = "cloud"
  network_zone = var.network_zone
  ip_range     = var.subnet_range
}

# The private network passes it by; from outside only what is named here comes in.
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
    for_each = length(var.ssh_ranges) > 0 ? [var.ssh_ranges] : []
    content {
      description = "ssh"
      direction   = "in"
      protocol    = "tcp"
      port        = "22"
      source_ips  = rule.value
    }
  }

  dynamic "rule" {
    for_each = length(var.api_ranges) > 0 ? [var.api_ranges] : []
    content {
      description = "kubernetes"
      direction   = "in"
      protocol    = "tcp"
      port        = "6443"
      source_ips  = rule.value
    }
  }
}

resource "hcloud_placement_group" "control" {
  count = var.control.count > 1 ? 1 : 0

  name   = "${var.name}-control"
  type   = "spread"
  labels = local.labels
}

# Known before the machine is: the API server's certificate names it, and it stays when the machine is made anew.
resource "hcloud_primary_ip" "control" {
  for_each = local.controls

  name          = "${var.name}-${each.key}"
  type          = "ipv4"
  assignee_type = "server"
  location      = var.location
  auto_delete   = false
  labels        = local.labels
}

resource "hcloud_server" "control" {
  for_each = local.controls

  name               = "${var.name}-${each.key}"
  server_type        = var.control.server_type
  image              = var.image
  location           = var.location
  ssh_keys           = var.ssh_keys
  placement_group_id = one(hcloud_placement_group.control[*].id)
  firewall_ids       = [hcloud_firewall.this.id]
  user_data          = local.control_init[each.key]
  labels             = merge(local.labels, { pool = "control", role = var.control.role })

  public_net {
    ipv4_enabled = true
    ipv4         = hcloud_primary_ip.control[each.key].id
    ipv6_enabled = true
  }

  network {
    network_id = local.network_id
    ip         = each.value
    # The provider shows a change for ever where this is left out.
    alias_ips = []
  }

  lifecycle {
    # Another token, version or label would make the machine anew, etcd included. It is for machines to come.
    ignore_changes = [user_data, image, ssh_keys]
  }

  depends_on = [hcloud_network_subnet.this]
}

resource "hcloud_server" "machine" {
  for_each = local.machines

  name         = "${var.name}-${each.key}"
  server_type  = each.value.server_type
  image        = var.image
  location     = var.location
  ssh_keys     = var.ssh_keys
  firewall_ids = [hcloud_firewall.this.id]
  user_data    = local.machine_init[each.value.pool]
  labels       = merge(local.labels, { pool = each.value.pool, role = each.value.role })

  public_net {
    ipv4_enabled = true
    ipv6_enabled = true
  }

  network {
    # Of several subnets Hetzner would choose any.
    subnet_id = hcloud_network_subnet.this.id
    alias_ips = []
  }

  lifecycle {
    # The network of those that were made when it was named otherwise.
    ignore_changes = [user_data, image, ssh_keys, network]
  }

  # Machines wait for the control plane; made before it they would only try again and again.
  depends_on = [hcloud_network_subnet.this, hcloud_server.control]
}

# Made here and not by a Service, so that it goes with the cluster: what the cloud controller makes is in no state.
resource "hcloud_load_balancer" "ingress" {
  count = var.load_balancer ? 1 : 0

  name               = "${var.name}-ingress"
  load_balancer_type = var.load_balancer_type
  location           = var.location
  labels             = local.labels
}

resource "hcloud_load_balancer_network" "ingress" {
  count = var.load_balancer ? 1 : 0

  load_balancer_id = hcloud_load_balancer.ingress[0].id
  network_id       = local.network_id

  depends_on = [hcloud_network_subnet.this]
}

resource "hcloud_load_balancer_target" "ingress" {
  count = var.load_balancer ? 1 : 0

  load_balancer_id = hcloud_load_balancer.ingress[0].id
  type             = "label_selector"
  label_selector   = "cluster=${var.name},role=${local.ingress_role}"
  use_private_ip   = true

  depends_on = [hcloud_load_balancer_network.ingress]
}

resource "hcloud_load_balancer_service" "ingress" {
  for_each = var.load_balancer ? var.ingress_ports : {}

  load_balancer_id = hcloud_load_balancer.ingress[0].id
  protocol         = "tcp"
  listen_port      = each.value.listen
  destination_port = each.value.node
}

moved {
  from = hcloud_load_balancer.ingress
  to   = hcloud_load_balancer.ingress[0]
}

moved {
  from = hcloud_load_balancer_network.ingress
  to   = hcloud_load_balancer_network.ingress[0]
}

moved {
  from = hcloud_load_balancer_target.ingress
  to   = hcloud_load_balancer_target.ingress[0]
}
