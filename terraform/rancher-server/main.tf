# A Rancher server on a machine of its own at Hetzner Cloud: k3s, cert-manager, Rancher, its backups.

terraform {
  required_version = ">= 1.6"
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = ">= 1.54"
    }
  }
}

locals {
  labels = { rancher = var.name }
  # A public service that answers with the address in the name: for a first look, or where there is no domain.
  hostname = var.hostname != "" ? var.hostname : "rancher.${replace(hcloud_primary_ip.this.ip_address, ".", "-")}.sslip.io"
  files    = "${path.module}/../hcloud-cluster/files"
}

module "charts" {
  source = "./charts"

  hostname           = local.hostname
  rancher_version    = var.rancher_version
  bootstrap_password = var.bootstrap_password
  acme_email         = var.acme_email
  backup             = var.backup
}

# Agents and ACME come from everywhere, and nodes' addresses aren't known beforehand: 80 and 443 are open.
resource "hcloud_firewall" "this" {
  name   = var.name
  labels = local.labels

  dynamic "rule" {
    for_each = { http = "80", https = "443" }
    content {
      description = rule.key
      direction   = "in"
      protocol    = "tcp"
      port        = rule.value
      source_ips  = ["0.0.0.0/0", "::/0"]
    }
  }

  dynamic "rule" {
    for_each = { for port, ranges in { "22" = var.ssh_ranges, "6443" = var.api_ranges } : port => ranges if length(ranges) > 0 }
    content {
      direction  = "in"
      protocol   = "tcp"
      port       = rule.key
      source_ips = rule.value
    }
  }
}

# Rancher's name leads here and every cluster's agents know it: it outlives the machine.
resource "hcloud_primary_ip" "this" {
  name              = var.name
  type              = "ipv4"
  assignee_type     = "server"
  location          = var.location
  auto_delete       = false
  delete_protection = var.protected
  labels            = local.labels
}

resource "hcloud_server" "this" {
  name              = var.name
  server_type       = var.server_type
  image             = var.image
  location          = var.location
  ssh_keys          = var.ssh_keys
  firewall_ids      = [hcloud_firewall.this.id]
  delete_protection = var.protected
  # Hetzner wants both alike.
  rebuild_protection = var.protected
  labels             = local.labels

  user_data = join("\n", ["#cloud-config", jsonencode({
    package_update = true
    packages       = ["nftables", "curl"]
    write_files = concat(
      [
        { path = "/usr/local/sbin/k3s-begin", permissions = "0700", content = file("${local.files}/k3s-begin.sh") },
        { path = "/etc/cloudmgr/metadata.nft", permissions = "0600", content = file("${local.files}/metadata.nft") },
        {
          path        = "/etc/systemd/system/no-metadata-for-pods.service"
          permissions = "0644"
          content     = file("${local.files}/no-metadata-for-pods.service")
        },
        {
          path        = "/etc/rancher/k3s/config.yaml"
          permissions = "0600"
          content = jsonencode({
            token              = var.keys.token
            tls-san            = [hcloud_primary_ip.this.ip_address]
            secrets-encryption = true
          })
        },
        { path = "/etc/cloudmgr/manifests.yaml", permissions = "0600", content = module.charts.manifests },
      ],
      [
        for name, content in var.keys.files : {
          path = "/var/lib/rancher/k3s/server/tls/${name}", permissions = "0600", content = content
        }
      ],
    )
    runcmd = [["/usr/local/sbin/k3s-begin", "server", var.k3s_version]]
  })])

  public_net {
    ipv4_enabled = true
    ipv4         = hcloud_primary_ip.this.id
    ipv6_enabled = true
  }

  lifecycle {
    # Another version or password would make the machine anew, with an empty Rancher.
    ignore_changes = [user_data, image, ssh_keys]

    precondition {
      condition = module.charts.kubernetes == null ? true : (
        tonumber(split(".", var.k3s_version)[1]) >= tonumber(split(".", module.charts.kubernetes.from)[1]) &&
        tonumber(split(".", var.k3s_version)[1]) <= tonumber(split(".", module.charts.kubernetes.to)[1])
      )
      error_message = "k3s_version ${var.k3s_version} does not go with Rancher ${module.charts.rancher_version}: Kubernetes ${try(module.charts.kubernetes.from, "")} to ${try(module.charts.kubernetes.to, "")} does (catalog/rancher.yml)."
    }
  }
}
