# Volumes for the databases. A root of their own: they stay when the cluster goes.

terraform {
  required_version = ">= 1.6"
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = ">= 1.54"
    }
  }
}

resource "hcloud_volume" "this" {
  for_each = var.volumes

  name     = "${var.name}-${each.key}"
  size     = each.value.size_gb
  location = var.location
  format   = "ext4"
  labels   = { cluster = var.name, volume = each.key }

  # Hetzner refuses to delete it until this is lifted, whoever asks.
  delete_protection = var.protected
}
